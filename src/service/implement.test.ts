import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { beforeAll, describe, expect, test } from 'vitest'
import { Fault } from '../base/errors.ts'
import { operation, resource, service, t } from '../contract/index.ts'
import { handlerName, implement } from './implement.ts'

/**
 * What a user of the library sees of a mistake: small files are compiled as theirs would be, with the options of this
 * repository, and in one program, since the libraries cost most of the time.
 */
const CONTRACT = `
import { operation, resource, service, t } from 'lintel/contract'
import { type HandlerOf, implement, insert } from 'lintel/service'

const Note = resource('note', {
  id: 'nte',
  fields: { title: t.text(), pages: t.integer().default(1), state: t.oneOf('new', 'read').server(), hash: t.text().hidden() },
  access: { list: 'public', get: 'public', create: 'admin', update: 'admin', delete: 'admin' },
  custom: ['create', 'update'],
})
const Tag = resource('tag', { id: 'tag', fields: { word: t.text() }, access: { get: 'public', create: 'admin' } })
const notes = service('notes', {
  resources: { notes: Note, tags: Tag },
  operations: {
    statistics: operation({ method: 'GET', path: '/statistics', access: 'public', answer: { count: t.integer() } }),
    confirm: operation({ method: 'PUT', path: '/confirmations/{token}', access: 'public', body: { on: t.boolean() } }),
  },
  events: { 'note.created': { data: {} } },
})
const options = { migrations: new URL('./migrations/', import.meta.url) }
const create: HandlerOf<typeof notes, 'notes', 'create'> = async ({ body }, { tx }) =>
  insert(tx, Note, { ...body, state: 'new', hash: '' })
const update: HandlerOf<typeof notes, 'notes', 'update'> = async () => { throw new Error('later') }
const statistics = async () => ({ count: 1 })
const confirm = async () => {}
void [implement, options, create, update, statistics, confirm]
`

const SNIPPETS = {
  sound: `implement(notes, {
    notes: { create, update },
    statistics,
    confirm,
  }, options)`,
  inPlace: `implement(notes, {
    notes: {
      create: async ({ body, caller }, { tx, emit }) => {
        const pages: number = body.pages
        const note = await insert(tx, Note, { title: body.title, pages, state: 'new', hash: caller.kind })
        emit('note.created', note)
        return note
      },
      update,
    },
    statistics: async (_, { read }) => ({ count: (await read.query('select 1')).length }),
    confirm: async ({ params, body }) => {
      const on: boolean = body.on
      void [params.token, on]
    },
  }, options)`,
  missingVerb: `implement(notes, {
    notes: { create },
    statistics,
    confirm,
  }, options)`,
  missingResource: `implement(notes, {
    statistics,
    confirm,
  }, options)`,
  missingOperation: `implement(notes, {
    notes: { create, update },
    confirm,
  }, options)`,
  misspeltVerb: `implement(notes, {
    notes: { create, udpate: update },
    statistics,
    confirm,
  }, options)`,
  misspeltOperation: `implement(notes, {
    notes: { create, update },
    statisticz: statistics,
    confirm,
  }, options)`,
  notCustom: `implement(notes, {
    notes: { create, update, delete: async () => {} },
    statistics,
    confirm,
  }, options)`,
  noSuchResource: `implement(notes, {
    notes: { create, update },
    tags: { create: async () => {} },
    statistics,
    confirm,
  }, options)`,
  wrongAnswer: `implement(notes, {
    notes: {
      create,
      update: async () => ({ title: 5 }),
    },
    statistics,
    confirm,
  }, options)`,
  wrongOperationAnswer: `implement(notes, {
    notes: { create, update },
    statistics: async () => ({ count: 'many' }),
    confirm,
  }, options)`,
  answerWhereNoneIs: `implement(notes, {
    notes: { create, update },
    statistics,
    confirm: async () => 5,
  }, options)`,
  notAsync: `implement(notes, {
    notes: { create, update },
    statistics: () => ({ count: 1 }),
    confirm,
  }, options)`,
  misspeltField: `implement(notes, {
    notes: {
      create: async ({ body }) => { throw new Error(body.titel) },
      update,
    },
    statistics,
    confirm,
  }, options)`,
  readOnlyField: `implement(notes, {
    notes: {
      create: async ({ body }) => { throw new Error(body.state) },
      update,
    },
    statistics,
    confirm,
  }, options)`,
  unknownEvent: `implement(notes, {
    notes: {
      create: async (asked, unit) => { unit.emit('note.made', 'nte_1', {}); return create(asked, unit) },
      update,
    },
    statistics,
    confirm,
  }, options)`,
  customRead: `resource('entry', { id: 'ent', fields: {}, access: { get: 'public', create: 'admin' },
    custom: ['get'],
  })`,
} as const

/** What the compiler says of each: where its line begins, and the whole text. */
const said = new Map<string, { line: string; text: string }[]>()

beforeAll(() => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root)
  const texts = new Map(
    Object.entries(SNIPPETS).map(([name, text]) => [
      `${root}src/service/${name}.snippet.ts`,
      `${CONTRACT}\nexport default ${text}\n`,
    ]),
  )
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => texts.has(path) || fileExists(path)
  host.readFile = (path) => texts.get(path) ?? readFile(path)
  host.getSourceFile = (path, target, ...rest) => {
    const text = texts.get(path)
    return text === undefined ? getSourceFile(path, target, ...rest) : ts.createSourceFile(path, text, target)
  }
  const program = ts.createProgram([...texts.keys()], options, host)
  for (const [path, text] of texts) {
    const diagnostics = program.getSemanticDiagnostics(program.getSourceFile(path))
    said.set(
      path.split('/').at(-1)!.replace('.snippet.ts', ''),
      diagnostics.map(({ start = 0, messageText }) => ({
        line: text
          .slice(text.lastIndexOf('\n', start) + 1)
          .split('\n')[0]!
          .trim(),
        text: ts.flattenDiagnosticMessageText(messageText, '\n'),
      })),
    )
  }
}, 60_000)

describe('handlers are typed by their contract (R-P-2)', () => {
  test.each(['sound', 'inPlace'])('R-P-2: a complete set compiles: %s', (name) => expect(said.get(name)).toEqual([]))

  test.each<[name: keyof typeof SNIPPETS, line: string, text: string]>([
    ['missingVerb', 'notes: { create },', "Property 'update' is missing in type"],
    ['missingResource', 'export default implement(notes, {', "Property 'notes' is missing in type"],
    ['missingOperation', 'export default implement(notes, {', "Property 'statistics' is missing in type"],
    ['misspeltVerb', 'notes: { create, udpate: update },', "Did you mean to write 'update'?"],
    ['misspeltOperation', 'statisticz: statistics,', "Did you mean to write 'statistics'?"],
    ['notCustom', 'notes: { create, update, delete: async () => {} },', "'delete' does not exist in type"],
    ['noSuchResource', 'tags: { create: async () => {} },', "'tags' does not exist in type"],
    ['wrongAnswer', 'update: async () => ({ title: 5 }),', "Type '{ title: number; }' is not assignable to type"],
    [
      'wrongOperationAnswer',
      "statistics: async () => ({ count: 'many' }),",
      "Types of property 'count' are incompatible",
    ],
    ['answerWhereNoneIs', 'confirm: async () => 5,', "Type 'number' is not assignable to type 'void'"],
    ['notAsync', 'statistics: () => ({ count: 1 }),', "is missing the following properties from type 'Promise<"],
    ['misspeltField', 'create: async ({ body }) => { throw new Error(body.titel) },', "Did you mean 'title'?"],
    [
      'readOnlyField',
      'create: async ({ body }) => { throw new Error(body.state) },',
      "Property 'state' does not exist on type",
    ],
    [
      'unknownEvent',
      'create: async (asked, unit) => {',
      `'"note.made"' is not assignable to parameter of type '"note.created"'`,
    ],
    ['customRead', "custom: ['get'],", `Type '"get"' is not assignable to type '"create"'`],
  ])('R-P-2: %s does not compile, at `%s`, and the message says: %s', (name, line, text) => {
    expect(said.get(name)).toEqual([{ line: expect.stringContaining(line), text: expect.stringContaining(text) }])
  })

  test('R-P-2: the first line of the message names a verb that is missing, and one that is not offered', () => {
    const firstOf = (name: string) => said.get(name)![0]!.text.split('\n')[0]
    expect(firstOf('missingVerb')).toMatch(/^Property 'update' is missing/)
    expect(firstOf('misspeltVerb')).toMatch(/'udpate' does not exist/)
  })
})

describe('implement', () => {
  const Note = resource('note', {
    id: 'nte',
    fields: { title: t.text() },
    access: { get: 'public', create: 'admin', delete: 'admin' },
    custom: ['create'],
  })
  const notes = service('notes', {
    resources: { notes: Note },
    operations: { confirm: operation({ method: 'PUT', path: '/confirmations/{token}', access: 'public' }) },
  })
  const create = async () => {
    throw new Error('never called')
  }
  const confirm = async () => {}
  const options = { migrations: new URL('./migrations/', import.meta.url) }

  test('R-P-2: each handler is found by the name of its operation', () => {
    const { handlers } = implement(notes, { notes: { create }, confirm }, options)
    expect([...handlers]).toEqual([
      ['notes.create', create],
      ['confirm', confirm],
    ])
    expect(notes.served.filter(({ custom }) => custom).map(handlerName)).toEqual(['notes.create', 'confirm'])
  })

  test('R-P-2: without types, a missing handler stops the start and is named', () => {
    for (const [handlers, name] of [
      [{ notes: {}, confirm }, 'notes.notes.create'],
      [{ notes: { create } }, 'notes.confirm'],
    ] as const) {
      const start = () => implement(notes, handlers as never, options)
      expect(start).toThrow(Fault)
      expect(start).toThrow(`${name} has no handler`)
    }
  })
})

import { beforeAll, describe, expect, test } from 'vitest'
import { compiled, type Said } from '../../test/compiled.ts'
import { Fault } from '../base/errors.ts'
import { consumer, event, operation, resource, service, t } from '../contract/index.ts'
import { handlerName, implement } from './implement.ts'

/**
 * What a user of the library sees of a mistake: small files are compiled as theirs would be, with the options of this
 * repository, and in one program, since the libraries cost most of the time.
 */
const CONTRACT = `
import { consumer, event, job, operation, problem, resource, service, t } from 'lintel/contract'
import { type ConsumerHandlers, type HandlerOf, implement, insert } from 'lintel/service'

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
  events: { 'note.created': { data: {}, older: {} } },
  problems: { TITLE_TAKEN: problem(409, 'Another note has this title') },
})
const options = { migrations: new URL('./migrations/', import.meta.url) }
const create: HandlerOf<typeof notes, 'notes', 'create'> = async ({ body }, { tx }) =>
  insert(tx, Note, { ...body, state: 'new', hash: '' })
const update: HandlerOf<typeof notes, 'notes', 'update'> = async () => { throw new Error('later') }
const statistics = async () => ({ count: 1 })
const confirm = async () => {}
const shop = { name: 'shop', events: { 'thing.made': event({ size: t.integer() }), 'thing.lost': event({ by: t.text() }) } }
const readers = service('readers', {
  events: { 'reader.seen': event({ size: t.integer() }) },
  consumers: { things: consumer(shop, ['thing.made', 'thing.lost']) },
})
const workers = service('workers', { jobs: { send: job({ data: { size: t.integer() } }), tidy: job({ everyMs: 60_000 }) } })
const tidy = async () => {}
const lost: ConsumerHandlers<typeof readers, 'things'>['thing.lost'] = async ({ data }) => { void data.by }
void [implement, options, create, update, statistics, confirm, readers, lost, workers, tidy]
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
  refusing: `implement(notes, { notes: { create, update }, statistics, confirm }, {
    ...options,
    refusals: { notes_title_key: 'TITLE_TAKEN', NT001: 'CONFLICT' },
  })`,
  misspeltRefusal: `implement(notes, { notes: { create, update }, statistics, confirm }, {
    ...options,
    refusals: { notes_title_key: 'TITEL_TAKEN' },
  })`,
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
  consuming: `implement(readers, {
    things: {
      'thing.made': async ({ type, data, aggregateId, timestamp }, { emit, tx, mail, signal }) => {
        const size: number = data.size
        const made: 'thing.made' = type
        await tx.query('select 1', [aggregateId, timestamp, made, mail, signal.aborted])
        emit('reader.seen', aggregateId, { size })
      },
      'thing.lost': lost,
    },
  }, options)`,
  working: `implement(workers, {
    send: async ({ name, data, attempt, isLast }, { tx, enqueue, run, mail }) => {
      const made: 'send' = name
      const size: number = data.size + attempt
      await run(async (unit) => unit.enqueue('send', { size }, { delayMs: 5, key: made }))
      enqueue('send', { size })
      await tx.query('select 1', [isLast, mail])
    },
    tidy,
  }, { ...options, mailers: ['send'] })`,
  missingJob: `implement(workers, { tidy }, options)`,
  misspeltJobData: `implement(workers, {
    send: async ({ data }) => { throw new Error(data.sise) },
    tidy,
  }, options)`,
  wrongEnqueue: `implement(workers, {
    send: async (_, { enqueue }) => enqueue('send', { size: 'large' }),
    tidy,
  }, options)`,
  unknownJob: `implement(workers, {
    send: async (_, { enqueue }) => enqueue('sent', { size: 5 }),
    tidy,
  }, options)`,
  missingConsumer: `implement(readers, {}, options)`,
  missingEvent: `implement(readers, {
    things: { 'thing.lost': lost },
  }, options)`,
  misspeltEvent: `implement(readers, {
    things: { 'thing.made': async () => {}, 'thing.lots': lost },
  }, options)`,
  wrongEvent: `implement(readers, {
    things: { 'thing.made': lost, 'thing.lost': lost },
  }, options)`,
  misspeltData: `implement(readers, {
    things: {
      'thing.made': async ({ data }) => { throw new Error(data.sise) },
      'thing.lost': lost,
    },
  }, options)`,
  wrongEmit: `implement(readers, {
    things: {
      'thing.made': async (event, { emit }) => emit('reader.seen', event.aggregateId, { size: 'large' }),
      'thing.lost': lost,
    },
  }, options)`,
  eventNotAsync: `implement(readers, {
    things: {
      'thing.made': () => {},
      'thing.lost': lost,
    },
  }, options)`,
  notConsumed: `service('others', {
    consumers: { things: consumer(shop, ['thing.sold']) },
  })`,
  unofferedVerb: `resource('entry', { id: 'ent', fields: {}, access: { get: 'public', create: 'admin' },
    custom: ['delete'],
  })`,
} as const

/** What the compiler says of each: where its line begins, and the whole text. */
let said: ReadonlyMap<string, readonly Said[]>

beforeAll(() => {
  const programs = Object.entries(SNIPPETS).map(([name, text]) => [name, `${CONTRACT}\nexport default ${text}\n`])
  said = compiled(Object.fromEntries(programs), 'src/service').said
}, 60_000)

describe('handlers are typed by their contract (R-P-2)', () => {
  test.each(['sound', 'inPlace', 'consuming', 'working', 'refusing'])('R-P-2: a complete set compiles: %s', (name) =>
    expect(said.get(name)).toEqual([]),
  )

  test.each<[name: keyof typeof SNIPPETS, line: string, text: string]>([
    ['missingVerb', 'notes: { create },', "Property 'update' is missing in type"],
    ['missingResource', 'export default implement(notes, {', "Property 'notes' is missing in type"],
    ['missingOperation', 'export default implement(notes, {', "Property 'statistics' is missing in type"],
    ['misspeltVerb', 'notes: { create, udpate: update },', "Did you mean to write 'update'?"],
    ['misspeltRefusal', "refusals: { notes_title_key: 'TITEL_TAKEN' },", `Did you mean '"TITLE_TAKEN"'?`],
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
    ['missingJob', 'export default implement(workers, { tidy }, options)', "Property 'send' is missing in type"],
    [
      'misspeltJobData',
      'send: async ({ data }) => { throw new Error(data.sise) },',
      "Property 'sise' does not exist on type '{ size: number; }'",
    ],
    ['wrongEnqueue', 'send: async (_, { enqueue }) =>', "Type 'string' is not assignable to type 'number'"],
    ['unknownJob', 'send: async (_, { enqueue }) =>', `'"sent"' is not assignable to parameter of type`],
    ['missingConsumer', 'export default implement(readers, {}, options)', "Property 'things' is missing in type"],
    ['missingEvent', "things: { 'thing.lost': lost },", `Property '"thing.made"' is missing in type`],
    [
      'misspeltEvent',
      "things: { 'thing.made': async () => {}, 'thing.lots': lost },",
      "''thing.lots'' does not exist in type 'ConsumerHandlers<",
    ],
    ['wrongEvent', "things: { 'thing.made': lost, 'thing.lost': lost },", 'is not assignable to type'],
    [
      'misspeltData',
      "'thing.made': async ({ data }) => { throw new Error(data.sise) },",
      "Property 'sise' does not exist on type '{ size: number; }'",
    ],
    ['wrongEmit', "'thing.made': async (event, { emit }) =>", "Type 'string' is not assignable to type 'number'"],
    ['eventNotAsync', "'thing.made': () => {},", "is not assignable to type 'Promise<void>'"],
    [
      'notConsumed',
      "consumers: { things: consumer(shop, ['thing.sold']) },",
      `Type '"thing.sold"' is not assignable to type`,
    ],
    ['unofferedVerb', "custom: ['delete'],", `Type '"delete"' is not assignable to type '"get" | "create"'`],
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

  test('R-P-2: each handler of an event is found by its consumer and type; without types, a missing one stops the start', () => {
    const made = { name: 'shop', events: { 'thing.made': event({}), 'thing.lost': event({}) } }
    const readers = service('readers', { consumers: { things: consumer(made, ['thing.made', 'thing.lost']) } })
    const handle = async () => {}
    const { eventHandlers } = implement(readers, { things: { 'thing.made': handle, 'thing.lost': handle } }, options)
    expect([...eventHandlers]).toEqual([
      ['things.thing.made', handle],
      ['things.thing.lost', handle],
    ])
    const start = () => implement(readers, { things: { 'thing.made': handle } } as never, options)
    expect(start).toThrow('readers.things for thing.lost has no handler')
  })

  test('FC-52: without types, a refusal that the contract does not declare stops the start and is named', () => {
    const refusals = { notes_title_key: 'TITLE_TAKEN' } as never
    expect(() => implement(notes, { notes: { create }, confirm }, { ...options, refusals })).toThrow(
      'refusals of notes: "notes_title_key" is mapped to TITLE_TAKEN, which the contract does not declare',
    )
  })

  test('R-P-2: without types, a mailer that is no consumer of the contract stops the start and is named', () => {
    const mailers = ['notices'] as never
    expect(() => implement(notes, { notes: { create }, confirm }, { ...options, mailers })).toThrow(
      'mailers of notes: "notices" is not among its consumers and jobs: it has none',
    )
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

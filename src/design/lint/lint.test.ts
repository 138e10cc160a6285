import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { cleanDocument } from '../../../test/design/clean-document.ts'
import { helpdesk, notes, reference } from '../../../test/design/own-documents.ts'
import { readSource, type Source } from '../source/source.ts'
import { NO_CONFIG, readConfig } from './config.ts'
import { type Finding, lint } from './lint.ts'
import { sarifOf } from './sarif.ts'
import { summaryOf, textOf } from './text.ts'

const nowhere = () => 'does not exist'

describe('places', () => {
  const yaml = `openapi: 3.1.0
info: { title: T, version: '1' }
security: []
paths:
  /orders/{id}/cancel:
    post:
      operationId: cancel
      summary: Cancel
      parameters:
        - { name: id, in: path, required: true, schema: { type: string } }
`
  test('a finding in YAML has the line and column of its key', () => {
    expect(placeOf(only(yaml, 'R-REST-1/verb'))).toEqual([5, 3, '#/paths/~1orders~1{id}~1cancel'])
    expect(placeOf(only(yaml, 'R-REST-3/success-declared'))).toEqual([6, 5, '#/paths/~1orders~1{id}~1cancel/post'])
  })

  test('a finding in JSON has them too, whatever stands before it', () => {
    const json = `{
  "openapi": "3.1.0", "x-note": "a \\" { [ in text", "security": [],
  "info": { "title": "T", "version": "1", "numbers": [1, -2.5e3, true, null, [], {}] },
  "paths": { "/orders/{id}": {},
    "/orders/{id}/cancel": { "post": { "operationId": "cancel" } } }
}`
    expect(placeOf(only(json, 'R-REST-1/verb'))).toEqual([5, 5, '#/paths/~1orders~1{id}~1cancel'])
    expect(placeOf(only(json, 'R-P-2/described'))).toEqual([5, 30, '#/paths/~1orders~1{id}~1cancel/post'])
  })

  test('the same document has the same findings in JSON and in YAML', () => {
    const document = { ...cleanDocument(), security: undefined }
    const shown = (text: string) =>
      lint(readSource('d', text), nowhere, NO_CONFIG).map(({ rule, pointer }) => `${rule.id} ${pointer}`)
    expect(shown(stringify(document)).length).toBeGreaterThan(3)
    expect(shown(stringify(document)).sort()).toEqual(shown(JSON.stringify(document)).sort())
  })
})

describe('references', () => {
  test('files beside the document are followed, and findings name them', () => {
    const document = { ...cleanDocument() }
    const schemas: Record<string, object> = document.components.schemas
    schemas.Book = { $ref: 'schemas/book.yaml#/Book' }
    const opened: string[] = []
    const beside = readSource(
      'schemas/book.yaml',
      'Book:\n  type: object\n  properties:\n    bad_name: { type: string }\n',
    )
    const findings = lint(
      readSource('books.json', JSON.stringify(document)),
      (_, name) => {
        opened.push(name)
        return beside
      },
      NO_CONFIG,
    )
    expect(new Set(opened)).toEqual(new Set(['schemas/book.yaml']))
    expect(findings.filter(({ rule }) => rule.id === 'R-REST-1/camel-case-property')).toMatchObject([
      { file: 'schemas/book.yaml', line: 4, column: 5, pointer: '#/Book/properties/bad_name' },
    ])
  })

  test('a reference into the network is a finding, and is not followed', () => {
    const [found] = broken(({ components }) => {
      components.schemas.Book = { $ref: 'https://example.com/book.json' }
    }, 'R-P-2/reference')
    expect(found?.message).toContain('leads into the network, which is not read')
  })

  test.each(['%zz.yaml', '#/components/%zz'])('the reference %s, which is no URL, is a finding', ($ref) => {
    const [found] = broken(({ components }) => {
      components.schemas.Book = { $ref }
    }, 'R-P-2/reference')
    expect(found?.message).toContain('does not resolve')
  })

  test('references in a circle are a finding, and recursive schemas are none', () => {
    const circle = broken(({ components }) => {
      components.schemas.Book = { $ref: '#/components/schemas/Other' }
      components.schemas.Other = { $ref: '#/components/schemas/Book' }
    }, 'R-P-2/reference')
    expect(circle[0]?.message).toContain('leads in a circle')
    const recursive = broken(({ components }) => {
      components.schemas.Book.properties.sequels = { type: 'array', items: { $ref: '#/components/schemas/Book' } }
    })
    expect(recursive).toEqual([])
  })

  test('a document of more than 500 levels is refused, in JSON and in YAML', () => {
    for (const text of ['['.repeat(100_000) + ']'.repeat(100_000), `a:\n${nested(600)}`])
      expect(() => readSource('d', text)).toThrow(/nested (more than 500 levels|too) deep/)
  })
})

describe('exceptions', () => {
  const verb = (allow: object) =>
    broken(({ paths }) => {
      paths['/books/{id}/search'] = { ...paths['/books/{id}'], ...allow }
      delete paths['/books/{id}']
    }, 'R-REST-1/verb')

  test('R-P-6: x-lintel-allow with a reason lets a rule, or a chapter of them, through at its place', () => {
    expect(verb({})).toHaveLength(1)
    expect(verb({ 'x-lintel-allow': { 'R-REST-1/verb': 'a noun here' } })).toEqual([])
    expect(verb({ 'x-lintel-allow': { 'R-REST-1': 'a noun here' } })).toEqual([])
  })

  test('without a reason, or for another rule, it does nothing', () => {
    expect(verb({ 'x-lintel-allow': { 'R-REST-1': ' ' } })).toHaveLength(1)
    expect(verb({ 'x-lintel-allow': { 'R-REST-3': 'no' } })).toHaveLength(1)
  })

  test('a configuration turns rules off, changes what they are, and leaves places out', () => {
    const document = cleanDocument()
    Object.assign(document.paths, { '/legacy/createBook': { get: { responses: {} } } })
    const source = readSource('d.json', JSON.stringify(document))
    const rules = (config: unknown) =>
      new Map(lint(source, nowhere, readConfig(config)).map(({ rule, severity }) => [rule.id as string, severity]))
    expect(rules(undefined).get('R-REST-1/verb')).toBe('error')
    expect(rules({ rules: { 'R-REST-1/verb': 'warn' } }).get('R-REST-1/verb')).toBe('warn')
    expect(rules({ rules: { 'R-REST-1': 'off' } }).has('R-REST-1/verb')).toBe(false)
    expect(rules({ rules: { 'R-REST-1': 'off', 'R-REST-1/verb': 'error' } }).has('R-REST-1/verb')).toBe(true)
    expect(rules({ ignore: [{ path: '/legacy/**', reason: 'old' }] }).size).toBe(0)
    expect(rules({ ignore: [{ path: '/legacy/*', rules: ['R-REST-1'], reason: 'old' }] }).has('R-P-2/described')).toBe(
      true,
    )
    expect(rules({ ignore: [{ path: '/other/**', reason: 'old' }] }).has('R-REST-1/verb')).toBe(true)
  })

  test.each([
    [{ rule: {} }, 'has the unknown member "rule": did you mean rules?'],
    [
      { rules: { 'R-REST-1/verbs': 'off' } },
      'rules names the unknown rule "R-REST-1/verbs": did you mean R-REST-1/verb?',
    ],
    [{ rules: { 'R-REST-1': 'of' } }, 'rules R-REST-1 is "of": give off, warn or error'],
    [{ ignore: [{ path: '/a' }] }, 'ignore[0] has no reason: say why, in a sentence'],
    [{ ignore: [{ path: 'a', reason: 'b' }] }, 'ignore[0].path is "a": give a path such as /legacy/** or a pointer'],
    [{ ignore: {} }, 'ignore must be a list'],
    [[], 'must be an object with `rules` and `ignore`'],
  ])('a wrong configuration is refused: %j', (config, message) => {
    expect(() => readConfig(config)).toThrow(message)
  })
})

describe('what is no OpenAPI 3 document', () => {
  test.each([
    [{ swagger: '2.0' }, 'seems to be Swagger 2.0: convert it to OpenAPI 3 first'],
    [{ asyncapi: '3.0.0' }, 'seems to be AsyncAPI: `lintel lint` reads OpenAPI 3'],
    [{ openapi: '4.0.0' }, 'seems to be OpenAPI "4.0.0"'],
    [{ $schema: 'https://json-schema.org/draft/2020-12/schema' }, 'seems to be a JSON Schema'],
    [
      { info: { schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json' } },
      'a Postman collection',
    ],
    [{ paths: {} }, 'seems to be an object without `openapi`'],
    [[], 'seems to be not an object'],
  ])('%j is refused in one sentence that says what to do', (document, message) => {
    expect(() => lint(readSource('d', JSON.stringify(document)), nowhere, NO_CONFIG)).toThrow(message)
  })

  test('members of the wrong kind make no rule fall over', () => {
    for (const wrong of [null, 7, 'text', [], [null], { a: null }, true])
      for (const name of ['paths', 'components', 'security', 'info', 'servers']) {
        const document: object = { ...cleanDocument(), [name]: wrong }
        expect(() => lint(readSource('d', JSON.stringify(document)), nowhere, NO_CONFIG)).not.toThrow()
      }
  })

  test('no rule falls over where any one value of a document is of the wrong kind', () => {
    const wrong = [null, 7, 'text', [], {}]
    for (const [i, path] of pathsIn(cleanDocument()).entries()) {
      const document = cleanDocument()
      set(document, path, wrong[i % wrong.length])
      expect(() => lint(readSource('d', JSON.stringify(document)), nowhere, NO_CONFIG), path.join('.')).not.toThrow()
    }
  })
})

describe('output', () => {
  const findings = broken(({ paths }) => {
    paths['/books/{id}/cancel'] = paths['/books/{id}']
  })

  test('text has each rule once with its reason and its hint, then its places', () => {
    const text = textOf(findings, { colours: false, places: 1 })
    expect(text).toMatch(/^ {2}error R-REST-1\/verb {2}The method is the verb/m)
    expect(text).toMatch(/^ {4}1:\d+ +\/books\/\{id\}\/cancel has the verb "cancel" in its path$/m)
    expect(text).toMatch(/… and \d+ more: see them all with --all/)
    expect(text).not.toContain('\u001b')
    expect(textOf(findings, { colours: true, places: 1 })).toContain('\u001b[31merror')
    expect(summaryOf(findings)).toMatch(/^\d+ errors, \d+ warnings?$/)
  })

  test('SARIF 2.1.0 has what its schema requires, and every result names its rule and its place', () => {
    const sarif = JSON.parse(JSON.stringify(sarifOf(findings, '1.2.3'))) as any
    expect(sarif).toMatchObject({
      version: '2.1.0',
      runs: [{ tool: { driver: { name: 'lintel lint', version: '1.2.3' } } }],
    })
    const { results, tool } = sarif.runs[0]
    expect(results).toHaveLength(findings.length)
    for (const { ruleId, ruleIndex, level, message, locations } of results) {
      expect(tool.driver.rules[ruleIndex].id).toBe(ruleId)
      expect(['error', 'warning']).toContain(level)
      expect(message.text).toMatch(/\S/)
      const { artifactLocation, region } = locations[0].physicalLocation
      expect(artifactLocation.uri).toBe('books.json')
      expect(region.startLine).toBeGreaterThan(0)
      expect(region.startColumn).toBeGreaterThan(0)
    }
    for (const { id, shortDescription, defaultConfiguration } of tool.driver.rules) {
      expect(id).toMatch(/^R-/)
      expect(shortDescription.text).toMatch(/\S/)
      expect(['error', 'warning']).toContain(defaultConfiguration.level)
    }
  })
})

test.each([
  ['the reference system', reference],
  ['examples/helpdesk', helpdesk],
  ['examples/notes', notes],
])('the document of %s is clean', (_, document) => {
  const source = readSource('openapi.json', JSON.stringify(document()))
  expect(lint(source, nowhere, NO_CONFIG).map(({ rule, message }) => `${rule.id} ${message}`)).toEqual([])
})

function broken(change: (document: any) => void, rule?: string): Finding[] {
  const document = cleanDocument()
  change(document)
  const findings = lint(readSource('books.json', JSON.stringify(document)), nowhere, NO_CONFIG)
  return rule === undefined ? findings : findings.filter((one) => one.rule.id === rule)
}

function only(text: string, rule: string): Finding {
  const source: Source = readSource('d', text)
  const found = lint(source, nowhere, NO_CONFIG).filter((one) => one.rule.id === rule)
  expect(found).toHaveLength(1)
  return found[0]!
}

/** Block mappings in one another. */
function nested(levels: number): string {
  return Array.from({ length: levels }, (_, i) => `${' '.repeat(i + 1)}a:\n`).join('')
}

function placeOf({ line, column, pointer }: Finding): [number, number, string] {
  return [line, column, pointer]
}

function pathsIn(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([name, one]) => pathsIn(one, [...path, name]))].filter(
    (one) => one.length > 1,
  )
}

function set(holder: object, path: readonly string[], value: unknown): void {
  let at = holder as Record<string, unknown>
  for (const name of path.slice(0, -1)) at = at[name] as Record<string, unknown>
  at[path.at(-1)!] = value
}

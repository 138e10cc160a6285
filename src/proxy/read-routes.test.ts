import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRoutes } from './read-routes.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-documents-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** `GET /x public`, or what is said against the file. */
async function routesOf(name: string, text: string, as: 'openapi' | 'routes' = 'openapi'): Promise<string[]> {
  const file = join(folder, name)
  await writeFile(file, text)
  const files =
    as === 'routes' ? { routes: file, openapi: [] } : { routes: undefined, openapi: [{ upstream: 'a', file }] }
  try {
    const [description] = await readRoutes(files, ['a'], () => {})
    return description!.contract.served.map(({ method, path, access }) => {
      const { public: all, authenticated, roles } = access
      return `${method} ${path} ${all ? 'public' : authenticated ? 'authenticated' : roles.join(' | ')}`
    })
  } catch (error) {
    return (error as Error).message.replaceAll(`${file}: `, '').replaceAll(file, name).split('\n')
  }
}

const HEAD = `openapi: 3.0.3
components: { securitySchemes: { token: { type: http, scheme: bearer }, login: { type: oauth2, flows: {} } } }
`
const yaml = (text: string) => routesOf('a.yaml', HEAD + text)

describe('FC-3: YAML', () => {
  test('`security` and methods arrive by merge keys, and what stands there itself goes before', async () => {
    const routes = await yaml(`
x-secured: &s
  security: [{ token: [] }]
x-admin: &admin
  security: [{ login: [admin] }]
x-methods: &methods
  delete: { <<: *admin }
  patch: { security: [{ login: [patcher] }] }
paths:
  /one: { get: { <<: *s } }
  /own: { get: { <<: *s, security: [] }, put: { security: [], <<: *s } }
  /both: { get: { <<: [*s, *admin] }, put: { <<: [*admin, *s] } }
  /twice: { get: { <<: *admin, <<: *s } }
  /methods:
    <<: *methods
    patch: { security: [] }
  /inline: { get: { <<: { security: [{ login: [inline] }] } } }
  /alias: { get: &get { <<: *s }, put: *get }
`)
    expect(routes).toEqual([
      'GET /one authenticated',
      'GET /own public',
      'PUT /own public',
      'GET /both authenticated',
      'PUT /both admin',
      'GET /twice admin',
      'PATCH /methods public',
      'DELETE /methods admin',
      'GET /inline inline',
      'GET /alias authenticated',
      'PUT /alias authenticated',
    ])
  })

  test('`x-lintel`, paths and the document’s own `security` arrive by them too, also with %YAML 1.1', async () => {
    const text = `openapi: 3.0.3
<<: { security: [{ token: [] }] }
components: { securitySchemes: { token: { type: http, scheme: bearer } } }
x-limited: &limited { x-lintel: { access: editor } }
x-paths: &paths { /merged: { get: {} } }
paths:
  <<: *paths
  /limited: { get: { <<: *limited } }
`
    const expected = ['GET /merged authenticated', 'GET /limited editor']
    expect((await routesOf('a.yaml', text)).sort()).toEqual(expected.sort())
    expect((await routesOf('a.yaml', `%YAML 1.1\n---\n${text}`)).sort()).toEqual(expected.sort())
  })

  test('a route file in YAML merges as well', async () => {
    expect(
      await routesOf(
        'r.yaml',
        'routes:\n  - &x { method: GET, path: /a, access: editor }\n  - { <<: *x, path: /b }',
        'routes',
      ),
    ).toEqual(['GET /a editor', 'GET /b editor'])
  })

  test.each<[string, string, string]>([
    ['a merge of text', 'paths: { /x: { get: { <<: secured } } }', 'what << merges is neither a mapping nor a list'],
    ['a merge of nothing', 'paths:\n  /x:\n    get:\n      <<:\n', 'a list of mappings at line 6, column 7'],
    [
      'a key twice',
      'paths: { /x: { get: { security: [{ token: [] }], security: [] } } }',
      'keys must be unique at line 3',
    ],
    ['a path twice', 'paths:\n  /x: { get: {} }\n  /x: { put: {} }', 'Map keys must be unique at line 5, column 3'],
    ['a tab', 'paths:\n  /x:\n    get:\n\t\tsecurity: []', 'Tabs are not allowed as indentation at line 6'],
    ['two documents', 'paths: {}\n---\npaths: {}', 'Source contains multiple documents'],
    ['an alias of nothing', 'paths: { /x: *x }', 'the alias *x has no anchor before it at line 3, column 14'],
    ['an alias of itself', 'paths: &p { /x: *p }', 'the alias *p refers to itself at line 3, column 17'],
    ['a security scheme by a merge of text', 'paths: {}\nx-a: { <<: [a] }', 'what << merges is neither a mapping'],
  ])('%s is refused, and the place is named', async (_, text, message) => {
    const [fault = ''] = await yaml(text)
    expect(fault).toContain(message)
  })
})

describe('FC-3: JSON', () => {
  test('a key twice is refused, wherever it is', async () => {
    const text =
      '{"openapi": "3.0.0", "paths": {"/x": {"get": {"security": [{"a": []}], "security": []}}, "/y": {}, "/y": {}}}'
    expect(await routesOf('a.json', text)).toEqual([
      'a.json is malformed: paths["/x"].get.security The key is duplicated in its object.; paths["/y"] The key is duplicated in its object.',
    ])
  })

  test('a byte-order mark is passed over', async () => {
    expect(await routesOf('a.json', '\ufeff{"openapi": "3.0.0", "paths": {"/x": {"get": {}}}}')).toEqual([
      'GET /x public',
    ])
    expect(await routesOf('a.yaml', '\ufeffopenapi: 3.0.0\npaths: { /x: { get: {} } }')).toEqual(['GET /x public'])
  })
})

test('FC-34: numbers beyond a double load where nobody uses them', async () => {
  const path = { get: { parameters: [{ name: 'n', in: 'query', schema: { maximum: 0 } }] } }
  for (const number of ['9223372036854775807', '1e400', '-9223372036854775808', '0.1234567890123456789']) {
    const text = JSON.stringify({ openapi: '3.0.0', paths: { '/x': path } }).replace(
      '"maximum":0',
      `"maximum":${number}`,
    )
    expect(await routesOf('a.json', text)).toEqual(['GET /x public'])
    expect(await routesOf('a.yaml', text)).toEqual(['GET /x public'])
  }
  const wrong = JSON.stringify({ openapi: '3.0.0', paths: { '/x': { get: { 'x-lintel': { timeoutMs: 0 } } } } })
  // Where one is used it is looked at.
  expect(await routesOf('a.json', wrong.replace('"timeoutMs":0', '"timeoutMs":9223372036854775807'))).toEqual([
    'GET /x x-lintel.timeoutMs is 9223372036854776000: give a whole number from 1 to 3600000',
  ])
})

describe('FC-35: aliases', () => {
  test('150 aliases of one response load', async () => {
    const paths = Array.from({ length: 150 }, (_, i) => `  /x${i}: { get: { responses: { 400: *bad } } }`)
    const routes = await yaml(
      `x-bad: &bad { description: bad, content: { a: { schema: {} } } }\npaths:\n${paths.join('\n')}`,
    )
    expect(routes).toHaveLength(150)
  })

  test.each([
    ['lists', (i: number) => `[${Array(10).fill(`*l${i}`).join(', ')}]`],
    ['mappings', (i: number) => `{${[...'abcdefghij'].map((key) => `${key}: *l${i}`).join(', ')}}`],
    ['merges', (i: number) => `{<<: [${Array(10).fill(`*l${i}`).join(', ')}]}`],
  ])('a billion laughs by %s are refused at once', async (_, level) => {
    const lines = Array.from({ length: 9 }, (_, i) => `x-l${i + 1}: &l${i + 1} ${level(i)}`)
    const [fault] = await yaml(`x-l0: &l0 { a: 1 }\n${lines.join('\n')}\npaths: { /x: { get: {} } }`)
    expect(fault).toMatch(/with its aliases expanded, the document has more than 4000000 values at line \d+/)
  })
})

test('FC-42: a list of faults that is cut says how many more there are', async () => {
  const routes = Array.from({ length: 70 }, () => ({ method: 'GET', path: 'x', access: 'public' }))
  const faults = await routesOf('r.json', JSON.stringify({ routes }), 'routes')
  // Each is at fault by its path, and all but the first stand there already.
  expect(faults).toHaveLength(51)
  expect(faults[50]).toBe(`… and ${70 + 69 - 50} more`)
  const paths = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`/${i}`, null]))
  const document = await routesOf('a.json', JSON.stringify({ openapi: '3.0.0', paths }))
  expect([document.length, document[50]]).toEqual([51, '… and 10 more'])
})

test('FC-42: so does a text that cannot be read', async () => {
  const twice = Array.from({ length: 60 }, (_, i) => `"/${i}": {}, "/${i}": {}`)
  const [json = ''] = await routesOf('a.json', `{"openapi": "3.0.0", "paths": {${twice.join(', ')}}}`)
  expect(json.split('; ')).toHaveLength(51)
  expect(json).toMatch(/; 10 more errors are not listed\.$/)
  const [inYaml = ''] = await routesOf('a.yaml', `openapi: 3.0.0\npaths: {${twice.join(', ')}}`)
  expect(inYaml).toMatch(/; and 10 more$/)
})

test('two files may not say the same place twice', async () => {
  const [one, two] = [join(folder, 'one.json'), join(folder, 'two.json')]
  await writeFile(one, '{"openapi": "3.0.0", "paths": {"/x/{a}": {"get": {}}}}')
  await writeFile(two, '{"openapi": "3.0.0", "paths": {"/x/{b}": {"get": {}, "put": {}}}}')
  const openapi = [one, two].map((file) => ({ upstream: 'a', file }))
  await expect(readRoutes({ routes: undefined, openapi }, ['a'], () => {})).rejects.toThrow(
    `${two}: GET /x/{b} is also in ${one}: keep one of them`,
  )
})

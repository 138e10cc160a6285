import { describe, expect, test } from 'vitest'
import type { Access } from '../../contract/access.ts'
import type { ForeignRoute } from './foreign-route.ts'
import { readOpenApi } from './openapi-file.ts'
import type { Unchecked } from './openapi-security.ts'

const securitySchemes = {
  token: { type: 'http', scheme: 'bearer' },
  login: { type: 'oauth2', flows: {} },
  key: { type: 'apiKey', in: 'header', name: 'x-key' },
  password: { type: 'http', scheme: 'basic' },
}

function read(document: object, unchecked?: Unchecked) {
  const faults: string[] = []
  const notices: string[] = []
  const entries = readOpenApi(
    { openapi: '3.1.0', components: { securitySchemes }, paths: {}, ...document },
    {
      upstream: 'shop',
      ...(unchecked && { unchecked }),
      report: (where, what) => faults.push(`${where} ${what}`),
      notice: (text) => notices.push(text),
    },
  )
  return { entries, faults, notices, routes: entries.map(({ method, path }) => `${method} ${path}`) }
}

function terms({ public: all, authenticated, roles }: Access): string {
  return [...(all ? ['public'] : []), ...(authenticated ? ['authenticated'] : []), ...roles].join(' | ')
}

/** Who may GET /x, or the first fault. */
function accessOf(operation: object, document: object = {}, unchecked?: Unchecked): string {
  const { entries, faults } = read({ paths: { '/x': { get: operation } }, ...document }, unchecked)
  return faults[0] ?? terms(entries[0]!.access)
}

describe('FC-3: what closes a door is never lost on the way', () => {
  test.each<[string, object, object, string]>([
    ['misspelt', { securty: [{ token: [] }] }, {}, 'GET /x securty is unknown: is it meant to be `security`?'],
    ['with a capital', { Security: [] }, {}, 'GET /x Security is unknown: is it meant to be `security`?'],
    ['in another word', { auth: [{ token: [] }] }, {}, 'GET /x auth is unknown: is it meant to be `security`?'],
    ['null', { security: null }, { security: [{ token: [] }] }, 'GET /x security is null: give a list'],
    ['null in the document', {}, { security: null }, 'GET /x security is null: give a list'],
    ['an object', { security: {} }, {}, 'GET /x security is {}: give a list'],
    ['a list of names', { security: ['token'] }, {}, 'GET /x security is ["token"]: give a list'],
    ['a list of null', { security: [null] }, {}, 'GET /x security is [null]: give a list'],
    ['no scopes', { security: [{ token: null }] }, {}, 'GET /x security has null for "token": give a list of scopes'],
    ['a scheme misspelt', { security: [{ tokne: [] }] }, {}, 'GET /x security asks for "tokne", which is not in comp'],
    [
      'a scheme misspelt in one of two',
      { security: [{ token: [] }, { tokne: [] }] },
      {},
      'GET /x security asks for "tokne", which is not in comp',
    ],
    [
      'in yet another word',
      { authorization: [{ token: [] }] },
      {},
      'GET /x authorization is unknown: is it meant to be `sec',
    ],
    ['merged in JSON', { '<<': { security: [{ token: [] }] } }, {}, 'GET /x << is not merged here'],
    ['an operation elsewhere', { $ref: '#/x' }, {}, 'GET /x $ref is not allowed in an operation'],
    [
      'in the document, misspelt',
      {},
      { securtiy: [{ token: [] }] },
      'securtiy is unknown: is it meant to be `security`?',
    ],
    ['of OpenAPI 2', {}, { securityDefinitions: {} }, 'securityDefinitions is of OpenAPI 2: write components.'],
    ['at the path', {}, { paths: { '/x': { security: [], get: {} } } }, 'paths /x security has no effect there'],
    ['none', {}, {}, 'public'],
    ['an empty list, which is public by the standard', { security: [] }, { security: [{ token: [] }] }, 'public'],
  ])('%s', (_, operation, document, expected) => {
    expect(accessOf(operation, document)).toContain(expected)
    // Nor does the way out for keys open it.
    expect(accessOf(operation, document, 'public')).toContain(expected)
  })

  test('a scope is a role, even one with the name of a term', () => {
    expect(accessOf({ security: [{ login: ['public'] }] })).toBe('public')
    const { entries } = read({ paths: { '/x': { get: { security: [{ login: ['public'] }, { login: ['owner'] }] } } } })
    expect(entries[0]!.access).toEqual({
      public: false,
      authenticated: false,
      owner: false,
      roles: ['public', 'owner'],
    })
    expect(accessOf({ security: [{ login: ['service'] }] })).toContain('asks for the scope "service"')
  })

  test('a method in capitals, an operation that is none, and a path in a place that is none', () => {
    const { faults } = read({
      paths: { '/a': { GET: {} }, '/b': { get: null }, '/c': null, 'd/e': {}, '/f': { get: '!include get.yaml' } },
    })
    expect(faults).toEqual([
      'paths /a GET is unknown: write it `get`',
      'GET /b must be an object',
      'paths /c must be an object',
      'paths is "d/e": begin it with a slash',
      'GET /f must be an object',
    ])
  })

  test('one place twice, whatever its parameters are called', () => {
    const { faults } = read({
      paths: { '/x/{a}': { get: { security: [{ token: [] }] }, put: {} }, '/x/{b}': { get: {}, post: {} } },
    })
    expect(faults).toEqual(['GET /x/{b} is the same place as GET /x/{a}, with other rules: keep one of them'])
    // With the same rules it is no matter which of them holds.
    const same = read({ paths: { '/x/{a}': { get: {} }, '/x/{b}': { get: {} } } })
    expect(same).toMatchObject({ faults: [], routes: ['GET /x/{a}'] })
    expect(same.notices).toEqual([
      'shop: served once, as another path differs only in the names of its parameters: GET /x/{b}',
    ])
  })
})

describe('FC-3, FC-37: a scheme of which nobody can say what it asks for', () => {
  test.each<[unknown, string]>([
    [{ type: 'http', scheme: 'bearer ' }, 'whose scheme has the `scheme` "bearer "'],
    [{ type: 'http', scheme: 'baerer' }, 'whose scheme has the `scheme` "baerer"'],
    [{ type: 'http' }, 'whose scheme has the `scheme` undefined'],
    [{ type: 'http', scheme: ['bearer'] }, 'whose scheme has the `scheme` ["bearer"]'],
    [{ type: 'HTTP', scheme: 'bearer' }, 'whose scheme has the `type` "HTTP"'],
    [{ type: 'Oauth2' }, 'whose scheme has the `type` "Oauth2"'],
    [{ type: 'openIDConnect' }, 'whose scheme has the `type` "openIDConnect"'],
    [{ type: 'apikey' }, 'whose scheme has the `type` "apikey"'],
    [{ scheme: 'bearer' }, 'whose scheme has the `type` undefined'],
    [null, 'whose scheme is not an object'],
    ['bearer', 'whose scheme is not an object'],
  ])('%j opens nothing', (scheme, expected) => {
    const document = { components: { securitySchemes: { ...securitySchemes, odd: scheme } } }
    for (const unchecked of ['refuse', 'public', 'authenticated'] as const) {
      const get = { security: [{ odd: [] }] }
      const { faults } = read({ ...document, paths: { '/x': { get } } }, unchecked)
      expect(faults).toEqual([
        expect.stringContaining(`GET /x security asks for "odd", ${expected}: give it the type apiKey, mutualTLS`),
      ])
      expect(accessOf({ ...get, 'x-lintel': { access: 'admin' } }, document, unchecked)).toBe('admin')
      expect(accessOf({ security: [{ token: [] }] }, document, unchecked)).toBe('authenticated')
    }
  })

  test.each(['Bearer', 'BEARER', 'digest', 'Negotiate', 'DPoP', 'SCRAM-SHA-256'])('http %s is one', (scheme) => {
    const document = { components: { securitySchemes: { one: { type: 'http', scheme } } } }
    const expected = scheme.toLowerCase() === 'bearer' ? 'authenticated' : 'public'
    expect(accessOf({ security: [{ one: [] }] }, document, 'public')).toBe(expected)
  })
})

describe('FC-4: x-lintel', () => {
  test.each<[string, object, string]>([
    [
      'a member misspelt',
      { get: { 'x-lintel': { acces: 'admin' } } },
      'GET /x x-lintel has the unknown member "acces": did you mean "access"?',
    ],
    [
      'itself misspelt',
      { get: { 'x-lintell': { access: 'admin' } } },
      'GET /x x-lintell is unknown: write it `x-lintel`',
    ],
    ['with letters swapped', { get: { 'x-litnle': {} } }, 'GET /x x-litnle is unknown: write it `x-lintel`'],
    ['in capitals', { get: { 'X-Lintel': { access: 'admin' } } }, 'GET /x X-Lintel is unknown: write it `x-lintel`'],
    ['without x-', { get: { lintel: {} } }, 'GET /x lintel is unknown: write it `x-lintel`'],
    [
      'a member in its name',
      { get: { 'x-lintel-access': 'admin' } },
      'GET /x x-lintel-access is unknown: write it as a member of `x-lintel`',
    ],
    ['a member without it', { get: { access: 'admin' } }, 'GET /x access is unknown: write it as a member of'],
    [
      'a member in capitals without it',
      { get: { Max_Body_Bytes: 1 } },
      'GET /x Max_Body_Bytes is unknown: write it as',
    ],
    ['a member without it at a path', { get: {}, limits: [] }, 'paths /x limits is unknown: write it as a member of'],
    ['no object', { get: { 'x-lintel': 'admin' } }, 'GET /x x-lintel must be an object'],
    ['null', { get: { 'x-lintel': null } }, 'GET /x x-lintel must be an object'],
    [
      'a value',
      { get: { 'x-lintel': { access: null } } },
      'GET /x x-lintel.access is null: give public, authenticated',
    ],
    [
      'at a path',
      { get: {}, 'x-lintel': { acces: 'admin' } },
      'paths /x x-lintel has the unknown member "acces": did you mean "access"?',
    ],
    ['a cost', { get: { 'x-lintel': { cost: 0 } } }, 'GET /x x-lintel costs 0'],
  ])('%s: stops the start', (_, item, message) => {
    expect(read({ paths: { '/x': item } }).faults).toEqual([expect.stringContaining(message)])
  })

  test('stops the start where it would hold for nothing, and in the document', () => {
    const at = (document: object) => read(document).faults
    expect(at({ info: { 'x-lintel': {} } })).toEqual([expect.stringContaining('info x-lintel has no effect there')])
    expect(at({ paths: { 'x-lintel': {} } })).toEqual([expect.stringContaining('paths x-lintel has no effect')])
    expect(at({ 'x-lintel': { uncheckedSecurity: 'open' } })).toEqual([
      'x-lintel.uncheckedSecurity is "open": give one of refuse, public, authenticated',
    ])
    expect(at({ 'x-lintel': { access: 'a b' }, paths: { '/a': { get: {} }, '/b': { get: {} } } })).toHaveLength(1)
  })

  test('an operation’s goes before its path’s, and that before the document’s, member by member', () => {
    const { entries } = read({
      'x-lintel': { access: 'member', cost: 2, timeoutMs: 100 },
      paths: {
        '/x': { 'x-lintel': { access: 'editor', cost: 3 }, get: { 'x-lintel': { cost: 4 } }, put: {} },
        '/y': { get: {} },
      },
    })
    expect(entries.map(({ access, cost, timeoutMs }) => [terms(access), cost, timeoutMs])).toEqual([
      ['editor', 4, 100],
      ['editor', 3, 100],
      ['member', 2, 100],
    ])
  })
})

describe('FC-36: as OpenAPI 3.0 and 3.1 say', () => {
  test('x- members among the paths', () => {
    expect(read({ paths: { 'x-note': 'of no path', '/x': { get: {}, 'x-note': 1 } } })).toMatchObject({
      faults: [],
      notices: [],
      routes: ['GET /x'],
    })
  })

  test('a path item elsewhere in the document, with what stands beside it', () => {
    const { entries, faults } = read({
      components: {
        securitySchemes,
        pathItems: { things: { get: { security: [{ token: [] }] } }, again: { $ref: '#/components/pathItems/things' } },
      },
      paths: {
        '/a': { $ref: '#/components/pathItems/again', post: {} },
        '/b': { $ref: '#/paths/~1a', summary: 'the same' },
      },
    })
    expect(faults).toEqual([])
    expect(entries.map(({ method, path, access }) => `${method} ${path} ${terms(access)}`)).toEqual([
      'GET /a authenticated',
      'POST /a public',
      'GET /b authenticated',
      'POST /b public',
    ])
  })

  test.each([
    [{ $ref: 'other.yaml#/x' }, 'is in another file, which is not read: bundle'],
    [{ $ref: '#/components/pathItems/none' }, 'does not resolve'],
    [{ $ref: '#/info/title' }, 'does not resolve'],
    [{ $ref: '#/openapi' }, 'is not an object'],
    [{ $ref: '#/__proto__' }, 'does not resolve'],
    [{ $ref: '#name' }, 'is not a pointer'],
    [{ $ref: 5 }, 'must be a string'],
    [{ $ref: '#/paths/~1x' }, 'has the circular $ref'],
    [{ $ref: '#/components/pathItems/one', get: { security: [] } }, 'has `get` beside the $ref'],
  ])('%j: names the place', (item, message) => {
    const { faults } = read({ components: { pathItems: { one: { get: {} } } }, paths: { '/x': item } })
    expect(faults[0]).toContain('paths /x ')
    expect(faults[0]).toContain(message)
  })

  test('a security scheme elsewhere in the document', () => {
    const schemes = {
      ...securitySchemes,
      other: { $ref: '#/components/securitySchemes/token' },
      far: { $ref: 'a.yaml' },
    }
    const document = (paths: object) => ({ components: { securitySchemes: schemes }, paths })
    expect(read(document({ '/x': { get: { security: [{ other: [] }] } } })).faults).toEqual([
      expect.stringContaining('components.securitySchemes.far has the $ref "a.yaml", which is in another file'),
    ])
    const { far, ...near } = schemes
    expect(accessOf({ security: [{ other: [] }] }, { components: { securitySchemes: near } })).toBe('authenticated')
    expect(far).toBeDefined()
  })

  test('servers of the document, a path and an operation', () => {
    const { routes, notices } = read({
      servers: [{ url: 'https://api.example.com/v1' }, { url: 'https://old.example.com/v0' }],
      paths: {
        '/a': { get: {}, put: { servers: [{ url: '/uploads/' }] } },
        '/b': { servers: [{ url: 'https://{where}.example.com:<port>/v2' }], get: {}, post: { servers: [] } },
      },
    })
    expect(routes).toEqual(['GET /v1/a', 'PUT /uploads/a', 'GET /v2/b', 'POST /v2/b'])
    expect(notices).toEqual([
      'shop: several servers with different paths, of which only the first is used: the document',
      'shop: sent to the same upstream as the rest, though with a server of its own: PUT /a, GET /b, POST /b',
    ])
    const faults = (servers: unknown) => read({ servers, paths: { '/a': { get: {} } } }).faults
    expect(faults(null)).toEqual(['servers must be a list of servers, such as [{"url": "/v1"}]'])
    for (const url of ['/{stage}', '/100%', '/a//b', '/a%2Fb', undefined])
      expect(faults([{ url }])).toEqual([expect.stringContaining('servers[0] has no usable `url`')])
    expect(faults([])).toEqual([])
  })

  test('HEAD by itself, and with a rule of its own', () => {
    const { entries } = read({
      paths: { '/a': { head: {} }, '/b': { get: { security: [{ token: [] }] }, head: { security: [] } } },
    })
    expect(entries.map(({ method, path, access }) => `${method} ${path} ${terms(access)}`)).toEqual([
      'HEAD /a public',
      'GET /b authenticated',
      'HEAD /b public',
    ])
  })

  test('what is not forwarded is told, in a line for each kind', () => {
    const odd = { options: {}, trace: {} }
    const { routes, notices } = read({
      paths: { '/a': { ...odd, get: { produces: [] } }, '/b': odd, '/c': { query: {} } },
    })
    expect(routes).toEqual(['GET /a'])
    expect(read({ paths: { '/a': { get: { authors: [], 'x-lint': {}, 'x-internal': true } } } }).faults).toEqual([])
    expect(read({ paths: { '/a': { get: { 'x-security': [], 'x-secure': true } } } })).toMatchObject({
      faults: [],
      notices: ['shop: ignored: who may call is said by `security`: GET /a x-security'],
    })
    expect(notices).toEqual([
      'shop: not forwarded, as the gateway answers OPTIONS itself: OPTIONS /a, OPTIONS /b',
      'shop: not forwarded, as TRACE is refused: TRACE /a, TRACE /b',
      'shop: ignored, as OpenAPI has no such member: GET /a produces',
      'shop: not forwarded, as the gateway knows no QUERY: QUERY /c',
    ])
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`/${i}`, { trace: {} }]))
    expect(read({ paths: many }).notices).toEqual([
      'shop: not forwarded, as TRACE is refused: TRACE /0, TRACE /1, TRACE /2, TRACE /3, TRACE /4 and 4 more',
    ])
  })

  test('a document of webhooks alone, from 3.1 on; versions as YAML may have them', () => {
    expect(read({ paths: undefined, webhooks: {} }).faults).toEqual(['paths is missing'])
    const { paths: _, ...webhooks } = { openapi: '3.1.0', paths: {}, webhooks: {} }
    const faultsOf = (file: object) => {
      const faults: string[] = []
      readOpenApi(file, { upstream: 'shop', report: (at, what) => faults.push(`${at} ${what}`), notice: () => {} })
      return faults
    }
    expect(faultsOf(webhooks)).toEqual([])
    expect(faultsOf({ openapi: '3.0.3' })).toEqual(['paths is missing'])
    expect(faultsOf({ openapi: 3, paths: {} })).toEqual([])
    expect(faultsOf({ openapi: 3.1, paths: {} })).toEqual([])
    expect(faultsOf({ openapi: '3.9.0', paths: {} })).toHaveLength(1)
  })
})

describe('FC-37: security that the gateway cannot check', () => {
  const key = { security: [{ key: [] }] }

  test('stops the start, once for all operations, and names the ways out', () => {
    const { faults } = read({ security: [{ key: [] }], paths: { '/a': { get: {}, put: {} }, '/b': { get: {} } } })
    expect(faults).toEqual([
      expect.stringMatching(
        /^GET \/a security asks for key, which this gateway cannot check, and so do 2 more: .*--unchecked-security public.*"x-lintel": \{"uncheckedSecurity": "public"\}/,
      ),
    ])
  })

  test.each<[Unchecked, object, string]>([
    ['public', key, 'public'],
    ['authenticated', key, 'authenticated'],
    ['public', { security: [{ password: [] }] }, 'public'],
    // What can be checked is, whatever stands beside it.
    ['public', { security: [{ key: [], login: ['read'] }] }, 'read'],
    ['authenticated', { security: [{ key: [], login: ['read'] }] }, 'read'],
    ['public', { security: [{ token: [] }] }, 'authenticated'],
    // Either will do, and of one of them the gateway knows nothing.
    ['public', { security: [{ key: [] }, { token: [] }] }, 'public | authenticated'],
    ['refuse', { security: [{ key: [] }, { token: [] }] }, 'authenticated'],
  ])('%s: %j is for %s', (unchecked, operation, expected) => {
    expect(accessOf(operation, {}, unchecked)).toBe(expected)
    // The document's own word goes before the flag.
    expect(accessOf(operation, { 'x-lintel': { uncheckedSecurity: unchecked } }, 'refuse')).toBe(expected)
  })

  test('or says who, in the document, at a path or at an operation', () => {
    const access = (document: object) => {
      const { entries, faults } = read(document)
      return faults[0] ?? entries.map((one: ForeignRoute) => terms(one.access)).join(', ')
    }
    const paths = { '/a': { get: key }, '/b': { get: key } }
    expect(access({ 'x-lintel': { access: 'partner' }, paths })).toBe('partner, partner')
    expect(access({ paths: { '/a': { get: key, 'x-lintel': { access: 'public' } } } })).toBe('public')
    expect(access({ paths: { '/a': { get: { ...key, 'x-lintel': { access: 'public' } } } } })).toBe('public')
  })
})

test('FC-33: templates with text and parameters in a segment load', () => {
  const paths = { '/a/{x}...{y}': { get: {} }, '/{Sid}.json': { get: {} }, '/items/{id}:cancel': { post: {} } }
  expect(read({ paths })).toMatchObject({
    faults: [],
    routes: ['GET /a/{x}...{y}', 'GET /{Sid}.json', 'POST /items/{id}:cancel'],
  })
})

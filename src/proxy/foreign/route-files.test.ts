import { readFileSync } from 'node:fs'
import { expect, describe as suite, test } from 'vitest'
import type { Access } from '../../contract/access.ts'
import { describe } from './description.ts'
import { readOpenApi } from './openapi-file.ts'
import type { Unchecked } from './openapi-security.ts'
import { readRouteFile } from './route-file.ts'

function routes(...given: unknown[]) {
  return read((report) => readRouteFile({ routes: given }, ['shop', 'crm'], report))
}

function openApi(document: object, options: { unchecked?: Unchecked } = {}) {
  return read((report, notice) =>
    readOpenApi({ openapi: '3.1.0', ...document }, { upstream: 'shop', report, notice, ...options }),
  )
}

function read<T>(from: (report: (where: string, what: string) => void, notice: (text: string) => void) => T) {
  const faults: string[] = []
  const notices: string[] = []
  const entries = from(
    (where, what) => faults.push(`${where} ${what}`),
    (text) => notices.push(text),
  )
  return { entries, faults, notices }
}

suite('a route file', () => {
  test('says method, path and upstream, and what a route may say beside it', () => {
    const limits = [{ by: 'user', maxRequests: 10, windowMs: 1000 }]
    const { entries, faults } = routes(
      { method: 'GET', path: '/things/{id}', upstream: 'shop', access: 'public' },
      {
        method: 'POST',
        path: '/things',
        upstream: 'crm',
        access: ' editor|admin ',
        limits,
        cost: 2,
        timeoutMs: 5,
        maxBodyBytes: 6,
      },
      { method: 'POST', path: '/logins', upstream: 'crm', access: 'public', credentials: 'own' },
    )
    expect(faults).toEqual([])
    expect(entries).toMatchObject([
      { method: 'GET', path: '/things/{id}', upstream: 'shop', access: { public: true }, cost: 1 },
      {
        method: 'POST',
        upstream: 'crm',
        access: { roles: ['editor', 'admin'] },
        limits,
        cost: 2,
        timeoutMs: 5,
        maxBodyBytes: 6,
        credentials: 'bearer',
      },
      { path: '/logins', credentials: 'own' },
    ])
    const { served } = describe('crm', entries, () => {}).contract
    expect(served.map(({ facts }) => [facts.readsToken, typeof facts.buckets])).toEqual([
      [true, 'string'],
      [true, 'object'],
      [false, 'string'],
    ])
  })

  test('the one in the guide is right', () => {
    const guide = readFileSync(new URL('../../../docs/guide/gateway.md', import.meta.url), 'utf8')
    const [, text] = /```json\n([^`]+)```/.exec(guide)!
    const { entries, faults } = read((report) => readRouteFile(JSON.parse(text!), ['shop', 'crm'], report))
    expect(faults).toEqual([])
    expect(entries).toHaveLength(4)
  })

  test.each<[object, string]>([
    [{ method: 'FETCH' }, 'routes[0].method is "FETCH": give one of GET, HEAD, POST, PUT, PATCH, DELETE'],
    [{ path: 'things' }, 'routes[0].path is "things": begin it with a slash'],
    [{ path: '/a//b' }, 'routes[0].path is "/a//b": it has an empty segment'],
    [{ path: '/a/{id' }, 'routes[0].path is "/a/{id": "{id" has a brace that belongs to no {parameter}'],
    [{ path: '/a/{rest+}' }, 'routes[0].path is "/a/{rest+}": {rest+} is not a parameter of a single segment'],
    [{ path: '/a/../b' }, 'routes[0].path is "/a/../b": it has a dot segment'],
    [{ path: '/a/%2e%2e/b' }, 'routes[0].path is "/a/%2e%2e/b": it has a dot segment'],
    [{ path: '/a%2fb' }, 'routes[0].path is "/a%2fb": write it without "a%2fb"'],
    [{ path: '/a b' }, 'routes[0].path is "/a b": write it without " "'],
    [{ path: '/a%' }, 'routes[0].path is "/a%": write it without "%"'],
    [{ path: '/a?b' }, 'routes[0].path is "/a?b": write it without "?"'],
    [{ credentials: 'none' }, 'routes[0].credentials is "none": give "bearer" (the default) or "own"'],
    [{ credentials: 'own', access: 'admin' }, 'routes[0].credentials is "own", which needs `access` to be "public"'],
    [{ upstream: 'nobody' }, 'routes[0].upstream is "nobody": give one of shop, crm'],
    [{ acces: 'public' }, 'routes[0] has the unknown member "acces": did you mean "access"?'],
    [
      { access: 'a and b' },
      'routes[0].access is "a and b": give public, authenticated, or roles joined by |, as in "editor | admin"',
    ],
    [{ access: 'owner' }, 'routes[0].access has the term "owner", which only a contract can say: name roles'],
    [{ access: 7 }, 'routes[0].access is 7: give public'],
    [{ timeoutMs: 0 }, 'routes[0].timeoutMs is 0: give a whole number from 1 to 3600000'],
    [{ maxBodyBytes: '1mb' }, 'routes[0].maxBodyBytes is "1mb": give a whole number'],
    [{ cost: 1.5 }, 'routes[0] costs 1.5'],
    [{ limits: [{ by: 'body.email', maxRequests: 1, windowMs: 1 }] }, 'routes[0].limits must be a list of limits'],
    [{ limits: [{ by: 'ip', maxRequests: 1, windowMs: 1 }], cost: 2 }, 'routes[0].limits allows no call at all'],
  ])('%j: says what is wrong and what was expected', (wrong, message) => {
    const { faults } = routes({ method: 'GET', path: '/x', upstream: 'shop', access: 'public', ...wrong })
    expect(faults).toEqual([expect.stringContaining(message)])
  })

  test('tells all faults at once; one place twice is one', () => {
    const one = { method: 'GET', path: '/x/{a}', upstream: 'shop', access: 'public' }
    expect(routes(one, { ...one, path: '/x/{b}' }, null, { method: 'GET' }).faults).toEqual([
      'routes[1] is GET /x/{b}, which stands there already',
      'routes[2] must be an object',
      'routes[3].path is undefined: begin it with a slash',
      'routes[3].upstream is undefined: give one of shop, crm',
    ])
    expect(read((report) => readRouteFile([], ['shop'], report)).faults).toEqual([
      expect.stringContaining('routes is missing'),
    ])
  })

  test('R-AUTH-8: a route without access lets nobody in, and the operator is told', () => {
    const told: string[] = []
    const { entries } = routes(
      { method: 'GET', path: '/x', upstream: 'shop' },
      { method: 'GET', path: '/health', upstream: 'shop' },
    )
    const { contract } = describe('shop', entries, (text) => told.push(text))
    expect(contract.served.map(({ path, access }) => [path, access])).toEqual([
      ['/x', { public: false, authenticated: false, owner: false, roles: [''] }],
    ])
    expect(told).toEqual([
      'GET /x has no `access`: every request is rejected',
      'GET /health is answered by the gateway itself, not by shop',
    ])
  })

  test('FC-30: what a route does not lead to is told once, and the rest of it is served', () => {
    const told: string[] = []
    const paths = [
      '/{a}',
      '/{a}/{b}',
      '/{a}.json',
      '/he{a}',
      '/health/{a}',
      '/dev/{a}',
      '/metrics',
      '/openapi.json',
      '/x/{a}',
    ]
    const { entries } = routes(
      ...paths.flatMap((path) =>
        ['GET', 'POST'].map((method) => ({ method, path, upstream: 'shop', access: 'public' })),
      ),
    )
    const { contract } = describe('shop', entries, (text) => told.push(text))
    expect([...new Set(contract.served.map(({ path }) => path))]).toEqual(
      paths.filter((path) => !['/metrics', '/dev/{a}'].includes(path)),
    )
    expect(told).toEqual([
      '/{a} does not lead to /health, /metrics, /dev, /_lintel: the gateway itself answers there',
      '/{a}/{b} does not lead to /health/live, /health/ready, /dev/…, /_lintel/…: the gateway itself answers there',
      '/he{a} does not lead to /health: the gateway itself answers there',
      '/health/{a} does not lead to /health/live, /health/ready: the gateway itself answers there',
      'GET /dev/{a} is answered by the gateway itself, not by shop',
      'POST /dev/{a} is answered by the gateway itself, not by shop',
      'GET /metrics is answered by the gateway itself, not by shop',
      'POST /metrics is answered by the gateway itself, not by shop',
    ])
  })
})

/** As a file would write it: `public | editor`. */
function termsOf({ public: all, authenticated, roles }: Access): string {
  return [...(all ? ['public'] : []), ...(authenticated ? ['authenticated'] : []), ...roles].join(' | ')
}

suite('an OpenAPI document', () => {
  const components = {
    securitySchemes: {
      token: { type: 'http', scheme: 'Bearer' },
      login: { type: 'oauth2', flows: {} },
      key: { type: 'apiKey', in: 'header', name: 'x-key' },
    },
  }
  const accessOf = (operation: object, document: object = {}) => {
    const { entries, faults } = openApi({ components, paths: { '/x': { get: operation } }, ...document })
    return faults[0] ?? termsOf(entries[0]!.access)
  }

  test('gives its paths below the path of its first server', () => {
    const paths = { '/pets/{id}': { get: {}, delete: {}, head: {}, parameters: [] }, '/pets': { post: {} } }
    const at = (servers: unknown) => openApi({ servers, paths }).entries.map(({ method, path }) => `${method} ${path}`)
    expect(at(undefined)).toEqual(['GET /pets/{id}', 'HEAD /pets/{id}', 'DELETE /pets/{id}', 'POST /pets'])
    expect(at([{ url: 'https://pets.example.com/api/v3/' }])[3]).toBe('POST /api/v3/pets')
    expect(at([{ url: '/{stage}', variables: { stage: { default: 'live' } } }])[3]).toBe('POST /live/pets')
  })

  test.each<[string, object, object, string]>([
    ['nothing', {}, {}, 'public'],
    ['the document’s', {}, { security: [{ token: [] }] }, 'authenticated'],
    ['its own instead', { security: [] }, { security: [{ token: [] }] }, 'public'],
    ['a token or none', { security: [{}, { token: [] }] }, {}, 'public | authenticated'],
    ['one scope or another', { security: [{ login: ['read'] }, { login: ['admin'] }] }, {}, 'read | admin'],
    ['two scopes at once', { security: [{ login: ['read', 'write'] }] }, {}, 'read write'],
    ['an alternative that can be checked', { security: [{ key: [] }, { token: [] }] }, {}, 'authenticated'],
    [
      'a key beside the token: it cannot be checked',
      { security: [{ key: [], login: ['a'] }, { token: [] }] },
      {},
      'authenticated',
    ],
    ['the extension', { security: [{ key: [] }], 'x-lintel': { access: 'public' } }, {}, 'public'],
  ])('security: %s', (_, operation, document, access) => {
    expect(accessOf(operation, document)).toBe(access)
  })

  test('what the gateway cannot check is a fault, not an open door', () => {
    expect(accessOf({ security: [{ key: [] }] })).toContain(
      'GET /x security asks for key, which this gateway cannot check',
    )
    expect(accessOf({ security: [{ unknown: [] }] })).toContain('asks for "unknown", which is not in components')
    expect(accessOf({ security: 'token' })).toContain('is "token": give a list of security requirements')
  })

  test('other documents are refused', () => {
    const faults = (file: unknown) =>
      read((report, notice) => readOpenApi(file, { upstream: 'shop', report, notice })).faults
    expect(faults({ swagger: '2.0' })).toEqual([
      'openapi is missing, and swagger is "2.0": OpenAPI 2 is not read; convert the document to OpenAPI 3, with swagger2openapi for one',
    ])
    expect(faults({ openapi: '4.0.0' })).toEqual(['openapi is "4.0.0": give an OpenAPI document of 3.0, 3.1 or 3.2'])
    expect(faults({ openapi: '3.0.3' })).toEqual(['paths is missing'])
    expect(faults(null)).toHaveLength(1)
  })
})

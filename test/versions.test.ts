import { beforeAll, describe, expect, test } from 'vitest'
import { type Ask, PASSWORD, type Reply, reference, type User } from './reference.ts'

const api = reference()

let ann: User
let product: any
let order: any
beforeAll(async () => {
  ann = await api.user()
  product = await api.product()
  const body = { items: [{ productId: product.id, quantity: 2 }] }
  order = (await api.ask('POST', `/users/${ann.id}/orders`, { token: ann.token, body })).body
})

const accept = (value: string) => ({ headers: { accept: value } })
const vendor = (version: unknown) => accept(`application/vnd.api+json;version=${version}`)

/** The caller, as some version shows them. */
function me(path: string, ask: Ask = {}, { token }: User = ann): Promise<Reply> {
  return api.ask('GET', path, { token, ...ask })
}

function expectVersion({ status, headers, body }: Reply, version: 1 | 2, where: string) {
  expect(status, where).toBe(200)
  expect(headers.get('api-version'), where).toBe(String(version))
  expect(body.role, where).toEqual(version === 1 ? 'member' : undefined)
  expect(body.roles, where).toEqual(version === 1 ? undefined : ['member'])
}

describe('choosing', () => {
  test('R-VER-1: the version is asked for by path, by Accept or by query; without one it is 1', async () => {
    expectVersion(await me('/users/me'), 1, 'none')
    for (const version of [1, 2] as const) {
      expectVersion(await me(`/v${version}/users/me`), version, 'path')
      expectVersion(await me(`/users/me?version=${version}`), version, 'query')
      for (const type of [
        `application/vnd.api+json;version=${version}`,
        `application/json;version=${version}`,
        `application/json; version=${version}`,
        `Application/JSON ; Version="${version}"`,
        `text/html, application/json;q=0.9;version=${version}, */*;q=0.1`,
        `application/json;version=${3 - version};q=0.5, application/vnd.api+json;version=${version}`,
      ])
        expectVersion(await me('/users/me', accept(type)), version, type)
    }
    expectVersion(await me('/users/me', accept('text/html;version=2, */*')), 1, 'of another type')
    expectVersion(await me('/users/me', accept('application/json;subversion=2')), 1, 'another parameter')
  })

  test('R-VER-1: path beats header beats query', async () => {
    expectVersion(await me('/v1/users/me', vendor(2)), 1, 'path, header')
    expectVersion(await me('/v2/users/me', vendor(1)), 2, 'path, header')
    expectVersion(await me('/v1/users/me?version=2'), 1, 'path, query')
    expectVersion(await me('/users/me?version=1', vendor(2)), 2, 'header, query')
    expectVersion(await me('/users/me?version=2', vendor(1)), 1, 'header, query')
    expectVersion(await me('/v2/users/me?version=1', vendor(1)), 2, 'all three')
  })

  test('R-VER-1: an unknown version, wherever it stands, is a 400 that lists those that exist', async () => {
    const asked: [string, Ask?][] = [
      ...['0', '3', '01', '2.0', '99999999999999999999', '1.1'].map((version): [string] => [`/v${version}/users/me`]),
      ...['0', '3', '01', '2.0', '', '-1', 'x', 'v2', '1,2', '%20', '2%20', 'latest'].map((version): [string] => [
        `/users/me?version=${version}`,
      ]),
      ...['0', '3', '01', 'x', '"3"', ''].map((version): [string, Ask] => ['/users/me', vendor(version)]),
      // Also where another goes before it.
      ['/v1/users/me', vendor(3)],
      ['/v1/users/me?version=3'],
      ['/users/me?version=3', vendor(2)],
      ['/v3/users/me?version=1', vendor(1)],
    ]
    for (const [path, ask] of asked) {
      const { status, body, headers } = await me(path, ask)
      expect({ status, code: body.error?.code }, `${path} ${JSON.stringify(ask)}`).toEqual({
        status: 400,
        code: 'UNSUPPORTED_VERSION',
      })
      expect(body.error.details).toEqual([{ field: 'version', message: 'must be one of 1, 2' }])
      expect(headers.get('api-version')).toBeNull()
    }
    expect(await me('/users/me?version=1&version=2')).toMatchObject({ status: 400 })
  })

  test('R-VER-1: so it is with every method, without a token, and where there is nothing', async () => {
    for (const [method, path, body] of [
      ['OPTIONS', '/v3/users'],
      ['HEAD', '/v3/users'],
      ['DELETE', '/v3/users'],
      ['POST', '/v3/users', {}],
      ['POST', '/v3/auth/login', {}],
      ['PATCH', `/v3/orders/${order.id}`, {}],
      ['GET', '/v3/nothing'],
      ['GET', '/v3/openapi.json'],
      ['GET', '/v3'],
      ['GET', '/api/v3/users'],
    ] as const) {
      const reply = await api.ask(method, path, { body })
      expect(reply.status, `${method} ${path}`).toBe(400)
      if (method !== 'HEAD') expect(reply.body.error.code, `${method} ${path}`).toBe('UNSUPPORTED_VERSION')
    }
    expect((await api.ask('GET', '/version3/users')).status).toBe(404)
    expect((await api.ask('GET', '/v/users')).status).toBe(404)
    expect((await api.ask('GET', '/V2/users')).status).toBe(404)
    expect((await api.ask('GET', '/users/v2')).status).toBe(401)
  })

  test('R-VER-1: every answer says its version, refusals too', async () => {
    const { token } = ann
    const asked: [string, string, number, Ask?][] = [
      ['GET', '/products', 200],
      ['HEAD', '/products', 200],
      ['OPTIONS', '/products', 204],
      ['POST', `/users/${ann.id}/carts`, 201, { token, body: {} }],
      ['GET', '/products?colour=red', 400],
      ['POST', '/users', 400, { body: '{' }],
      ['GET', '/users/me', 401],
      ['GET', '/users', 403, { token }],
      ['GET', '/products/prd_x', 404],
      ['GET', '/nothing', 404],
      ['PUT', '/products', 405, { body: {} }],
      ['POST', '/users', 413, { body: ' '.repeat(2 ** 20 + 1) }],
      ['POST', '/users', 415, { body: 'x', headers: { 'content-type': 'text/plain' } }],
      ['GET', `/products/${product.id}`, 304, { headers: { 'if-none-match': '*' } }],
    ]
    for (const [method, path, status, ask] of asked)
      for (const version of ['1', '2']) {
        const reply = await api.ask(method, `/v${version}${path}`, ask)
        expect(reply.status, `${method} ${path}`).toBe(status)
        expect(reply.headers.get('api-version'), `${method} ${path} ${status}`).toBe(version)
      }
  })

  test('R-VER-1: where Accept may have chosen, the answer varies by it', async () => {
    expect((await api.ask('GET', '/products')).headers.get('vary')).toMatch(/\baccept\b/i)
    expect((await api.ask('GET', '/products', vendor(2))).headers.get('vary')).toMatch(/\baccept\b/i)
  })

  test('R-VER-1: what did not change answers the same in each version: orders, carts, products', async () => {
    const { token } = ann
    const paths = ['/orders', `/orders/${order.id}`, `/orders/${order.id}/items`, `/users/${ann.id}/orders`]
    for (const path of [...paths, `/users/${ann.id}/carts`, '/products', `/products/${product.id}`]) {
      const [one, two] = [await api.ask('GET', `/v1${path}`, { token }), await api.ask('GET', `/v2${path}`, { token })]
      expect(one.status, path).toBe(200)
      expect(two.body, path).toEqual(one.body)
      expect(two.headers.get('etag'), path).toBe(one.headers.get('etag'))
    }
    const body = { items: [{ productId: product.id, quantity: 1 }] }
    const placed = await api.ask('POST', `/v2/users/${ann.id}/orders`, { token, body })
    expect(placed.status).toBe(201)
    expect(placed.headers.get('location')).toBe(`/v2/orders/${placed.body.id}`)
    expect(Object.keys(placed.body)).toEqual(Object.keys(order))
  })

  test('R-VER-1: a cursor of one version goes on in another; links stay in the version that was asked for', async () => {
    const { token } = api.admin
    await api.user()
    const first = await api.ask('GET', '/v1/users?limit=1', { token })
    const { nextCursor } = first.body.pagination
    expect(nextCursor).toEqual(expect.any(String))
    const next = await api.ask('GET', `/v2/users?limit=1&cursor=${nextCursor}`, { token })
    expect(next).toMatchObject({ status: 200, body: { data: [{ roles: expect.any(Array) }] } })
    for (const [path, version] of [
      ['/v2/users?limit=1', '2'],
      ['/users?limit=1&version=2', '2'],
      ['/api/v2/users?limit=1', '2'],
      ['/users?limit=1', '1'],
    ] as const) {
      const { headers } = await api.ask('GET', path, { token })
      const link = /<([^>]+)>; rel="next"/.exec(headers.get('link')!)![1]!
      expect((await api.ask('GET', link, { token })).headers.get('api-version'), link).toBe(version)
    }
  })
})

describe('/api', () => {
  test('R-VER-5: /api/… is the same as /…, with a version and without', async () => {
    for (const [path, version] of [
      ['/users/me', 1],
      ['/v1/users/me', 1],
      ['/v2/users/me', 2],
      ['/users/me?version=2', 2],
    ] as const) {
      const plain = await me(path)
      const prefixed = await me(`/api${path}`)
      expectVersion(prefixed, version, path)
      expect(prefixed.body).toEqual(plain.body)
    }
    expectVersion(await me('/api/users/me', vendor(2)), 2, 'by header')
    for (const path of ['/openapi.json', '/v2/openapi.json', '/.well-known/jwks.json', '/health/live'])
      expect((await api.ask('GET', `/api${path}`)).status, path).toBe(200)
  })

  test('R-VER-5: writes go there too, and what they make is found in both places', async () => {
    const { token } = ann
    const made = await api.ask('POST', `/api/v1/users/${ann.id}/carts`, { token, body: {} })
    expect(made.status).toBe(201)
    expect((await api.ask('GET', made.headers.get('location')!, { token })).body).toEqual(made.body)
    expect((await api.ask('GET', `/api${made.headers.get('location')}`, { token })).body).toEqual(made.body)
    expect((await api.ask('POST', '/api/auth/login', { body: { email: ann.email, password: PASSWORD } })).status).toBe(
      200,
    )
    expect((await api.ask('OPTIONS', '/api/users')).headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS')
  })

  test('R-VER-5: /api stands once, and before the version', async () => {
    for (const path of ['/api', '/api/api/users', '/v1/api/users', '/API/users', '/apiusers', '/api/v1/v1/users'])
      expect((await me(path)).status, path).toBe(404)
  })
})

import { beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { type Reply, reference, type User } from './reference.ts'
import { send } from './wire.ts'

const api = reference()
const NEW_PASSWORD = 'an entirely different one'

let ann: User
let product: any
let cart: any
let item: any
let order: any
/** One thing of each kind, by the path where it is read, with the token that may read it. */
let things: { path: string; token: string | undefined }[]
let lists: { path: string; token: string | undefined }[]

beforeAll(async () => {
  ann = await api.user()
  product = await api.product()
  const { token } = ann
  cart = (await api.ask('POST', `/users/${ann.id}/carts`, { token, body: {} })).body
  item = (await api.ask('POST', `/carts/${cart.id}/items`, { token, body: { productId: product.id, quantity: 2 } }))
    .body
  order = await place()
  things = [
    { path: `/users/${ann.id}`, token },
    { path: `/products/${product.id}`, token: undefined },
    { path: `/carts/${cart.id}`, token },
    { path: `/carts/${cart.id}/items/${item.id}`, token },
    { path: `/orders/${order.id}`, token },
  ]
  lists = [
    { path: '/users', token: api.admin.token },
    { path: '/products', token: undefined },
    { path: `/users/${ann.id}/carts`, token },
    { path: `/carts/${cart.id}/items`, token },
    { path: `/users/${ann.id}/orders`, token },
    { path: '/orders', token },
    { path: `/orders/${order.id}/items`, token },
  ]
})

async function place(): Promise<any> {
  const body = { items: [{ productId: product.id, quantity: 1 }] }
  return (await api.ask('POST', `/users/${ann.id}/orders`, { token: ann.token, body })).body
}

/** Those that say something of the answer, rather than of this request and its connection. */
function headersOf({ headers }: { headers: Headers }): [string, string][] {
  const others = ['date', 'x-request-id', 'connection', 'keep-alive']
  return [...headers].filter(([name]) => !others.includes(name) && !name.includes('ratelimit'))
}

function expectEmpty({ headers, body }: Reply) {
  expect(body).toBeUndefined()
  expect(headers.get('content-type')).toBeNull()
  expect(headers.get('content-length')).toBeNull()
}

describe('URLs', () => {
  test('R-REST-1: every path is of plural nouns in kebab-case and of ids, apart from sign-in and well-known files', async () => {
    const { paths } = (await api.ask('GET', '/openapi.json')).body
    const served = Object.keys(paths)
    expect(served).toEqual(
      expect.arrayContaining(
        [
          '/users',
          '/users/{id}',
          '/users/{userId}/orders',
          '/orders/{orderId}/items',
          '/carts/{cartId}/items/{id}',
        ].map((path) => expect.stringMatching(new RegExp(`${path.replace(/[{}]/g, '\\$&')}$`))),
      ),
    )
    for (const path of served) {
      if (/\/auth\/(login|refresh|logout)$/.test(path) || /\.json$|health/.test(path)) continue
      for (const segment of path.replace(/^(\/api)?(\/v\d)?\//, '').split('/'))
        expect(segment, path).toMatch(/^(auth|[a-z]+(-[a-z]+)*s|\{[a-z][A-Za-z]*\})$/)
    }
  })

  test('R-REST-1: JSON and query names are camelCase', async () => {
    for (const { path, token } of [...things, ...lists]) {
      const names = namesIn((await api.ask('GET', path, { token })).body)
      expect(names).toContain('createdAt')
      for (const name of names) expect(name, path).toMatch(/^[a-z][A-Za-z0-9]*$/)
    }
    const { paths } = (await api.ask('GET', '/openapi.json')).body
    const parameters = Object.values<any>(paths)
      .flatMap((path) => Object.values<any>(path))
      .flatMap((operation) => operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'query')
    expect(parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(['createdAfter', 'priceMin', 'sort']))
    for (const { name } of parameters) expect(name).toMatch(/^[a-z][A-Za-z0-9]*$/)
  })

  test('R-REST-1: nesting shows ownership: a list below a user or a cart holds only what is theirs', async () => {
    const { token } = api.admin
    const ben = await api.user('Ben')
    const bens = (await api.ask('POST', `/users/${ben.id}/carts`, { token: ben.token })).body
    const listed = await api.ask('GET', `/users/${ben.id}/carts`, { token })
    expect(listed.body.data.map((one: any) => one.id)).toEqual([bens.id])
    expect((await api.ask('GET', `/users/${ben.id}/orders`, { token })).body.data).toEqual([])
    expect((await api.ask('GET', `/carts/${bens.id}/items`, { token })).body.data).toEqual([])
    expect((await api.ask('GET', `/carts/${cart.id}/items`, { token })).body.data).toHaveLength(1)
  })

  test('R-REST-1: an item is found only below its own cart, whoever asks and whatever for', async () => {
    const bare = (await api.ask('POST', `/users/${ann.id}/carts`, { token: ann.token })).body
    const path = `/carts/${bare.id}/items/${item.id}`
    for (const { token } of [ann, api.admin]) {
      expect(await api.ask('GET', path, { token })).toMatchObject({ status: 404 })
      expect(await api.ask('PATCH', path, { token, body: { quantity: 9 } })).toMatchObject({ status: 404 })
      expect(await api.ask('DELETE', path, { token })).toMatchObject({ status: 404 })
    }
    expect((await api.ask('GET', `/carts/${cart.id}`, { token: ann.token })).body.items).toMatchObject([
      { quantity: 2 },
    ])
    expect((await api.ask('GET', `/carts/${bare.id}`, { token: ann.token })).body.version).toBe(bare.version)
  })
})

describe('reading', () => {
  test('R-REST-2 R-REST-3: GET answers 200, and changes nothing', async () => {
    for (const { path, token } of [...things, ...lists]) {
      const first = await api.ask('GET', path, { token })
      expect(first.status, path).toBe(200)
      expect((await api.ask('GET', path, { token })).body, path).toEqual(first.body)
    }
  })

  test('R-REST-2: HEAD answers as GET does, with its headers and without its body', async () => {
    const beyond = [
      { path: '/products?page=1&limit=1&sort=-name', token: undefined },
      { path: '/products?colour=red', token: undefined },
      { path: `/products/${newId('prd')}`, token: undefined },
      { path: '/users/me', token: undefined },
      { path: '/nothing', token: undefined },
      { path: '/health/live', token: undefined },
    ]
    for (const { path, token } of [...things, ...lists, ...beyond]) {
      const got = await api.ask('GET', path, { token })
      const head = await api.ask('HEAD', path, { token })
      expect(head.status, path).toBe(got.status)
      expect(head.body, path).toBeUndefined()
      // Problems hold the request's id, which is as long as any other.
      expect(headersOf(head), path).toEqual(headersOf(got))
      expect(Number(head.headers.get('content-length')), path).toBeGreaterThan(0)
    }
  })

  test('R-REST-2: OPTIONS answers 204 with what is offered, to anyone, on every resource', async () => {
    const offered = async (path: string) => {
      const reply = await api.ask('OPTIONS', path)
      expect(reply.status, path).toBe(204)
      expectEmpty(reply)
      return reply.headers.get('allow')
    }
    expect(await offered('/users')).toBe('GET, HEAD, POST, OPTIONS')
    expect(await offered(`/users/${ann.id}`)).toBe('GET, HEAD, PUT, PATCH, DELETE, OPTIONS')
    expect(await offered('/products')).toBe('GET, HEAD, POST, OPTIONS')
    expect(await offered(`/products/${product.id}`)).toBe('GET, HEAD, PUT, PATCH, DELETE, OPTIONS')
    expect(await offered(`/users/${ann.id}/carts`)).toBe('GET, HEAD, POST, OPTIONS')
    expect(await offered(`/carts/${cart.id}`)).toBe('GET, HEAD, DELETE, OPTIONS')
    expect(await offered(`/carts/${cart.id}/items`)).toBe('GET, HEAD, POST, OPTIONS')
    expect(await offered(`/carts/${cart.id}/items/${item.id}`)).toBe('GET, HEAD, PATCH, DELETE, OPTIONS')
    expect(await offered(`/users/${ann.id}/orders`)).toBe('GET, HEAD, POST, OPTIONS')
    expect(await offered('/orders')).toBe('GET, HEAD, OPTIONS')
    expect(await offered(`/orders/${order.id}`)).toBe('GET, HEAD, PATCH, OPTIONS')
    expect(await offered(`/orders/${order.id}/items`)).toBe('GET, HEAD, OPTIONS')
    expect(await offered('/auth/login')).toBe('POST, OPTIONS')
    expect(await offered('/health')).toBe('GET, HEAD, OPTIONS')
  })

  test('R-REST-2: GET, HEAD and DELETE take no body', async () => {
    const headers = { authorization: `Bearer ${ann.token}`, 'content-type': 'application/json' }
    for (const method of ['GET', 'HEAD', 'DELETE'])
      for (const chunked of [false, true]) {
        const reply = await send(api.url, method, `/carts/${cart.id}`, { headers, body: '{}', chunked })
        expect(reply.status, method).toBe(400)
        if (method !== 'HEAD') expect(reply.body.error.code).toBe('VALIDATION_ERROR')
      }
    expect((await api.ask('GET', `/carts/${cart.id}`, { token: ann.token })).status).toBe(200)
    const none = { authorization: `Bearer ${ann.token}`, 'content-length': '0' }
    expect((await send(api.url, 'GET', `/carts/${cart.id}`, { headers: none })).status).toBe(200)
  })

  test('R-REST-3: a read that names the version it has is answered 304 with no body', async () => {
    for (const { path, token } of things) {
      const etag = (await api.ask('GET', path, { token })).headers.get('etag')!
      expect(etag, path).toMatch(/^"\d+"$/)
      // A cart shows the products' prices, which change without it.
      if (path.startsWith('/carts')) continue
      for (const method of ['GET', 'HEAD']) {
        const reply = await api.ask(method, path, { token, headers: { 'if-none-match': etag } })
        expect(reply.status, path).toBe(304)
        expect(reply.headers.get('etag'), path).toBe(etag)
        expectEmpty(reply)
      }
    }
  })
})

describe('writing', () => {
  test('R-REST-3: POST answers 201 with a Location that resolves to what was answered', async () => {
    const { token } = ann
    const { token: admin } = api.admin
    const posts: [string, string | undefined, object | undefined, RegExp][] = [
      [
        '/users',
        undefined,
        { email: 'new@example.com', name: 'New', password: NEW_PASSWORD },
        /^\/v1\/users\/usr_\w{26}$/,
      ],
      ['/products', admin, { sku: 'new', name: 'New', category: 'New', price: 1 }, /^\/v1\/products\/prd_\w{26}$/],
      [`/users/${ann.id}/carts`, token, {}, /^\/v1\/carts\/crt_\w{26}$/],
      [`/users/me/carts`, token, undefined, /^\/v1\/carts\/crt_\w{26}$/],
      [
        `/carts/${cart.id}/items`,
        token,
        { productId: (await api.product()).id, quantity: 1 },
        /^\/v1\/carts\/crt_\w{26}\/items\/itm_\w{26}$/,
      ],
      [
        `/v2/users/${ann.id}/orders`,
        token,
        { items: [{ productId: product.id, quantity: 1 }] },
        /^\/v2\/orders\/ord_\w{26}$/,
      ],
    ]
    for (const [path, as, body, pattern] of posts) {
      const reply = await api.ask('POST', path, { token: as, body })
      expect(reply.status, path).toBe(201)
      const location = reply.headers.get('location')!
      expect(location).toMatch(pattern)
      expect(location.endsWith(reply.body.id)).toBe(true)
      const found = await api.ask('GET', location, { token: as ?? admin })
      expect(found.status, location).toBe(200)
      expect(found.body).toEqual(reply.body)
    }
  })

  test('R-REST-2: POST is not idempotent by itself', async () => {
    const first = await api.ask('POST', `/users/${ann.id}/carts`, { token: ann.token, body: {} })
    const second = await api.ask('POST', `/users/${ann.id}/carts`, { token: ann.token, body: {} })
    expect(second.status).toBe(201)
    expect(second.body.id).not.toBe(first.body.id)
  })

  test('R-REST-2 R-REST-3: PUT answers 200, replaces the whole, and does so again with the same outcome', async () => {
    const { token } = api.admin
    const { id } = await api.product({ description: 'Strong', currency: 'EUR', stock: 5 })
    const body = { sku: `put-${id}`, name: 'Chang', category: 'Beer', price: 19 }
    const whole = { ...body, id, description: '', currency: 'USD', stock: 0 }
    for (const version of [2, 3]) {
      const reply = await api.ask('PUT', `/products/${id}`, { token, body })
      expect(reply.status).toBe(200)
      expect(reply.body).toEqual({ ...whole, version, createdAt: expect.any(String), updatedAt: expect.any(String) })
      expect((await api.ask('GET', `/products/${id}`)).body).toEqual(reply.body)
    }
    const lacking = await api.ask('PUT', `/products/${id}`, { token, body: { name: 'Chang' } })
    expect(lacking.status).toBe(400)
    expect(lacking.body.error.details.map((fault: any) => fault.field)).toEqual(['sku', 'category', 'price'])
  })

  test('R-REST-2 R-REST-3: PUT of a user answers 200 and keeps what was not theirs to give', async () => {
    const ben = await api.user('Ben')
    const body = { email: ben.email, name: 'Benjamin' }
    const reply = await api.ask('PUT', `/users/${ben.id}`, { token: ben.token, body })
    expect(reply).toMatchObject({ status: 200, body: { ...body, role: 'member', version: 2 } })
    expect((await api.ask('PUT', `/users/${ben.id}`, { token: ben.token, body: { name: 'B' } })).status).toBe(400)
    await expect(api.logIn(ben.email)).resolves.toEqual(expect.any(String))
    const kept = await api.ask('PUT', `/users/me`, {
      token: api.admin.token,
      body: { email: api.admin.email, name: 'A' },
    })
    expect(kept).toMatchObject({ status: 200, body: { role: 'admin' } })
  })

  test('R-REST-2 R-REST-3: PATCH answers 200 and changes just what it names, as JSON or as a merge patch', async () => {
    const { token } = api.admin
    const before = await api.product({ description: 'Strong' })
    const path = `/products/${before.id}`
    for (const [i, type] of [
      'application/json',
      'application/merge-patch+json',
      'Application/Merge-Patch+JSON; charset=utf-8',
    ].entries()) {
      const reply = await api.ask('PATCH', path, { token, body: { price: 20 + i }, headers: { 'content-type': type } })
      expect(reply.status, type).toBe(200)
      expect(reply.body).toEqual({ ...before, price: 20 + i, version: 2 + i, updatedAt: expect.any(String) })
      expect((await api.ask('GET', path)).body).toEqual(reply.body)
    }
    const changed = await api.ask('PATCH', `/carts/${cart.id}/items/${item.id}`, {
      token: ann.token,
      body: { quantity: 2 },
    })
    expect(changed).toMatchObject({ status: 200, body: { id: item.id, quantity: 2 } })
    const { id } = await place()
    const paid = await api.ask('PATCH', `/orders/${id}`, { token, body: { status: 'paid' } })
    expect(paid).toMatchObject({ status: 200, body: { id, status: 'paid', version: 2 } })
  })

  test('R-REST-2: a PATCH of nothing changes nothing', async () => {
    const reply = await api.ask('PATCH', `/products/${product.id}`, { token: api.admin.token, body: {} })
    expect(reply.status).toBe(200)
    expect(reply.body).toEqual((await api.ask('GET', `/products/${product.id}`)).body)
  })

  test('R-REST-3 R-REST-6: DELETE answers 204 with no body; then the thing is a 404 to every method', async () => {
    const { token } = api.admin
    const ben = await api.user('Ben')
    const gone = await api.product()
    const bare = (await api.ask('POST', `/users/${ben.id}/carts`, { token })).body
    const line = await api.ask('POST', `/carts/${bare.id}/items`, { token, body: { productId: gone.id, quantity: 1 } })
    const whole = { sku: 'x', name: 'x', category: 'x', price: 1 }
    const deletions: [string, [string, object?][]][] = [
      [line.headers.get('location')!, [['PATCH', { quantity: 1 }]]],
      [`/carts/${bare.id}`, []],
      [
        `/products/${gone.id}`,
        [
          ['PATCH', { price: 1 }],
          ['PUT', whole],
        ],
      ],
      [
        `/users/${ben.id}`,
        [
          ['PATCH', { name: 'B' }],
          ['PUT', { name: 'B', email: 'b@example.com' }],
        ],
      ],
    ]
    for (const [path, writes] of deletions) {
      const reply = await api.ask('DELETE', path, { token })
      expect(reply.status, path).toBe(204)
      expectEmpty(reply)
      for (const [method, body] of [['GET'], ['HEAD'], ['DELETE'], ...writes] as [string, object?][])
        expect((await api.ask(method, path, { token, body })).status, `${method} ${path}`).toBe(404)
    }
    expect((await api.ask('GET', `/carts/${bare.id}/items`, { token })).status).toBe(404)
    const late = await api.ask('POST', `/carts/${bare.id}/items`, {
      token,
      body: { productId: product.id, quantity: 1 },
    })
    expect(late.status).toBe(404)
  })

  test('R-REST-5: PUT and PATCH of an id that does not exist are a 404, and make nothing', async () => {
    const { token } = api.admin
    const ids = { products: newId('prd'), users: newId('usr') }
    const whole = {
      products: { sku: 'made-by-put', name: 'x', category: 'x', price: 1 },
      users: { email: 'made-by-put@example.com', name: 'x' },
    }
    for (const kind of ['products', 'users'] as const)
      for (const method of ['PUT', 'PATCH']) {
        const reply = await api.ask(method, `/${kind}/${ids[kind]}`, { token, body: whole[kind] })
        expect(reply, method).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } })
        expect((await api.ask('GET', `/${kind}/${ids[kind]}`, { token })).status).toBe(404)
      }
    expect((await api.ask('GET', '/products?q=made-by-put')).body.data).toEqual([])
  })
})

function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap(namesIn)
  return Object.entries(value).flatMap(([name, member]) => [name, ...namesIn(member)])
}

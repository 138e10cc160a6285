import { request } from 'node:http'
import { beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { type Reply, reference, type User } from './reference.ts'
import { send } from './wire.ts'

const api = reference()

let ann: User
let product: any
let cart: any
let order: any

beforeAll(async () => {
  ann = await api.user()
  product = await api.product()
  const { token } = ann
  cart = (await api.ask('POST', `/users/${ann.id}/carts`, { token })).body
  const lines = [{ productId: product.id, quantity: 2 }]
  await api.ask('POST', `/carts/${cart.id}/items`, { token, body: lines[0] })
  order = (await api.ask('POST', `/users/${ann.id}/orders`, { token, body: { items: lines } })).body
})

interface Fault {
  field: string
  message: string
}

/** The fields that a 400 names, sorted; each with something to read. */
function faultsOf(reply: { status: number; body: any }, where?: string): string[] {
  expect(reply.status, `${where} ${JSON.stringify(reply.body)}`).toBe(400)
  expect(reply.body.error.code, where).toBe('VALIDATION_ERROR')
  const { details } = reply.body.error as { details: Fault[] }
  for (const fault of details) {
    expect(Object.keys(fault)).toEqual(['field', 'message'])
    expect(fault.message.length).toBeGreaterThan(5)
  }
  return details.map(({ field }) => field).sort()
}

function buy(body: unknown, { token }: { token: string } = ann): Promise<Reply> {
  return api.ask('POST', `/users/${ann.id}/orders`, { token, body })
}

describe('fields', () => {
  test('R-BODY-4: unknown fields are a 400 that names each of them, in every operation that takes a body', async () => {
    const { token } = api.admin
    const line = { productId: product.id, quantity: 1 }
    const extra = { nickname: 'x', constructor: 1, hasOwnProperty: 1, 'a b': 1, '': 1, toJSON: 1, passwordHash: 'x' }
    const named = ['[""]', '["a b"]', 'constructor', 'hasOwnProperty', 'nickname', 'passwordHash', 'toJSON']
    const writes: [string, string, object][] = [
      ['POST', '/auth/login', { email: ann.email, password: 'x' }],
      ['POST', '/users', { email: 'extra@example.com', name: 'x', password: 'a long enough one' }],
      ['PUT', `/users/${ann.id}`, { email: ann.email, name: 'x' }],
      ['PATCH', `/users/${ann.id}`, {}],
      ['POST', '/products', { sku: 'extra', name: 'x', category: 'x', price: 1 }],
      ['PUT', `/products/${product.id}`, { sku: 'extra', name: 'x', category: 'x', price: 1 }],
      ['PATCH', `/products/${product.id}`, {}],
      ['POST', `/users/${ann.id}/carts`, {}],
      ['POST', `/carts/${cart.id}/items`, line],
      ['POST', `/users/${ann.id}/orders`, { items: [line] }],
      ['PATCH', `/orders/${order.id}`, { status: 'paid' }],
    ]
    for (const [method, path, body] of writes) {
      const reply = await api.ask(method, path, { token, body: { ...body, ...extra } })
      expect(faultsOf(reply, `${method} ${path}`)).toEqual(named)
    }
    const nested = await buy({ items: [line, { ...line, colour: 'red', lineTotal: 0 }], total: 0 })
    expect(faultsOf(nested)).toEqual(['items[1].colour', 'items[1].lineTotal', 'total'])
    expect((await api.ask('GET', `/products/${product.id}`)).body).toMatchObject({ sku: product.sku, price: 18 })
  })

  test('R-BODY-4: read-only fields are a 400 that names each of them', async () => {
    const { token } = api.admin
    const head = { id: newId('prd'), createdAt: '2020-01-01T00:00:00Z', updatedAt: '2020-01-01T00:00:00Z' }
    const named = ['createdAt', 'id', 'updatedAt']
    const sent = { sku: 'ro', name: 'x', category: 'x', price: 1 }
    const post = await api.ask('POST', '/products', { token, body: { ...sent, ...head, version: 1 } })
    expect(faultsOf(post)).toEqual([...named, 'version'])
    for (const method of ['PUT', 'PATCH']) {
      const reply = await api.ask(method, `/products/${product.id}`, { token, body: { ...sent, ...head } })
      expect(faultsOf(reply, method)).toEqual(named)
    }
    const user = { email: 'ro@example.com', name: 'x', emailVerified: true, emailVerifiedAt: head.createdAt }
    const registered = await api.ask('POST', '/users', {
      body: { ...user, ...head, version: 1, password: 'a long enough one' },
    })
    expect(faultsOf(registered)).toEqual([
      'createdAt',
      'emailVerified',
      'emailVerifiedAt',
      'id',
      'updatedAt',
      'version',
    ])
    const changed = await api.ask('PATCH', `/users/${ann.id}`, { token, body: { emailVerified: true, ...head } })
    expect(faultsOf(changed)).toEqual(['createdAt', 'emailVerified', 'id', 'updatedAt'])
    const cartBody = { userId: ann.id, status: 'ordered', items: [], total: 0, currency: 'USD' }
    const made = await api.ask('POST', `/users/${ann.id}/carts`, { token, body: cartBody })
    expect(faultsOf(made)).toEqual(['currency', 'items', 'status', 'total', 'userId'])
    const item = {
      productId: product.id,
      quantity: 1,
      unitPrice: 0.01,
      lineTotal: 0.01,
      name: 'x',
      sku: 'x',
      cartId: cart.id,
    }
    const added = await api.ask('POST', `/carts/${cart.id}/items`, { token, body: item })
    expect(faultsOf(added)).toEqual(['cartId', 'lineTotal', 'name', 'sku', 'unitPrice'])
    const [{ id }] = (await api.ask('GET', `/carts/${cart.id}/items`, { token })).body.data
    const moved = await api.ask('PATCH', `/carts/${cart.id}/items/${id}`, { token, body: { productId: newId('prd') } })
    expect(faultsOf(moved)).toEqual(['productId'])
  })

  test('R-BODY-4: types are never coerced, and null is nothing that is asked for', async () => {
    const { token } = api.admin
    const sent = { sku: 'typed', name: 'x', category: 'x', price: 1, stock: 1 }
    const wrong: Record<string, unknown[]> = {
      name: [5, null, true, ['x'], { x: 1 }],
      price: ['5', '', null, true, false, [5], { value: 5 }],
      stock: ['5', null, true, 1.5, -1, 2_147_483_648, 1e21],
      currency: ['usd', 'EURO', '', 1, null],
      description: [null, 0],
    }
    for (const [field, values] of Object.entries(wrong))
      for (const value of values)
        for (const [method, path] of [
          ['POST', '/products'],
          ['PUT', `/products/${product.id}`],
          ['PATCH', `/products/${product.id}`],
        ] as const) {
          const where = `${method} ${field} ${JSON.stringify(value)}`
          const body = method === 'PATCH' ? { [field]: value } : { ...sent, [field]: value }
          expect(faultsOf(await api.ask(method, path, { token, body }), where), where).toEqual([field])
        }
    for (const version of ['1', 0, 1.5, null, true])
      expect(faultsOf(await api.ask('PATCH', `/products/${product.id}`, { token, body: { version } }))).toEqual([
        'version',
      ])
    expect(faultsOf(await api.ask('PATCH', `/orders/${order.id}`, { token, body: { status: 'PAID' } }))).toEqual([
      'status',
    ])
    expect(faultsOf(await api.ask('PATCH', `/orders/${order.id}`, { token, body: {} }))).toEqual(['status'])
  })

  test('R-BODY-4: a body that is no object is a 400', async () => {
    for (const body of ['[]', 'null', '5', '"x"', 'true', '[{"name":"x"}]'])
      for (const [method, path] of [
        ['POST', '/users'],
        ['PATCH', `/users/${ann.id}`],
        ['POST', `/users/${ann.id}/carts`],
      ] as const) {
        const reply = await api.ask(method, path, { token: ann.token, body })
        expect(reply, `${method} ${body}`).toMatchObject({ status: 400, body: { error: { code: 'VALIDATION_ERROR' } } })
      }
  })

  test('R-BODY-4: text is taken as it is, in every script, and measured in characters', async () => {
    const { token } = api.admin
    const names = [
      'Ægir',
      '日本語',
      'א ב',
      '🍵'.repeat(255),
      "Robert'); drop table products;--",
      '\u202e',
      '\\',
      '"',
      '\n',
    ]
    for (const name of names) expect(await api.product({ name })).toMatchObject({ name })
    const long = { sku: 'long', name: '🍵'.repeat(256), category: '', price: 1 }
    expect(faultsOf(await api.ask('POST', '/products', { token, body: long }))).toEqual(['category', 'name'])
  })
})

describe('errors', () => {
  test('R-BODY-5: every faulty field is named at once, nested ones by their place', async () => {
    const body = {
      cartId: 7,
      items: [
        { productId: 'x', quantity: 0 },
        { productId: product.id, quantity: 1 },
        { quantity: 1.5, discount: 'x', unitPrice: -1 },
        'not an item',
        { productId: product.id, quantity: 10_001, discount: 1.01, unitPrice: 0.00001 },
      ],
      placedAt: 'yesterday',
    }
    expect(faultsOf(await buy(body))).toEqual([
      'cartId',
      'items[0].productId',
      'items[0].quantity',
      'items[2].discount',
      'items[2].productId',
      'items[2].quantity',
      'items[2].unitPrice',
      'items[3]',
      'items[4].discount',
      'items[4].quantity',
      'items[4].unitPrice',
      'placedAt',
    ])
    for (const items of [Array(101).fill({ productId: product.id, quantity: 1 }), {}, 'x', 5])
      expect(faultsOf(await buy({ items }))).toEqual(['items'])
    expect(faultsOf(await api.ask('POST', '/users', { body: {} }))).toEqual(['email', 'name'])
    expect(faultsOf(await api.ask('POST', '/auth/login', { body: { email: 'x' } }))).toEqual(['email', 'password'])
    const query = await api.ask('GET', '/products?page=0&limit=x&colour=red&sort=stock&priceMin=a&fields=cost')
    expect(faultsOf(query)).toEqual(['colour', 'fields', 'limit', 'page', 'priceMin', 'sort'])
  })

  test('R-BODY-5: a query parameter that an operation does not take is a 400 that names it, for writes too', async () => {
    const { token } = api.admin
    expect(faultsOf(await api.ask('POST', '/users?admin=true', { body: {} }))).toContain('admin')
    expect(faultsOf(await api.ask('PATCH', `/products/${product.id}?force=1`, { token, body: {} }))).toEqual(['force'])
    expect(faultsOf(await api.ask('DELETE', `/products/${product.id}?force=1`, { token }))).toEqual(['force'])
    expect(faultsOf(await api.ask('GET', `/products/${product.id}?expand=all`))).toEqual(['expand'])
  })

  /** One of each kind of problem, with the details it should have. */
  const problems: [number, string, string[] | undefined, () => Promise<Reply>][] = [
    [400, 'VALIDATION_ERROR', ['email', 'name'], () => api.ask('POST', '/users', { body: {} })],
    [400, 'MALFORMED_JSON', undefined, () => api.ask('POST', '/users', { body: '{' })],
    [400, 'INVALID_CURSOR', ['cursor'], () => api.ask('GET', '/products?cursor=x')],
    [400, 'UNSUPPORTED_VERSION', ['version'], () => api.ask('GET', '/v9/products')],
    [401, 'UNAUTHENTICATED', undefined, () => api.ask('GET', '/users/me')],
    [401, 'INVALID_TOKEN', undefined, () => api.ask('GET', '/users/me', { token: 'x' })],
    [403, 'FORBIDDEN', undefined, () => api.ask('GET', '/users', { token: ann.token })],
    [404, 'NOT_FOUND', undefined, () => api.ask('GET', '/nothing')],
    [404, 'NOT_FOUND', undefined, () => api.ask('GET', `/products/${newId('prd')}`)],
    [405, 'METHOD_NOT_ALLOWED', undefined, () => api.ask('DELETE', '/products')],
    [
      409,
      'DUPLICATE',
      ['sku'],
      () =>
        api.ask('POST', '/products', {
          token: api.admin.token,
          body: { sku: product.sku, name: 'x', category: 'x', price: 1 },
        }),
    ],
    [
      409,
      'VERSION_CONFLICT',
      undefined,
      () => api.ask('PATCH', `/products/${product.id}`, { token: api.admin.token, body: { version: 9 } }),
    ],
    [
      409,
      'INVALID_TRANSITION',
      undefined,
      () => api.ask('PATCH', `/orders/${order.id}`, { token: api.admin.token, body: { status: 'pending' } }),
    ],
    [409, 'OUT_OF_STOCK', ['items[0].productId'], () => buy({ items: [{ productId: product.id, quantity: 9999 }] })],
    [
      412,
      'PRECONDITION_FAILED',
      undefined,
      () => api.ask('DELETE', `/products/${product.id}`, { token: api.admin.token, headers: { 'if-match': '"9"' } }),
    ],
    [413, 'PAYLOAD_TOO_LARGE', undefined, () => api.ask('POST', '/users', { body: ' '.repeat(2 ** 20 + 1) })],
    [
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      undefined,
      () => api.ask('POST', '/users', { body: '{}', headers: { 'content-type': 'text/plain' } }),
    ],
    [422, 'UNPROCESSABLE', ['items[0].productId'], () => buy({ items: [{ productId: newId('prd'), quantity: 1 }] })],
    [422, 'EMPTY_CART', undefined, () => buy({ items: [] })],
  ]

  test.each(problems)(
    'R-BODY-5 R-BODY-6: %i %s has the envelope, with details %j',
    async (status, code, fields, provoke) => {
      const reply = await provoke()
      const requestId = reply.headers.get('x-request-id')
      expect(reply.status).toBe(status)
      expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expect(reply.headers.get('cache-control')).toBe('no-store')
      const { details, ...error } = reply.body.error
      expect(reply.body).toEqual({ error: reply.body.error })
      expect(error).toEqual({ code, message: expect.stringMatching(/^\w.{8,}/), requestId })
      expect('details' in reply.body.error).toBe(fields !== undefined)
      expect(details?.map((fault: Fault) => fault.field).sort()).toEqual(fields)
    },
  )

  test('R-BODY-5: as RFC 9457 for those who ask for it by name', async () => {
    const asked = 'application/problem+json, application/json;q=0.9'
    for (const accept of ['application/problem+json', asked]) {
      const reply = await send(api.url, 'POST', '/users', {
        headers: { accept, 'content-type': 'application/json' },
        body: '{"name":5}',
      })
      expect(reply.headers['content-type']).toBe('application/problem+json')
      expect(reply.body).toEqual({
        type: expect.stringMatching(/^(urn:|https?:|about:)\S+$/),
        title: expect.any(String),
        status: 400,
        detail: expect.any(String),
        code: 'VALIDATION_ERROR',
        details: [
          { field: 'email', message: 'is required' },
          { field: 'name', message: 'must be a string' },
        ],
        requestId: reply.headers['x-request-id'],
      })
    }
    for (const accept of ['*/*', 'application/json', 'text/html', 'application/problem+json;q=0, application/json']) {
      const reply = await send(api.url, 'GET', '/nothing', { headers: { accept } })
      expect(reply.body.error.code, accept).toBe('NOT_FOUND')
    }
  })
})

describe('bodies that are not waited for', () => {
  /** Sends the head and the first bytes of a body, and then no more until there is an answer. */
  function begin(method: string, path: string, token: string, length: number) {
    const headers = { authorization: `Bearer ${token}`, connection: 'keep-alive', 'content-length': length }
    return new Promise<{ status: number; connection: string }>((resolve, reject) => {
      const sending = request(api.url + path, { method, headers, agent: false }, ({ statusCode, headers }) => {
        resolve({ status: statusCode!, connection: headers.connection! })
        sending.destroy()
      })
      sending.on('error', reject)
      sending.write('{"name"')
    })
  }

  test('FC-7, R-REST-2: a change of what the path shows to be another’s is refused before its body has arrived', async () => {
    const { token } = await api.user()
    const asked: [string, string, number][] = [
      ['PUT', `/users/${ann.id}`, 403],
      ['PATCH', `/v2/users/${ann.id}`, 403],
      ['DELETE', `/users/${ann.id}`, 403],
      ['PATCH', `/users/${newId('usr')}`, 404],
      ['PATCH', '/users/nobody', 404],
      ['POST', `/users/${ann.id}/carts`, 403],
      ['POST', `/users/${ann.id}/orders`, 403],
    ]
    for (const [method, path, status] of asked) {
      // The rest of a small body is dropped as it comes; behind a large one the connection ends.
      expect(await begin(method, path, token, 1_000), `${method} ${path}`).toEqual({ status, connection: 'keep-alive' })
      expect(await begin(method, path, token, 1_000_000)).toEqual({ status, connection: 'close' })
    }
  })
})

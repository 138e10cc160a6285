import { beforeAll, describe, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { type Ask, type Reply, reference, type User } from './reference.ts'
import { send } from './wire.ts'

const api = reference()

let ann: User
let product: any
let cart: any
let item: any
let order: any

beforeAll(async () => {
  ann = await api.user()
  product = await api.product({ stock: 10 })
  cart = (await api.ask('POST', `/users/${ann.id}/carts`, { token: ann.token })).body
  const body = { productId: product.id, quantity: 2 }
  item = (await api.ask('POST', `/carts/${cart.id}/items`, { token: ann.token, body })).body
  order = (await buy(ann, { items: [body] })).body
})

function buy({ id, token }: User, body: unknown): Promise<Reply> {
  return api.ask('POST', `/users/${id}/orders`, { token, body })
}

function expectProblem(reply: { status: number; body: any }, status: number, code: string, where?: string) {
  expect(reply.status, where).toBe(status)
  expect(reply.body?.error.code, where).toBe(code)
}

describe('404', () => {
  test('R-REST-4: an unknown path is a 404, whoever asks and with any method', async () => {
    // `/` is a page in development: test/pages.test.ts.
    const paths = [
      '/api',
      '/v1',
      '/nothing',
      '/Users',
      '/users/',
      '/user',
      '/usersx',
      '/v1/v1/users',
      '/auth',
      '/auth/login/x',
    ]
    const below = [`/users/${ann.id}/products`, `/orders/${order.id}/nothing`, `/users/${ann.id}/orders/${order.id}`]
    for (const path of [...paths, ...below])
      for (const [method, body] of [
        ['GET'],
        ['POST', {}],
        ['PUT', {}],
        ['PATCH', {}],
        ['DELETE'],
        ['OPTIONS'],
      ] as const)
        for (const token of [undefined, ann.token]) {
          const reply = await api.ask(method, path, { token, body })
          expectProblem(reply, 404, 'NOT_FOUND', `${method} ${path}`)
        }
  })

  test('R-REST-4 R-BODY-1: an id of another type or shape, or of nothing, is a 404', async () => {
    const { token } = api.admin
    const places: [string, string, string][] = [
      ['/users/', ann.id, ''],
      ['/users/', ann.id, '/carts'],
      ['/products/', product.id, ''],
      ['/carts/', cart.id, ''],
      ['/carts/', cart.id, '/items'],
      [`/carts/${cart.id}/items/`, item.id, ''],
      ['/orders/', order.id, ''],
      ['/orders/', order.id, '/items'],
    ]
    for (const [before, id, after] of places) {
      const prefix = id.slice(0, 3)
      const suffix = id.slice(4)
      const wrong = [
        id.toUpperCase(),
        `${prefix}_${suffix.toUpperCase()}`,
        `${id}0`,
        id.slice(0, -1),
        `x${id}`,
        suffix,
        `${prefix}-${suffix}`,
        `${prefix}__${suffix}`,
        `${prefix}_8${suffix.slice(1)}`,
        `${prefix}_${suffix.slice(0, -1)}u`,
        `${id}%20`,
        `${prefix === 'usr' ? 'ord' : 'usr'}_${suffix}`,
        `evt_${suffix}`,
        '0195e7c2-7c1a-7000-8000-000000000000',
        '1',
        '-1',
        '*',
        'null',
        'undefined',
        'constructor',
        '__proto__',
        "'%20or%201=1",
        'a'.repeat(3000),
      ]
      // Orders and carts are not asked whether a user exists: the users service has them.
      if (before !== '/users/' || after === '') wrong.push(newId(prefix))
      for (const one of wrong) {
        const path = before + one + after
        expectProblem(await api.ask('GET', path, { token }), 404, 'NOT_FOUND', path)
      }
    }
  })

  test('R-REST-4 R-BODY-1: writes to an id of another type are a 404 too', async () => {
    const { token } = api.admin
    const other = `usr_${product.id.slice(4)}`
    const writes: [string, string, unknown?][] = [
      ['PATCH', `/products/${other}`, { price: 1 }],
      ['DELETE', `/products/${other}`],
      ['PATCH', `/orders/${other}`, { status: 'paid' }],
      ['POST', `/carts/${other}/items`, { productId: product.id, quantity: 1 }],
      ['POST', `/users/${product.id}/carts`, {}],
      ['POST', `/users/${product.id}/orders`, { cartId: cart.id }],
    ]
    for (const [method, path, body] of writes)
      expectProblem(await api.ask(method, path, { token, body }), 404, 'NOT_FOUND', `${method} ${path}`)
  })
})

describe('405', () => {
  test('R-REST-4: a method that is not offered is a 405 that names those that are, to anyone', async () => {
    const offered: [string, string, string[]][] = [
      ['/users', 'GET, HEAD, POST, OPTIONS', ['PUT', 'PATCH', 'DELETE']],
      [`/users/${ann.id}`, 'GET, HEAD, PUT, PATCH, DELETE, OPTIONS', ['POST']],
      ['/orders', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'PATCH', 'DELETE']],
      [`/orders/${order.id}`, 'GET, HEAD, PATCH, OPTIONS', ['POST', 'PUT', 'DELETE']],
      [`/orders/${order.id}/items`, 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'PATCH', 'DELETE']],
      [`/carts/${cart.id}`, 'GET, HEAD, DELETE, OPTIONS', ['POST', 'PUT', 'PATCH']],
      [`/carts/${cart.id}/items/${item.id}`, 'GET, HEAD, PATCH, DELETE, OPTIONS', ['POST', 'PUT']],
      ['/auth/login', 'POST, OPTIONS', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']],
      ['/openapi.json', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'PATCH', 'DELETE']],
      ['/asyncapi.json', 'GET, HEAD, OPTIONS', ['POST', 'PUT', 'PATCH', 'DELETE']],
    ]
    for (const [path, allow, methods] of offered)
      for (const method of [...methods, 'PROPFIND', 'TRACE'])
        for (const token of [undefined, api.admin.token]) {
          const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
          const reply = await send(api.url, method, path, { headers })
          expect(reply.status, `${method} ${path}`).toBe(405)
          expect(reply.headers.allow, `${method} ${path}`).toBe(allow)
          if (method !== 'HEAD') expect(reply.body.error.code).toBe('METHOD_NOT_ALLOWED')
        }
  })
})

describe('conflicts', () => {
  test('R-REST-4: a conflict of state is a 409: duplicate, stale version, illegal transition, out of stock', async () => {
    const { token } = api.admin
    const twin = { email: ann.email.toUpperCase(), name: 'Twin', password: 'correct horse battery staple' }
    const duplicate = await api.ask('POST', '/users', { body: twin })
    expectProblem(duplicate, 409, 'DUPLICATE')
    expect(duplicate.body.error.details).toEqual([{ field: 'email', message: expect.any(String) }])
    const sku = { sku: product.sku, name: 'x', category: 'x', price: 1 }
    expectProblem(await api.ask('POST', '/products', { token, body: sku }), 409, 'DUPLICATE')
    const stale = await api.ask('PATCH', `/products/${product.id}`, { token, body: { price: 1, version: 99 } })
    expectProblem(stale, 409, 'VERSION_CONFLICT')
    const skipped = await api.ask('PATCH', `/orders/${order.id}`, { token, body: { status: 'delivered' } })
    expectProblem(skipped, 409, 'INVALID_TRANSITION')
    expectProblem(await buy(ann, { items: [{ productId: product.id, quantity: 9 }] }), 409, 'OUT_OF_STOCK')
  })

  test('R-REST-4: an If-Match that fails is a 412', async () => {
    const { token } = api.admin
    const headers = { 'if-match': '"99"' }
    for (const ask of [{ body: { price: 1 } }] as Ask[])
      expectProblem(
        await api.ask('PATCH', `/products/${product.id}`, { ...ask, token, headers }),
        412,
        'PRECONDITION_FAILED',
      )
    expectProblem(await api.ask('DELETE', `/products/${product.id}`, { token, headers }), 412, 'PRECONDITION_FAILED')
    expect((await api.ask('GET', `/products/${product.id}`)).body).toMatchObject({ price: 18 })
  })

  test('R-REST-4: what is well-formed but makes no sense is a 422', async () => {
    const bare = (await api.ask('POST', `/users/${ann.id}/carts`, { token: ann.token })).body
    expectProblem(await buy(ann, { cartId: bare.id }), 422, 'EMPTY_CART')
    expectProblem(await buy(ann, { items: [] }), 422, 'EMPTY_CART')
    const productId = newId('prd')
    expectProblem(await buy(ann, { items: [{ productId, quantity: 1 }] }), 422, 'UNPROCESSABLE')
    const add = await api.ask('POST', `/carts/${bare.id}/items`, { token: ann.token, body: { productId, quantity: 1 } })
    expectProblem(add, 422, 'UNPROCESSABLE')
    expect(add.body.error.details).toEqual([{ field: 'productId', message: expect.any(String) }])
  })
})

describe('bodies that are not taken', () => {
  const MIB = 1024 * 1024

  test('R-REST-4: a body beyond 1 MiB is a 413, with Content-Length and without', async () => {
    const headers = { 'content-type': 'application/json' }
    for (const chunked of [false, true]) {
      const reply = await send(api.url, 'POST', '/users', { headers, body: json(MIB + 1), chunked })
      expectProblem(reply, 413, 'PAYLOAD_TOO_LARGE', chunked ? 'chunked' : 'with a length')
      expect(reply.headers['x-request-id']).toBe(reply.body.error.requestId)
      const fits = await send(api.url, 'POST', '/users', { headers, body: json(MIB), chunked })
      expectProblem(fits, 400, 'VALIDATION_ERROR')
    }
  })

  test('R-REST-4: a body of another type is a 415 for every method that takes one', async () => {
    const types = [
      undefined,
      '',
      'text/plain',
      'text/json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/json; charset=latin1',
      'application/json; charset=utf-16',
      'application/jsonx',
      'application/json-patch+json',
      'application/xml',
      'json',
      'application/json, text/plain',
      'application/octet-stream',
    ]
    const { token } = api.admin
    const writes = [
      ['POST', '/auth/login'],
      ['POST', '/users'],
      ['POST', `/users/${ann.id}/carts`],
      ['PUT', `/products/${product.id}`],
      ['PATCH', `/products/${product.id}`],
      ['PATCH', `/orders/${order.id}`],
    ] as const
    for (const [method, path] of writes)
      for (const type of method === 'PATCH' ? types : [...types, 'application/merge-patch+json']) {
        const headers: Record<string, string> = { authorization: `Bearer ${token}` }
        if (type !== undefined) headers['content-type'] = type
        const reply = await send(api.url, method, path, { headers, body: '{}' })
        expectProblem(reply, 415, 'UNSUPPORTED_MEDIA_TYPE', `${method} ${path} ${type}`)
        // FC-16: what would be taken.
        const patch = 'application/merge-patch+json, application/json'
        expect(reply.headers.accept, `${method} ${path}`).toBe(method === 'PATCH' ? patch : 'application/json')
        expect(reply.headers['accept-patch'], `${method} ${path}`).toBe(method === 'PATCH' ? patch : undefined)
        expect(reply.headers['accept-encoding']).toBeUndefined()
      }
  })

  test('FC-16, R-REST-4: OPTIONS says what a PATCH may be, where there is one', async () => {
    const options = async (path: string) => (await send(api.url, 'OPTIONS', path)).headers['accept-patch']
    for (const path of [`/products/${product.id}`, '/v2/users/me', `/api/v1/orders/${order.id}`])
      expect(await options(path), path).toBe('application/merge-patch+json, application/json')
    for (const path of ['/products', `/carts/${order.id}`, '/auth/login', '/health', '*'])
      expect(await options(path), path).toBeUndefined()
  })

  test('FC-101, R-REST-4: a change without a body is a 400, and a POST that says it is JSON', async () => {
    const { token } = api.admin
    const ask = (method: string, path: string, type?: string) =>
      send(api.url, method, path, {
        headers: { authorization: `Bearer ${token}`, ...(type === undefined ? {} : { 'content-type': type }) },
      })
    const changes = [
      ['PATCH', `/products/${product.id}`],
      ['PUT', `/products/${product.id}`],
      ['PATCH', `/users/${ann.id}`],
      ['PATCH', `/orders/${order.id}`],
    ] as const
    for (const [method, path] of changes) {
      for (const type of [undefined, 'application/json', 'application/merge-patch+json'])
        expectProblem(await ask(method, path, type), 400, 'MALFORMED_JSON', `${method} ${path} ${type}`)
    }
    expectProblem(await ask('POST', `/users/${ann.id}/carts`, 'application/json'), 400, 'MALFORMED_JSON', 'POST')
    expect((await ask('POST', `/users/${ann.id}/carts`)).status).toBe(201)
    // A type alone is no body: clients send it with whatever they send.
    expect((await ask('GET', `/products/${product.id}`, 'application/json')).status).toBe(200)
    const { body: spare } = await ask('POST', `/users/${ann.id}/carts`)
    expect((await ask('DELETE', `/carts/${spare.id}`, 'application/json')).status).toBe(204)
  })

  test('R-REST-4: JSON in UTF-8 is taken however its type is written', async () => {
    for (const type of [
      'application/json',
      'Application/JSON',
      'application/json;charset=UTF-8',
      'application/json ; charset="utf-8"',
    ]) {
      const reply = await send(api.url, 'POST', '/users', { headers: { 'content-type': type }, body: '{}' })
      expectProblem(reply, 400, 'VALIDATION_ERROR', type)
    }
  })

  test('R-REST-4: a compressed body is a 415, not a riddle', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const reply = await send(api.url, 'POST', '/users', { headers, body: '{}' })
    expectProblem(reply, 415, 'UNSUPPORTED_MEDIA_TYPE')
    // FC-16 (RFC 9110 12.5.3).
    expect(reply.headers['accept-encoding']).toBe('identity')
    expect(reply.headers.accept).toBeUndefined()
  })

  function json(bytes: number): string {
    return `{"name":"${'a'.repeat(bytes - 11)}"}`
  }
})

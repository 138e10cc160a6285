import { beforeAll, describe, expect, test } from 'vitest'
import { AUDIENCE, ISSUER } from '../services/users/signing-keys.ts'
import { generateSigningKey, type SigningKey } from '../src/auth/keys.ts'
import { issueAccessToken } from '../src/auth/tokens.ts'
import { newId } from '../src/base/ids.ts'
import { connect } from '../src/data/connection.ts'
import { type Ask, type Reply, reference, type User } from './reference.ts'
import { send } from './wire.ts'

const api = reference()

let ann: User
let ben: User
let product: any
let cart: any
let item: any
let order: any

beforeAll(async () => {
  ann = await api.user()
  ben = await api.user('Ben')
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

/** Every operation that asks for credentials, with a body that would do. */
function guarded(): [string, string, unknown?][] {
  const whole = { sku: 'x', name: 'x', category: 'x', price: 1 }
  return [
    ['GET', '/users'],
    ['GET', `/users/${ann.id}`],
    ['GET', '/users/me'],
    ['PUT', `/users/${ann.id}`, { email: ann.email, name: 'X' }],
    ['PATCH', `/users/${ann.id}`, { name: 'X' }],
    ['DELETE', `/users/${ann.id}`],
    ['POST', '/products', whole],
    ['PUT', `/products/${product.id}`, whole],
    ['PATCH', `/products/${product.id}`, { price: 1 }],
    ['DELETE', `/products/${product.id}`],
    ['GET', `/users/${ann.id}/carts`],
    ['POST', `/users/${ann.id}/carts`, {}],
    ['GET', `/carts/${cart.id}`],
    ['DELETE', `/carts/${cart.id}`],
    ['GET', `/carts/${cart.id}/items`],
    ['POST', `/carts/${cart.id}/items`, { productId: product.id, quantity: 1 }],
    ['GET', `/carts/${cart.id}/items/${item.id}`],
    ['PATCH', `/carts/${cart.id}/items/${item.id}`, { quantity: 1 }],
    ['DELETE', `/carts/${cart.id}/items/${item.id}`],
    ['GET', '/orders'],
    ['GET', `/users/${ann.id}/orders`],
    ['POST', `/users/${ann.id}/orders`, { items: [{ productId: product.id, quantity: 1 }] }],
    ['GET', `/orders/${order.id}`],
    ['PATCH', `/orders/${order.id}`, { status: 'cancelled' }],
    ['GET', `/orders/${order.id}/items`],
  ]
}

describe('401', () => {
  test('R-REST-4: without credentials every guarded operation is a 401 with WWW-Authenticate', async () => {
    for (const [method, path, body] of guarded()) {
      const reply = await api.ask(method, path, { body })
      expectProblem(reply, 401, 'UNAUTHENTICATED', `${method} ${path}`)
      expect(reply.headers.get('www-authenticate')).toBe('Bearer')
    }
  })

  test('R-REST-4: credentials of another scheme are a 401 with WWW-Authenticate', async () => {
    for (const authorization of ['Basic YTpi', 'Digest x', 'token', ann.token]) {
      const reply = await api.ask('GET', '/users/me', { headers: { authorization } })
      expectProblem(reply, 401, 'UNAUTHENTICATED', authorization)
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer\b/)
    }
  })

  test('R-REST-4: a forged token is a 401, with the same answer however it was forged, also where none is needed', async () => {
    const [header, claims, signature] = ann.token.split('.') as [string, string, string]
    const key = await signingKey()
    const stranger = await generateSigningKey()
    const as = { sub: ann.id, email: ann.email, roles: ['admin'], sid: newId('tok') }
    const issue = { issuer: ISSUER, audience: AUDIENCE, nowMs: Date.now() }
    const forged = {
      garbage: 'garbage',
      dots: '..',
      'no signature': `${header}.${claims}.`,
      'alg none': `${base64({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${claims}.`,
      'alg none, signed': `${base64({ alg: 'none', typ: 'at+jwt', kid: key.kid })}.${claims}.${signature}`,
      'other claims': `${header}.${base64({ ...claimsOf(ann.token), roles: ['admin'] })}.${signature}`,
      'another key': await issueAccessToken(stranger, as, issue),
      'another key of the same name': await issueAccessToken({ ...stranger, kid: key.kid }, as, issue),
      'another issuer': await issueAccessToken(key, as, { ...issue, issuer: 'elsewhere' }),
      'another audience': await issueAccessToken(key, as, { ...issue, audience: 'elsewhere' }),
      'padded base64': `${ann.token}=`,
      'two spaces in it': ann.token.replace('.', ' . '),
      'of the future': await issueAccessToken(key, as, { ...issue, nowMs: Date.now() + 3_600_000 }),
    }
    for (const [how, token] of Object.entries(forged))
      for (const path of ['/users/me', '/products', '/orders']) {
        const reply = await api.ask('GET', path, { token })
        const { requestId, ...error } = reply.body.error
        expect(error, how).toEqual({ code: 'INVALID_TOKEN', message: 'The token is not valid' })
        expect(reply.status, how).toBe(401)
        expect(reply.headers.get('www-authenticate'), how).toBe('Bearer error="invalid_token"')
      }
  })

  test('R-REST-4: a token whose time is over is a 401 that says so, and only to who held it', async () => {
    const key = await signingKey()
    const as = { sub: ann.id, email: ann.email, roles: ['member'], sid: newId('tok') }
    const nowMs = Date.now() - 901_000
    const token = await issueAccessToken(key, as, { issuer: ISSUER, audience: AUDIENCE, nowMs })
    const reply = await api.ask('GET', '/users/me', { token })
    expectProblem(reply, 401, 'TOKEN_EXPIRED')
    expect(reply.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    const forged = await issueAccessToken({ ...(await generateSigningKey()), kid: key.kid }, as, {
      issuer: ISSUER,
      audience: AUDIENCE,
      nowMs,
    })
    expectProblem(await api.ask('GET', '/users/me', { token: forged }), 401, 'INVALID_TOKEN')
  })

  test('R-REST-4: a wrong email and a wrong password are the same 401 with WWW-Authenticate', async () => {
    const wrong = [
      { email: ann.email, password: 'not the password' },
      { email: 'nobody@example.com', password: 'not the password' },
    ]
    const replies = await Promise.all(wrong.map((body) => api.ask('POST', '/auth/login', { body })))
    for (const reply of replies) {
      const { requestId, ...error } = reply.body.error
      expect(error).toEqual({ code: 'INVALID_CREDENTIALS', message: 'Email or password is wrong' })
      expect(reply.headers.get('www-authenticate')).toBe('Bearer')
    }
  })
})

describe('403', () => {
  test('R-REST-4: who is not allowed is a 403 with every operation on what is somebody else’s, and nothing happens', async () => {
    for (const [method, path, body] of guarded()) {
      if (path === '/users/me' || path === '/orders') continue
      expectProblem(await api.ask(method, path, { token: ben.token, body }), 403, 'FORBIDDEN', `${method} ${path}`)
    }
    expect((await api.ask('GET', `/users/${ann.id}`, { token: ann.token })).body).toMatchObject({ name: 'Ann' })
    expect((await api.ask('GET', `/carts/${cart.id}`, { token: ann.token })).body.items).toMatchObject([
      { quantity: 2 },
    ])
    expect((await api.ask('GET', `/orders/${order.id}`, { token: ann.token })).body).toMatchObject({
      status: 'pending',
    })
  })

  test('R-REST-4: the lists that answer to anybody show nobody else’s things', async () => {
    expect((await api.ask('GET', '/orders', { token: ben.token })).body.data).toEqual([])
  })
})

describe('404', () => {
  test('R-REST-4: an unknown path is a 404, whoever asks and with any method', async () => {
    const paths = [
      '/',
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
      }
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
    expectProblem(await send(api.url, 'POST', '/users', { headers, body: '{}' }), 415, 'UNSUPPORTED_MEDIA_TYPE')
  })

  function json(bytes: number): string {
    return `{"name":"${'a'.repeat(bytes - 11)}"}`
  }
})

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function claimsOf(token: string): object {
  return JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
}

/** The key that signs the reference system's tokens. */
async function signingKey(): Promise<SigningKey> {
  const client = await connect(api.system.databases.users!)
  try {
    return (await client.query<{ key: SigningKey }>('select key from signing_keys')).rows[0]!.key
  } finally {
    await client.end()
  }
}

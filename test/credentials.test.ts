import { createHmac, createPrivateKey, createPublicKey, type JsonWebKey, sign } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { accessTokens } from '../services/users/contract.ts'
import { generateSigningKey, type SigningKey } from '../src/auth/keys.ts'
import { issueAccessToken } from '../src/auth/tokens.ts'
import { newId } from '../src/base/ids.ts'
import { connect } from '../src/data/connection.ts'
import { PASSWORD, reference, type User } from './reference.ts'

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
  order = (await api.ask('POST', `/users/${ann.id}/orders`, { token: ann.token, body: { items: [body] } })).body
})

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
    const { refreshToken } = (await api.ask('POST', '/auth/login', { body: { email: ann.email, password: PASSWORD } }))
      .body
    const as = { sub: ann.id, email: ann.email, roles: ['admin'], sid: newId('tok') }
    const issue = { issuer: accessTokens.issuer, audience: accessTokens.audience, nowMs: Date.now() }
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
      'padded in the middle': `${header}==.${claims}.${signature}`,
      'garbage behind it': `${ann.token}.${claims}`,
      'more garbage behind it': `${ann.token}AAAA`,
      'HS256 by the public key': byPublicKey(key, claims),
      'HS256 in the header alone': `${base64({ alg: 'HS256', typ: 'at+jwt', kid: key.kid })}.${claims}.${signature}`,
      'no kid': forge(key, { kid: undefined }, claimsOf(ann.token)),
      'an unknown kid': forge(key, { kid: stranger.kid }, claimsOf(ann.token)),
      'a kid that is a path': forge(key, { kid: '../../dev/null' }, claimsOf(ann.token)),
      jwk: forge(stranger, { jwk: stranger.publicJwk }, claimsOf(ann.token)),
      'jku, signed well': forge(key, { jku: `${api.url}/.well-known/jwks.json` }, claimsOf(ann.token)),
      'x5u, signed well': forge(key, { x5u: 'https://example.com/cert.pem' }, claimsOf(ann.token)),
      'typ JWT': forge(key, { typ: 'JWT' }, claimsOf(ann.token)),
      'no exp': forge(key, {}, { ...claimsOf(ann.token), exp: undefined }),
      'a refresh token': refreshToken,
      'a refresh token that says it is none': forge(key, { kid: key.kid }, claimsOf(refreshToken)),
      'of the future': await issueAccessToken(key, as, { ...issue, nowMs: Date.now() + 3_600_000 }),
    }
    for (const [how, token] of Object.entries(forged))
      for (const path of ['/users/me', '/products', '/orders']) {
        const reply = await api.ask('GET', path, { token })
        const { requestId } = reply.body.error
        const error = { code: 'INVALID_TOKEN', message: 'The token is not valid', requestId }
        expect(JSON.stringify(reply.body), how).toBe(JSON.stringify({ error }))
        expect(reply.status, how).toBe(401)
        expect(reply.headers.get('www-authenticate'), how).toBe('Bearer error="invalid_token"')
      }
    expect((await api.ask('GET', '/users/me', { token: forge(key, {}, claimsOf(ann.token)) })).status).toBe(200)
  })

  test('R-AUTH-3: a forged refresh token is a 401 too, to refresh and to logout, and ends nothing', async () => {
    const login = await api.ask('POST', '/auth/login', { body: { email: ann.email, password: PASSWORD } })
    const { refreshToken, accessToken } = login.body
    const [key, stranger] = [await signingKey(), await generateSigningKey()]
    const [header, claims, signature] = refreshToken.split('.') as [string, string, string]
    const own = { typ: 'rt+jwt', ...claimsOf(refreshToken) }
    const forged = {
      'an access token': accessToken,
      'an access token that says it is none': forge(key, { typ: 'rt+jwt' }, claimsOf(accessToken)),
      'alg none': `${base64({ alg: 'none', typ: 'rt+jwt', kid: key.kid })}.${claims}.`,
      'HS256 by the public key': byPublicKey(key, claims, 'rt+jwt'),
      'another key': forge(stranger, { typ: 'rt+jwt', kid: key.kid }, own),
      jwk: forge(stranger, { typ: 'rt+jwt', jwk: stranger.publicJwk }, own),
      jku: forge(key, { typ: 'rt+jwt', jku: `${api.url}/.well-known/jwks.json` }, own),
      'another user': `${header}.${base64({ ...claimsOf(refreshToken), sub: ben.id })}.${signature}`,
      'a jti that nobody has': forge(key, { typ: 'rt+jwt' }, { ...own, jti: newId('tok') }),
      'no jti': forge(key, { typ: 'rt+jwt' }, { ...own, jti: undefined }),
      padded: `${refreshToken}=`,
      spaced: ` ${refreshToken}`,
      'garbage behind it': `${refreshToken}\n`,
    }
    for (const [how, token] of Object.entries(forged))
      for (const path of ['/auth/refresh', '/auth/logout']) {
        // Whose session it would be, nobody knows: to end it once more is no fault.
        if (path === '/auth/logout' && how.startsWith('a jti')) continue
        const reply = await api.ask('POST', path, { body: { refreshToken: token } })
        const { requestId } = reply.body.error
        const error = { code: 'INVALID_TOKEN', message: 'The token is not valid', requestId }
        expect(JSON.stringify(reply.body), `${how} ${path}`).toBe(JSON.stringify({ error }))
        expect(reply.status, how).toBe(401)
      }
    expect((await api.ask('GET', '/users/me', { token: accessToken })).status).toBe(200)
    expect((await api.ask('POST', '/auth/refresh', { body: { refreshToken } })).status).toBe(200)
  })

  test('R-REST-4: a token whose time is over is a 401 that says so, and only to who held it', async () => {
    const key = await signingKey()
    const as = { sub: ann.id, email: ann.email, roles: ['member'], sid: newId('tok') }
    const nowMs = Date.now() - 901_000
    const token = await issueAccessToken(key, as, {
      issuer: accessTokens.issuer,
      audience: accessTokens.audience,
      nowMs,
    })
    const reply = await api.ask('GET', '/users/me', { token })
    expectProblem(reply, 401, 'TOKEN_EXPIRED')
    expect(reply.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    const forged = await issueAccessToken({ ...(await generateSigningKey()), kid: key.kid }, as, {
      issuer: accessTokens.issuer,
      audience: accessTokens.audience,
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
      expect(error).toEqual({ code: 'INVALID_CREDENTIALS', message: 'Wrong email or password' })
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

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Signed by hand, as whoever has the key could; `header` goes over what a good token has. */
function forge(key: SigningKey, header: object, claims: object): string {
  const text = `${base64({ alg: 'ES256', kid: key.kid, typ: 'at+jwt', ...header })}.${base64(claims)}`
  const privateKey = createPrivateKey({ key: key.privateJwk as JsonWebKey, format: 'jwk' })
  return `${text}.${sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

/** The public key, which everybody has, as the secret of an algorithm that has but one key. */
function byPublicKey(key: SigningKey, claims: string, typ = 'at+jwt'): string {
  const publicKey = createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' })
  const text = `${base64({ alg: 'HS256', kid: key.kid, typ })}.${claims}`
  return `${text}.${createHmac('sha256', publicKey.export({ type: 'spki', format: 'pem' }))
    .update(text)
    .digest('base64url')}`
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

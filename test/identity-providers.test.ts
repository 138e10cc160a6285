import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { system } from '../src/index.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import notes from './owned-notes/notes.ts'

/** The address of a provider's key set is ours; what stands in its tokens and keys is as the providers write it. */
let keys: object[]
let status: number
let asked: number
let server: Server
let jwks: string
let api: TestSystem | undefined

beforeEach(async () => {
  ;[keys, status, asked] = [[], 200, 0]
  server = createServer((_, res) => {
    asked++
    res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'max-age=3600' })
    res.end(JSON.stringify({ keys }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`
})
afterEach(async () => {
  await api?.stop()
  api = undefined
  server.closeAllConnections()
  server.close()
})

interface Provider {
  readonly auth: object
  readonly header: object
  /** What its tokens say of a user with or without the role of an admin. */
  readonly claims: (sub: string, admin: boolean) => JWTPayload
  readonly subjects: readonly [ann: string, ben: string, root: string]
  /** Of its public keys, beside the usual ones. */
  readonly key: object
}

const PROVIDERS: Readonly<Record<string, Provider>> = {
  Keycloak: {
    auth: {
      issuer: 'https://login.example.com/realms/shop',
      audience: 'shop-api',
      roles: { claim: 'realm_access.roles', as: { 'shop-admin': 'admin' } },
    },
    header: { typ: 'JWT' },
    claims: (sub, admin) => ({
      iss: 'https://login.example.com/realms/shop',
      aud: ['shop-api', 'account'],
      sub,
      typ: 'Bearer',
      azp: 'shop-web',
      sid: '6a5c7b1e-7d2c-4a0e-9a53-0f7f6a0cb5a4',
      acr: '1',
      'allowed-origins': ['https://shop.example.com'],
      realm_access: { roles: ['default-roles-shop', 'offline_access', ...(admin ? ['shop-admin'] : [])] },
      resource_access: { account: { roles: ['manage-account', 'admin'] } },
      scope: 'openid email profile admin',
      email_verified: true,
      preferred_username: 'ann',
      email: 'ann@example.com',
    }),
    subjects: [
      '5f1d6a2e-0a7b-4b0e-8a0d-2b1b1f0e7a01',
      '5f1d6a2e-0a7b-4b0e-8a0d-2b1b1f0e7a02',
      '5f1d6a2e-0a7b-4b0e-8a0d-2b1b1f0e7a03',
    ],
    key: { use: 'sig', x5c: ['MIICmzCCAYMCBgF'], x5t: 'Wz1', 'x5t#S256': 'qL3' },
  },
  Auth0: {
    auth: {
      issuer: 'https://shop.eu.auth0.com/',
      audience: 'https://shop.example.com/api',
      roles: 'https://shop.example.com/roles',
    },
    header: { typ: 'at+jwt' },
    claims: (sub, admin) => ({
      iss: 'https://shop.eu.auth0.com/',
      aud: ['https://shop.example.com/api', 'https://shop.eu.auth0.com/userinfo'],
      sub,
      azp: 'my_client_id',
      client_id: 'my_client_id',
      jti: 'YJMo2bZr4vPDN8',
      scope: 'openid profile email admin',
      permissions: ['read:notes'],
      'https://shop.example.com/roles': admin ? ['admin'] : [],
    }),
    subjects: [
      'auth0|507f1f77bcf86cd799439020',
      'google-oauth2|113412341234123412341',
      'auth0|507f1f77bcf86cd799439022',
    ],
    key: { use: 'sig', x5c: ['MIIDBzCCAe'], x5t: 'NjVBRjY5' },
  },
  Clerk: {
    auth: {
      issuer: 'https://clerk.shop.example.com',
      authorizedParties: ['https://shop.example.com'],
      roles: { claim: 'o.rol', as: { admin: 'admin' } },
    },
    header: { typ: 'JWT', cat: 'cl_B7d4PD111AAA' },
    claims: (sub, admin) => ({
      iss: 'https://clerk.shop.example.com',
      sub,
      azp: 'https://shop.example.com',
      nbf: Math.floor(Date.now() / 1000) - 10,
      sid: 'sess_2yMi1mDpkVYZ0ggS4QB1zPqNQmX',
      fva: [0, -1],
      sts: 'active',
      v: 2,
      ...(admin && { o: { id: 'org_2yMi1', rol: 'admin', slg: 'shop' } }),
    }),
    subjects: [
      'user_2NNEqL2nrIRdJ194ndJqAHwEfxC',
      'user_2NNEqL2nrIRdJ194ndJqAHwEfxD',
      'user_2NNEqL2nrIRdJ194ndJqAHwEfxE',
    ],
    key: { use: 'sig' },
  },
}

/** A key pair whose public half is in the set, and what signs with it. */
async function signer({ header, key }: Provider, alg: string, kid = `ins_${alg}`) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  keys.push({ ...(await exportJWK(publicKey)), ...key, kid, alg })
  return (claims: JWTPayload, own: object = {}) => {
    const iat = Math.floor(Date.now() / 1000)
    const all = { iat, exp: iat + 60, ...claims }
    return new SignJWT(all).setProtectedHeader({ alg, kid, ...header, ...own }).sign(privateKey)
  }
}

async function start({ auth }: Provider, env: Record<string, string> = {}) {
  api = await testSystem(system({ services: [notes], auth: { jwks, ...auth } as never }), inject('databaseServer'), env)
}

async function ask(method: string, path: string, token?: string, body?: object) {
  const response = await fetch(api!.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: JSON.parse((await response.text()) || 'null') }
}

test.each(
  Object.entries(PROVIDERS).flatMap(([name, provider]) =>
    ['RS256', 'PS256', 'ES256', 'EdDSA'].map((alg) => [name, alg, provider] as const),
  ),
)('R-GW-2: users whom %s signs in with %s own what they make, and its admins see all', async (_, alg, provider) => {
  keys.push({ kty: 'RSA', use: 'enc', alg: 'RSA-OAEP', kid: 'enc', n: 'AQ', e: 'AQAB' })
  keys.push({ kty: 'EC', crv: 'P-256', kid: 'broken', use: 'sig', x: 'AA', y: 'AA' })
  const sign = await signer(provider, alg)
  await start(provider)
  const [annsId, bensId, rootsId] = provider.subjects
  const [ann, ben] = [await sign(provider.claims(annsId, false)), await sign(provider.claims(bensId, false))]
  const root = await sign(provider.claims(rootsId, true), {
    typ: String((provider.header as { typ: string }).typ).toUpperCase(),
  })

  const made = await ask('POST', '/notes', ann, { text: 'Milk' })
  expect(made).toMatchObject({ status: 201, body: { text: 'Milk', ownerId: annsId } })
  const path = `/notes/${made.body.id}`
  expect((await ask('GET', path, ann)).status).toBe(200)
  expect((await ask('GET', path, ben)).status).toBe(403)
  expect((await ask('PATCH', path, ann, { text: 'Tea' })).body.text).toBe('Tea')
  expect((await ask('PATCH', path, ann, { ownerId: bensId })).status).toBe(400)
  const texts = async (token: string) =>
    (await ask('GET', '/notes', token)).body.data.map((note: { text: string }) => note.text)
  expect([await texts(ann), await texts(ben), await texts(root)]).toEqual([['Tea'], [], ['Tea']])
  expect((await ask('DELETE', path, root)).status).toBe(204)
  expect((await ask('POST', '/notes', undefined, { text: 'x' })).status).toBe(401)
})

test('R-GW-2: tokens for others, of others, of the wrong kind or with keys of their own are refused', async () => {
  const { Keycloak, Clerk } = PROVIDERS as { Keycloak: Provider; Clerk: Provider }
  const sign = await signer(Keycloak, 'RS256')
  await start(Keycloak)
  const claims = Keycloak.claims(Keycloak.subjects[0], false)
  const codeOf = async (token: string) => (await ask('GET', '/notes', token)).body.error?.code
  expect(await codeOf(await sign(claims))).toBeUndefined()
  for (const wrong of [{ aud: 'account' }, { aud: undefined }, { iss: 'https://login.example.com/' }, { typ: 'ID' }])
    expect([wrong, await codeOf(await sign({ ...claims, ...wrong } as JWTPayload))]).toEqual([wrong, 'INVALID_TOKEN'])
  expect(await codeOf(await sign({ ...claims, exp: 1 }))).toBe('TOKEN_EXPIRED')
  expect(await codeOf(await sign(claims, { typ: 'rt+jwt' }))).toBe('INVALID_TOKEN')
  expect(await codeOf(await sign(claims, { jku: jwks }))).toBe('INVALID_TOKEN')
  await api!.stop()

  const clerks = await signer(Clerk, 'RS256', 'ins_1')
  await start(Clerk)
  const session = Clerk.claims('user_1', false)
  expect(await codeOf(await clerks(session))).toBeUndefined()
  expect(await codeOf(await clerks({ ...session, azp: 'https://evil.example.com' }))).toBe('INVALID_TOKEN')
})

test('R-GW-2: keys rotate with nobody signed out, and keys that nobody knows are asked for once in a while', async () => {
  const { Auth0 } = PROVIDERS as { Auth0: Provider }
  const old = await signer(Auth0, 'RS256', 'old')
  await start(Auth0)
  const statusOf = async (token: string) => (await ask('GET', '/notes', token)).status
  const claims = Auth0.claims(Auth0.subjects[0], false)
  expect(await statusOf(await old(claims))).toBe(200)
  const next = await signer(Auth0, 'RS256', 'next')
  const token = await next(claims)
  await expect.poll(() => statusOf(token), { timeout: 20_000, interval: 250 }).toBe(200)
  expect(await statusOf(await old(claims))).toBe(200)
  const before = asked
  const unknown = await Promise.all(Array.from({ length: 50 }, (_, i) => next(claims, { kid: `unknown-${i}` })))
  expect(new Set(await Promise.all(unknown.map(statusOf)))).toEqual(new Set([401]))
  expect(asked - before).toBeLessThanOrEqual(1)
})

test('R-GW-2: while the keys cannot be had tokens are answered with 503, and from when they can with what they may', async () => {
  const { Auth0 } = PROVIDERS as { Auth0: Provider }
  const sign = await signer(Auth0, 'ES256')
  status = 500
  await start(Auth0)
  const token = await sign(Auth0.claims(Auth0.subjects[0], false))
  const refused = await ask('GET', '/notes', token)
  expect([refused.status, refused.body.error.code, refused.headers.get('retry-after')]).toEqual([
    503,
    'SERVICE_UNAVAILABLE',
    '1',
  ])
  expect((await ask('GET', '/health')).status).toBe(200)
  status = 200
  await expect.poll(async () => (await ask('GET', '/notes', token)).status, { timeout: 20_000 }).toBe(200)
  // Once known, keys are used while the provider is away.
  status = 500
  expect((await ask('GET', '/notes', await sign(Auth0.claims('auth0|2', false)))).status).toBe(200)
})

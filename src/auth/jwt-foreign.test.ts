import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FOREIGN_KEYS, foreignTokens } from './jwt-foreign.ts'
import { createKeySet } from './key-set.ts'
import { createTokenVerifier, type TokenVerifier } from './tokens.ts'

const NOW = Date.UTC(2026, 10, 1)
const PARTIES = { issuer: 'https://login.example.com/', audience: 'shop' }
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const

type Pair = Awaited<ReturnType<typeof generateKeyPair>>
const pairs: Record<string, Pair> = {}
let keys: JWK[]
let verifier: TokenVerifier

beforeAll(async () => {
  for (const alg of ALGORITHMS) pairs[alg] = await generateKeyPair(alg, { extractable: true })
})

beforeEach(async () => {
  keys = []
  for (const alg of ALGORITHMS) keys.push({ ...(await exportJWK(pairs[alg]!.publicKey)), kid: alg, alg, use: 'sig' })
  verifier = verifierOf('roles')
})

function verifierOf(rolesClaim: string): TokenVerifier {
  const keySet = createKeySet(async () => ({ keys }), { kind: FOREIGN_KEYS, now: () => NOW })
  return createTokenVerifier({ keys: keySet, ...PARTIES, now: () => NOW, form: foreignTokens(rolesClaim) })
}

function token(alg: string, claims: JWTPayload = {}, header: Record<string, unknown> = {}): Promise<string> {
  const iat = NOW / 1000
  const all = { sub: 'u1', iss: PARTIES.issuer, aud: PARTIES.audience, iat, exp: iat + 60, ...claims }
  return new SignJWT(all).setProtectedHeader({ alg, kid: alg, typ: 'JWT', ...header }).sign(pairs[alg]!.privateKey)
}

describe('R-GW-2: tokens of other issuers', () => {
  test.each(ALGORITHMS)('%s', async (alg) => {
    expect(await verifier.verify(await token(alg))).toMatchObject({ kind: 'user', id: 'u1', email: '', roles: [] })
  })

  test('at+jwt and no type at all, and the names of certificates, do as well', async () => {
    for (const header of [{ typ: 'at+jwt' }, { typ: undefined }, { x5t: 'abc' }])
      expect(await verifier.verify(await token('RS256', {}, header))).toMatchObject({ id: 'u1' })
  })

  test('a key without alg is of the usual one for its kind, and of no other', async () => {
    keys = [{ ...(await exportJWK(pairs.RS256!.publicKey)), kid: 'RS256' }]
    expect(await verifier.verify(await token('RS256'))).toMatchObject({ id: 'u1' })
    const other = await new SignJWT({
      sub: 'u1',
      iss: PARTIES.issuer,
      aud: 'shop',
      iat: NOW / 1000,
      exp: NOW / 1000 + 60,
    })
      .setProtectedHeader({ alg: 'PS256', kid: 'RS256' })
      .sign(pairs.PS256!.privateKey)
    await expect(verifier.verify(other)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  })

  test('roles are where they are said to be, scopes beside them; nobody is the service', async () => {
    const claims = {
      realm_access: { roles: ['editor', 'service', '', 7] },
      scope: 'read:things write:things',
      email: 'a@b.c',
    }
    expect(await verifierOf('realm_access.roles').verify(await token('ES256', claims))).toMatchObject({
      roles: ['editor', 'read:things', 'write:things'],
      email: 'a@b.c',
    })
    expect(await verifierOf('constructor.name').verify(await token('ES256'))).toMatchObject({ roles: [] })
  })

  test.each<[string, JWTPayload, Record<string, unknown>]>([
    ['another issuer', { iss: 'https://evil.example.com/' }, {}],
    ['another audience', { aud: 'other' }, {}],
    ['no audience', { aud: undefined as never }, {}],
    ['no subject', { sub: undefined as never }, {}],
    ['issued in the future', { iat: NOW / 1000 + 3600 }, {}],
    ['another type', {}, { typ: 'logout+jwt' }],
    ['a key in its header', {}, { jwk: { kty: 'RSA' } }],
    ['an address of keys in its header', {}, { jku: 'https://evil.example.com/jwks' }],
    ['an unknown kid', {}, { kid: 'other' }],
  ])('%s: INVALID_TOKEN', async (_, claims, header) => {
    await expect(verifier.verify(await token('RS256', claims, header))).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  })

  test('expired: TOKEN_EXPIRED', async () => {
    const past = { iat: NOW / 1000 - 120, exp: NOW / 1000 - 60 }
    await expect(verifier.verify(await token('RS256', past))).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' })
  })

  test('HS256 with the public key, and none: INVALID_TOKEN', async () => {
    const secret = new TextEncoder().encode(JSON.stringify(keys[0]))
    const [, payload] = (await token('RS256')).split('.')
    const hs = await new SignJWT({ sub: 'u1', iss: PARTIES.issuer, aud: 'shop', iat: NOW / 1000, exp: NOW / 1000 + 60 })
      .setProtectedHeader({ alg: 'HS256', kid: 'RS256' })
      .sign(secret)
    const none = `${Buffer.from('{"alg":"none","kid":"RS256"}').toString('base64url')}.${payload}.AA`
    for (const forged of [hs, none])
      await expect(verifier.verify(forged)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  })
})

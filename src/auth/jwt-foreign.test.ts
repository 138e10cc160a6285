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
let unusable: string[]
let reasons: string[]
let verifier: TokenVerifier

beforeAll(async () => {
  for (const alg of ALGORITHMS) pairs[alg] = await generateKeyPair(alg, { extractable: true })
})

beforeEach(async () => {
  keys = []
  unusable = []
  reasons = []
  for (const alg of ALGORITHMS) keys.push({ ...(await exportJWK(pairs[alg]!.publicKey)), kid: alg, alg, use: 'sig' })
  verifier = verifierOf('roles')
})

function verifierOf(rolesClaim: string): TokenVerifier {
  const keySet = createKeySet(async () => ({ keys }), {
    kind: FOREIGN_KEYS,
    now: () => NOW,
    unusable: (kid, reason) => unusable.push(`${kid}: ${(reason as Error).message}`),
  })
  return createTokenVerifier({
    keys: keySet,
    ...PARTIES,
    now: () => NOW,
    form: foreignTokens({ claim: rolesClaim, scopes: true, as: undefined }),
    refused: (reason) => reasons.push((reason as Error).message),
  })
}

function token(alg: string, claims: JWTPayload = {}, header: Record<string, unknown> = {}): Promise<string> {
  const iat = NOW / 1000
  const all = { sub: 'u1', iss: PARTIES.issuer, aud: PARTIES.audience, iat, exp: iat + 60, ...claims }
  return new SignJWT(all)
    .setProtectedHeader({ alg, kid: alg, typ: 'JWT', ...header })
    .sign(pairs[alg]!.privateKey, { crit: { exp: true } })
}

describe('R-GW-2: tokens of other issuers', () => {
  test.each(ALGORITHMS)('%s', async (alg) => {
    expect(await verifier.verify(await token(alg))).toMatchObject({ kind: 'user', id: 'u1', email: '', roles: [] })
  })

  test.each([
    'JWT',
    'jwt',
    'Jwt',
    'at+jwt',
    'AT+JWT',
    'at+JWT',
    'application/at+jwt',
    'APPLICATION/AT+JWT',
    'application/jwt',
    '',
    undefined,
  ])('FC-31: the type %s, compared without case', async (typ) => {
    expect(await verifier.verify(await token('RS256', {}, { typ }))).toMatchObject({ id: 'u1' })
  })

  test.each(['logout+jwt', 'application/application/jwt', 'image/jwt', 'at+jwt ', 7])(
    'FC-31: another type, %j, is refused',
    async (typ) => {
      const other = await token('RS256', {}, { typ })
      await expect(verifier.verify(other)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
    },
  )

  test.each<[string, Record<string, unknown>, JWTPayload, string, string[]]>([
    [
      'Keycloak',
      { typ: 'JWT' },
      { aud: ['shop', 'account'], azp: 'web', typ: 'Bearer', realm_access: { roles: ['editor'] }, scope: 'profile' },
      'realm_access.roles',
      ['editor', 'profile'],
    ],
    [
      'Auth0',
      { typ: 'at+jwt' },
      { aud: ['shop', 'https://t.example/userinfo'], 'https://shop.example/roles': ['editor'], scope: 'openid' },
      'https://shop.example/roles',
      ['editor', 'openid'],
    ],
    [
      'Entra',
      { typ: 'JWT', x5t: 'abc', 'x5t#S256': 'abc', nonce: 'n' },
      { nbf: NOW / 1000, ver: '2.0', tid: 't', roles: ['editor'], scp: 'things.read things.write' },
      'roles',
      ['editor', 'things.read', 'things.write'],
    ],
    ['Okta', { typ: undefined }, { scp: ['things.read'], ver: 1 }, 'groups', ['things.read']],
    [
      'Clerk',
      { cat: 'cl_B7d4PD111AAA', typ: 'JWT' },
      { azp: 'https://a.example', sid: 's', o: { rol: 'editor' } },
      'o.rol',
      ['editor'],
    ],
  ])('FC-31: as %s writes them: members of the header that nobody knows are ignored', async (...of) => {
    const [, header, claims, rolesClaim, roles] = of
    expect(await verifierOf(rolesClaim).verify(await token('RS256', claims, header))).toMatchObject({ id: 'u1', roles })
    expect(reasons).toEqual([])
  })

  test('FC-32: a bad key is passed over and named, and spoils no other', async () => {
    const { n: _, ...withoutModulus } = keys[0]!
    const short = await generateKeyPair('RS256', { modulusLength: 1024, extractable: true }).catch(() => undefined)
    const bad: JWK[] = [
      { ...withoutModulus, kid: 'no-n' },
      { ...keys[0]!, n: 7 as never, kid: 'odd-n' },
      { ...keys[2]!, x: 'AAAA', kid: 'no-point' },
      { ...keys[4]!, x: 'AAAA', kid: 'short-x' },
    ]
    if (short) bad.push({ ...(await exportJWK(short.publicKey)), kid: 'short' })
    keys = [...bad, ...keys]
    for (const alg of ALGORITHMS) expect(await verifier.verify(await token(alg))).toMatchObject({ id: 'u1' })
    expect(unusable.map((one) => one.split(':')[0])).toEqual(bad.map(({ kid }) => kid))
    await expect(verifier.verify(await token('RS256', {}, { kid: 'no-n' }))).rejects.toMatchObject({
      code: 'INVALID_TOKEN',
    })
  })

  test('FC-32: where every key is bad, tokens are not refused: 503', async () => {
    keys = [{ ...keys[0]!, n: '' }]
    await expect(verifier.verify(await token('RS256'))).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
    expect(unusable.length).toBe(1)
  })

  test('FC-103: a key that is for something else verifies nothing', async () => {
    const use = (more: object) => keys.map(({ use: _, ...key }): JWK => ({ ...key, ...more }))
    const good = keys
    for (const more of [{ key_ops: ['sign'] }, { key_ops: [] }, { key_ops: 'verify' }, { use: 'enc' }]) {
      keys = [...use(more).slice(0, 1), ...good.slice(1)]
      const fresh = verifierOf('roles')
      await expect(fresh.verify(await token('RS256'))).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
      expect(await fresh.verify(await token('ES256'))).toMatchObject({ id: 'u1' })
    }
    keys = use({ key_ops: ['verify'] })
    expect(await verifierOf('roles').verify(await token('RS256'))).toMatchObject({ id: 'u1' })
  })

  test('FC-103: an exp in milliseconds is refused, and the reason says so', async () => {
    const exp = NOW + 60_000
    await expect(verifier.verify(await token('RS256', { exp }))).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
    expect(reasons).toEqual([
      expect.stringContaining(`its exp, ${exp}, is more than ten years ahead: it must be in sec`),
    ])
    const years = { exp: NOW / 1000 + 9 * 365 * 86_400 }
    expect(await verifier.verify(await token('RS256', years))).toMatchObject({ id: 'u1' })
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
    ['a key in its header', {}, { jwk: { kty: 'RSA' } }],
    ['what must be understood, and is not', {}, { crit: ['exp'], exp: 1 }],
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

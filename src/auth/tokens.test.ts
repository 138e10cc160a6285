import { createHmac, createPrivateKey, createPublicKey, type JsonWebKey, sign } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Problem } from '../base/errors.ts'
import type { UserCaller } from './caller.ts'
import { createKeySet, type KeySet } from './key-set.ts'
import { generateSigningKey, jwks, type SigningKey } from './keys.ts'
import { createTokenVerifier, issueAccessToken, type TokenVerifier } from './tokens.ts'

const NOW = Date.UTC(2026, 10, 1)
const ADA = { sub: 'usr_ada', email: 'ada@example.com', roles: ['member', 'admin'], sid: 'ses_1' }
const PARTIES = { issuer: 'https://api.example.com', audience: 'lintel' }

let key: SigningKey
let stranger: SigningKey
let published: SigningKey[]
let loads: number
let nowMs: number
let revoked: (caller: UserCaller) => boolean
let keys: KeySet
let verifier: TokenVerifier

beforeAll(async () => {
  key = await generateSigningKey()
  stranger = await generateSigningKey()
})

beforeEach(() => {
  published = [key]
  loads = 0
  nowMs = NOW
  revoked = () => false
  const load = async () => {
    loads += 1
    return jwks(published)
  }
  keys = createKeySet(load, { now: () => nowMs })
  verifier = createTokenVerifier({ keys, ...PARTIES, now: () => nowMs, revoked: (caller) => revoked(caller) })
})

const issue = (claims: Partial<typeof ADA> = {}, signer = key) =>
  issueAccessToken(signer, { ...ADA, ...claims }, { ...PARTIES, nowMs: NOW })

async function refusal(attempt: () => UserCaller | Promise<UserCaller>): Promise<string> {
  try {
    await attempt()
  } catch (error) {
    return `${(error as Problem).code} ${(error as Problem).message}`
  }
  return 'none'
}

describe('a good token', () => {
  test('R-AUTH-2: says what the rule says, for 15 minutes, with the key’s id', async () => {
    const [header, payload] = (await issue()).split('.').map((part) => Buffer.from(part, 'base64url').toString())
    expect(JSON.parse(header!)).toEqual({ alg: 'ES256', kid: key.kid, typ: 'at+jwt' })
    const iat = NOW / 1000
    const { issuer: iss, audience: aud } = PARTIES
    expect(JSON.parse(payload!)).toEqual({ ...ADA, iat, exp: iat + 900, iss, aud })
  })

  test('R-AUTH-2: is a caller, at once when shown again, and one that nobody can change', async () => {
    const token = await issue()
    const caller = await verifier.verify(token)
    expect(caller).toEqual({
      kind: 'user',
      id: 'usr_ada',
      email: 'ada@example.com',
      roles: ['member', 'admin'],
      sid: 'ses_1',
      issuedAtMs: NOW,
      expiresAtMs: NOW + 900_000,
    })
    expect(verifier.verify(token)).toBe(caller)
    expect(Object.isFrozen(caller) && Object.isFrozen(caller.roles)).toBe(true)
  })

  test('R-AUTH-8: brings no role service, whoever signed it in', async () => {
    expect(await verifier.verify(await issue({ roles: ['service', 'member'] }))).toMatchObject({ roles: ['member'] })
  })

  test('R-AUTH-2: is refused as TOKEN_EXPIRED from its last second on, kept or not, and as nothing else', async () => {
    const token = await issue()
    nowMs = NOW + 899_999
    await verifier.verify(token)
    nowMs = NOW + 900_000
    expect(() => verifier.verify(token)).toThrow(expect.objectContaining({ code: 'TOKEN_EXPIRED' }))
    expect(await refusal(() => verifier.verify(token))).toBe('TOKEN_EXPIRED ')
    verifier.forget()
    expect(await refusal(() => verifier.verify(token))).toBe('TOKEN_EXPIRED ')
  })

  test('R-AUTH-2: may come from a clock up to a minute ahead', async () => {
    const token = await issue()
    nowMs = NOW - 60_000
    expect(await refusal(() => verifier.verify(token))).toBe('none')
    verifier.forget()
    nowMs = NOW - 61_000
    expect(await refusal(() => verifier.verify(token))).toBe('INVALID_TOKEN ')
  })

  test('R-AUTH-4: is refused as soon as its session is revoked, though it is kept', async () => {
    const token = await issue()
    await verifier.verify(token)
    revoked = (caller) => caller.sid === 'ses_1'
    expect(() => verifier.verify(token)).toThrow(expect.objectContaining({ code: 'INVALID_TOKEN' }))
    verifier.forget()
    expect(await refusal(() => verifier.verify(token))).toBe('INVALID_TOKEN ')
  })
})

describe('a forged token', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

  /** Signed by hand, so that nothing of what verifies has a part in what is verified. */
  function forge(header: object, claims: object, signer = key): string {
    const text = `${encode({ alg: 'ES256', kid: key.kid, typ: 'at+jwt', ...header })}.${encode({ ...good(), ...claims })}`
    const privateKey = createPrivateKey({ key: signer.privateJwk as JsonWebKey, format: 'jwk' })
    const signature = sign('sha256', Buffer.from(text), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${text}.${signature.toString('base64url')}`
  }

  const good = () => ({ ...ADA, iat: NOW / 1000, exp: NOW / 1000 + 900, iss: PARTIES.issuer, aud: PARTIES.audience })

  function withPublicKeyAsSecret(): string {
    const text = `${encode({ alg: 'HS256', kid: key.kid, typ: 'at+jwt' })}.${encode(good())}`
    const pem = createPublicKey({ key: key.publicJwk as JsonWebKey, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    })
    return `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`
  }

  /** The last character of a 64-byte signature carries four bits that mean nothing. */
  function trailingBitsAltered(token: string): string {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const altered = token.slice(0, -1) + alphabet[alphabet.indexOf(token.at(-1)!) + 1]
    expect(Buffer.from(altered.split('.')[2]!, 'base64url')).toEqual(Buffer.from(token.split('.')[2]!, 'base64url'))
    return altered
  }

  const FORGERIES: Record<string, () => string> = {
    'alg none': () => `${encode({ alg: 'none', kid: key.kid, typ: 'at+jwt' })}.${encode(good())}.`,
    'alg none with a signature': () => forge({ alg: 'none' }, {}),
    'alg HS256 with the public key as secret': withPublicKeyAsSecret,
    'alg ES384': () => forge({ alg: 'ES384' }, {}),
    'another’s signature': () => forge({}, {}, stranger),
    'an unknown kid': () => forge({ kid: stranger.kid }, {}, stranger),
    'no kid': () => forge({ kid: undefined }, {}),
    'a kid that is no string': () => forge({ kid: ['a'] }, {}),
    'its own key in the header': () => forge({ jwk: stranger.publicJwk }, {}, stranger),
    'a good key in the header': () => forge({ jwk: key.publicJwk }, {}),
    jku: () => forge({ jku: 'https://evil.example/jwks.json' }, {}),
    x5u: () => forge({ x5u: 'https://evil.example/cert.pem' }, {}),
    x5c: () => forge({ x5c: ['AAAA'] }, {}),
    crit: () => forge({ crit: ['exp'] }, {}),
    'an unencoded payload': () => forge({ b64: false, crit: ['b64'] }, {}),
    'the typ of another kind': () => forge({ typ: 'JWT' }, {}),
    'no typ': () => forge({ typ: undefined }, {}),
    'another issuer': () => forge({}, { iss: 'https://evil.example' }),
    'no issuer': () => forge({}, { iss: undefined }),
    'another audience': () => forge({}, { aud: 'another' }),
    'no audience': () => forge({}, { aud: undefined }),
    'an expired one of another audience': () => forge({}, { aud: 'another', exp: NOW / 1000 - 1 }),
    'no exp': () => forge({}, { exp: undefined }),
    'an exp that is no number': () => forge({}, { exp: '9999999999' }),
    'no iat': () => forge({}, { iat: undefined }),
    'an iat in the future': () => forge({}, { iat: NOW / 1000 + 61 }),
    'an nbf in the future': () => forge({}, { nbf: NOW / 1000 + 1 }),
    'no sub': () => forge({}, { sub: undefined }),
    'a sub that is no string': () => forge({}, { sub: 7 }),
    'no sid': () => forge({}, { sid: undefined }),
    'an email that is no string': () => forge({}, { email: { $ne: null } }),
    'roles that are no list': () => forge({}, { roles: 'admin' }),
    'roles that are no strings': () => forge({}, { roles: ['member', { admin: true }] }),
    'no roles': () => forge({}, { roles: undefined }),
    'a padded signature': () => `${forge({}, {})}==`,
    'a space before it': () => ` ${forge({}, {})}`,
    'a space within it': () => forge({}, {}).replace('.', '. '),
    'a line break after it': () => `${forge({}, {})}\n`,
    'altered trailing bits': () => trailingBitsAltered(forge({}, {})),
    'the other base64': () => `${forge({}, {})}`.replace(/.(?=[^.]*$)/, '+'),
    'two parts': () => forge({}, {}).split('.').slice(0, 2).join('.'),
    'four parts': () => `${forge({}, {})}.AAAA`,
    'five parts': () => `${forge({}, {})}.AAAA.AAAA`,
    'a header that is no object': () => `${encode([])}.${encode(good())}.AAAA`,
    'a header that is no JSON': () => `AAAA.${encode(good())}.AAAA`,
    'no signature': () => `${forge({}, {}).split('.').slice(0, 2).join('.')}.`,
    'a signature of nothing but zeros': () =>
      `${forge({}, {}).split('.').slice(0, 2).join('.')}.${Buffer.alloc(64).toString('base64url')}`,
    nothing: () => '',
    '100 KB': () => forge({}, { padding: 'x'.repeat(100_000) }),
    undefined: () => undefined as unknown as string,
    'no string at all': () => ({ toString: () => forge({}, {}) }) as unknown as string,
  }

  test('R-AUTH-2: the forger’s own hand makes a good token when nothing is wrong', async () => {
    expect(await refusal(() => verifier.verify(forge({}, {})))).toBe('none')
  })

  test.each(Object.entries(FORGERIES))('R-AUTH-2: %s is refused, as all of them are', async (_, make) => {
    const token = make()
    for (let again = 0; again < 2; again += 1) {
      expect(await refusal(() => verifier.verify(token))).toBe('INVALID_TOKEN ')
    }
    expect(verifier.size).toBe(0)
  })

  test('R-AUTH-2: any altered character is refused, also when the true token is kept', async () => {
    const token = await issue()
    await verifier.verify(token)
    const position = fc.nat(token.length - 1)
    const character = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 1 })
    await fc.assert(
      fc.asyncProperty(position, character, async (at, other) => {
        fc.pre(token[at] !== other)
        const altered = token.slice(0, at) + other + token.slice(at + 1)
        expect(await refusal(() => verifier.verify(altered))).toBe('INVALID_TOKEN ')
      }),
      { numRuns: 500 },
    )
  })
})

describe('keys that rotate', () => {
  test('R-AUTH-2: old tokens stay good while the old public key is in the set', async () => {
    const before = await issue()
    await verifier.verify(before)
    published = [stranger, key]
    nowMs += 5_000
    const after = await issue({}, stranger)
    expect(await refusal(() => verifier.verify(after))).toBe('none')
    expect(await refusal(() => verifier.verify(before))).toBe('none')
    expect(loads).toBe(2)
  })

  test('R-AUTH-2: what is kept is verified anew after a rotation, and refused when its key is gone', async () => {
    const before = await issue()
    const caller = await verifier.verify(before)
    expect(verifier.verify(before)).toBe(caller)
    published = [stranger]
    await keys.refresh()
    expect(await refusal(() => verifier.verify(before))).toBe('INVALID_TOKEN ')
    expect(verifier.size).toBe(0)
  })

  test('R-AUTH-2: a token is not kept when its key is withdrawn while it is being verified', async () => {
    await keys.refresh()
    const verifying = verifier.verify(await issue())
    published = [stranger]
    await Promise.all([verifying, keys.refresh()])
    expect(await refusal(async () => verifier.verify(await issue()))).toBe('INVALID_TOKEN ')
    expect(verifier.size).toBe(0)
  })

  test('R-AUTH-2: 50 unknown kids at once cause one load, and no more for 5 s', async () => {
    await verifier.verify(await issue())
    nowMs += 5_000
    const forged = await issue({}, stranger)
    const answers = await Promise.all(Array.from({ length: 50 }, () => refusal(() => verifier.verify(forged))))
    expect(new Set(answers)).toEqual(new Set(['INVALID_TOKEN ']))
    expect(loads).toBe(2)
    nowMs += 4_999
    await refusal(() => verifier.verify(forged))
    expect(loads).toBe(2)
  })
})

test('R-P-4: the tokens kept are bounded, and one forgotten is verified anew', async () => {
  const small = createTokenVerifier({ keys, ...PARTIES, capacity: 10, now: () => nowMs })
  const tokens = await Promise.all(Array.from({ length: 40 }, (_, index) => issue({ sid: `ses_${index}` })))
  for (const token of tokens) {
    await small.verify(token)
    expect(small.size).toBeLessThanOrEqual(10)
  }
  expect(small.verify(tokens[0]!)).toBeInstanceOf(Promise)
  expect(await small.verify(tokens[0]!)).toMatchObject({ sid: 'ses_0' })
})

import { createHash, webcrypto } from 'node:crypto'
import { Fault } from '../base/errors.ts'

/**
 * The one algorithm (R-AUTH-2). Both it and EdDSA were measured through jose on two cores of one machine: CPU per
 * verified token 68 µs for ES256, 92 µs for EdDSA; signing costs the same.
 */
export const ALGORITHM = 'ES256'

/** A public key as the key set document shows it (RFC 7517, RFC 7518 section 6.2). */
export type PublicJwk = {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
  readonly kid: string
  readonly alg: typeof ALGORITHM
  readonly use: 'sig'
}

export type PrivateJwk = PublicJwk & { readonly d: string }

/** Plain data: a service keeps it in its database, the private part nowhere else. */
export interface SigningKey {
  readonly kid: string
  readonly alg: typeof ALGORITHM
  readonly privateJwk: PrivateJwk
  readonly publicJwk: PublicJwk
  /** RFC 3339, UTC. */
  readonly createdAt: string
}

export async function generateSigningKey({ nowMs = Date.now() } = {}): Promise<SigningKey> {
  const pair = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])
  const { x, y, d } = await webcrypto.subtle.exportKey('jwk', pair.privateKey)
  const kid = thumbprint(x!, y!)
  const publicJwk: PublicJwk = { kty: 'EC', crv: 'P-256', x: x!, y: y!, kid, alg: ALGORITHM, use: 'sig' }
  return {
    kid,
    alg: ALGORITHM,
    privateJwk: { ...publicJwk, d: d! },
    publicJwk,
    createdAt: new Date(nowMs).toISOString(),
  }
}

/**
 * The document of `/.well-known/jwks.json`. Its members are named one by one, so that nothing private can leave in it,
 * whatever was stored as `publicJwk`. A retired key stays in it until the last token that it signed has expired.
 */
export function jwks(keys: readonly Pick<SigningKey, 'publicJwk'>[]): { keys: PublicJwk[] } {
  return {
    keys: keys.map(({ publicJwk: { x, y, kid } }) => ({
      kty: 'EC',
      crv: 'P-256',
      x,
      y,
      kid,
      alg: ALGORITHM,
      use: 'sig',
    })),
  }
}

/**
 * The key to sign with: the newest that has been in the key set for 10 s, else the oldest there is. A key that signed as
 * soon as it was made would meet verifiers that loaded the set just before and may not load it again for 5 s.
 */
export function signingKeyAt(keys: readonly SigningKey[], nowMs: number): SigningKey {
  const byAge = [...keys].sort((a, b) => Date.parse(b.createdAt) - Date.parse(a.createdAt))
  const known = byAge.find((key) => Date.parse(key.createdAt) <= nowMs - PUBLISHED_AHEAD_MS) ?? byAge.at(-1)
  if (known === undefined)
    throw new Fault('NO_SIGNING_KEY', 'No signing key exists: create one with `lintel keys rotate`.')
  return known
}

const PUBLISHED_AHEAD_MS = 10_000

/** The key in the form that signs, imported once per key. */
export function privateKeyOf({ privateJwk }: SigningKey): Promise<webcrypto.CryptoKey> {
  let key = imported.get(privateJwk)
  if (key === undefined) {
    const { kty, crv, x, y, d } = privateJwk
    key = webcrypto.subtle.importKey('jwk', { kty, crv, x, y, d }, CURVE, false, ['sign'])
    imported.set(privateJwk, key)
  }
  return key
}

const imported = new WeakMap<PrivateJwk, Promise<webcrypto.CryptoKey>>()

/** The key in the form that verifies; rejects when `x` and `y` are no point of the curve. */
export function publicKeyOf({ x, y }: { x: string; y: string }): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x, y }, CURVE, false, ['verify'])
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' }

/** RFC 7638: the members in this order, no white space. Two keys never share a `kid`. */
function thumbprint(x: string, y: string): string {
  return createHash('sha256').update(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`).digest('base64url')
}

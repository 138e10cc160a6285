import type { webcrypto } from 'node:crypto'
import { importJWK, type JWK } from 'jose'
import { SERVICE_ROLE } from './caller.ts'
import { invalidToken } from './jwt.ts'
import { isForVerifying, type KeyKind } from './key-set.ts'
import { issuedAtMs, type TokenForm } from './tokens.ts'

/** What other issuers sign with: public-key algorithms only. With HS256 the key to verify would be a key to forge. */
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA']

/** Keys of any issuer's key set. Each is imported for the one algorithm that it names, or that goes with its kind (RFC 8725 3.1). */
export const FOREIGN_KEYS: KeyKind = {
  name: 'public signing',
  takes(key): key is JWK & { kid: string } {
    return typeof key.kid === 'string' && key.kid !== '' && isForVerifying(key) && algorithmOf(key) !== undefined
  },
  async import(key) {
    const { kty, crv, x, y, n, e } = key as JWK
    // Member by member, so that nothing private is ever imported.
    const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)
    const imported = (await importJWK(Object.fromEntries(members) as JWK, algorithmOf(key)!)) as webcrypto.CryptoKey
    const { modulusLength } = imported.algorithm as Partial<webcrypto.RsaHashedKeyAlgorithm>
    // RFC 7518 3.3. Left in, it would be found too short for each token anew.
    if (modulusLength !== undefined && modulusLength < 2048)
      throw new Error(`it is an RSA key of ${modulusLength} bits, and 2048 are the least`)
    return imported
  },
}

/** Where tokens of another issuer say what their bearer may do. */
export interface RoleSource {
  /** A name, or a path such as `realm_access.roles`; undefined: no claim. */
  readonly claim: string | undefined
  /** Whether scopes are roles too: those of `scope` (RFC 9068, RFC 8693), which Microsoft and Okta call `scp`. */
  readonly scopes: boolean
  /** Our roles by theirs; those that are not in it are none here. Undefined: they are called the same. */
  readonly as: Readonly<Record<string, string>> | undefined
}

/**
 * Access tokens as other issuers write them: `sub` is who it is; `iat` is asked for, `email` and `sid` are taken where they are.
 * `parties`: of which clients (`azp`) tokens are taken; undefined: of any.
 */
export function foreignTokens(source: RoleSource, parties?: readonly string[]): TokenForm {
  return {
    // RFC 9068 says at+jwt; many say JWT, some nothing. An ID token has another audience, which is checked.
    typ: ['at+jwt', 'JWT', ''],
    algorithms: ALGORITHMS,
    // Microsoft's have names of certificates there, Clerk's a category, others a nonce.
    otherMembers: 'ignored',
    callerOf(claims, nowMs) {
      const { sub, email, sid, azp, typ, exp } = claims
      // Keycloak's name for what it is; an audience that is its client's would let them pass.
      if (typ === 'ID') throw invalidToken('it is an ID token')
      if (parties !== undefined && !parties.some((party) => party === azp))
        throw invalidToken('its azp is not an authorized party')
      return Object.freeze({
        kind: 'user',
        id: sub,
        email: typeof email === 'string' ? email : '',
        roles: Object.freeze(rolesIn(claims, source).filter((role) => role !== SERVICE_ROLE)),
        sid: typeof sid === 'string' ? sid : '',
        issuedAtMs: issuedAtMs(claims, nowMs),
        expiresAtMs: exp * 1000,
      })
    },
  }
}

function rolesIn(claims: Readonly<Record<string, unknown>>, { claim, scopes, as }: RoleSource): string[] {
  // A name may have dots of its own: Auth0's are URLs.
  const named = claim && (Object.hasOwn(claims, claim) ? claims[claim] : at(claims, claim.split('.')))
  const theirs = [...textsIn(named), ...(scopes ? [...textsIn(claims.scope), ...textsIn(claims.scp)] : [])]
  if (as === undefined) return theirs
  return [...new Set(theirs.flatMap((role) => (Object.hasOwn(as, role) ? [as[role]!] : [])))]
}

function algorithmOf({ alg, kty, crv }: { alg?: unknown; kty?: unknown; crv?: unknown }): string | undefined {
  const usual = kty === 'RSA' ? 'RS256' : kty === 'OKP' ? BY_CURVE[String(crv)] : kty === 'EC' && BY_CURVE[String(crv)]
  if (!usual) return undefined
  return alg === undefined ? usual : ALGORITHMS.find((one) => one === alg || (alg === 'Ed25519' && one === 'EdDSA'))
}

const BY_CURVE: Record<string, string> = { 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512', Ed25519: 'EdDSA' }

function at(claims: object, path: readonly string[]): unknown {
  let value: unknown = claims
  for (const name of path)
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, name)
        ? (value as Record<string, unknown>)[name]
        : undefined
  return value
}

/** A list, or a text with spaces between. */
function textsIn(value: unknown): string[] {
  const all = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : []
  return all.filter((one): one is string => typeof one === 'string' && one !== '')
}

import { boundedCache } from '../base/bounded-cache.ts'
import { Problem } from '../base/errors.ts'
import { SERVICE_ROLE, type UserCaller } from './caller.ts'
import { type Claims, invalidToken, openJwt, signJwt } from './jwt.ts'
import type { KeySet } from './key-set.ts'
import type { SigningKey } from './keys.ts'

export interface AccessClaims {
  sub: string
  email: string
  roles: readonly string[]
  sid: string
}

export interface IssueOptions {
  issuer: string
  audience: string
  nowMs: number
  /** 900 unless told otherwise: 15 minutes. */
  ttlSeconds?: number
}

/** An access token: a JWT of the kind `at+jwt` (RFC 9068), signed with ES256 (R-AUTH-2). */
export function issueAccessToken(
  key: SigningKey,
  { sub, email, roles, sid }: AccessClaims,
  { issuer, audience, nowMs, ttlSeconds = 900 }: IssueOptions,
): Promise<string> {
  const iat = Math.floor(nowMs / 1000)
  return signJwt(key, TYP, { sub, email, roles, sid, iat, exp: iat + ttlSeconds, iss: issuer, aud: audience })
}

export interface TokenVerifier {
  /** The caller of a token that has been verified before, else undefined. Throws INVALID_TOKEN or TOKEN_EXPIRED. */
  kept(token: string): UserCaller | undefined
  /**
   * The caller of a good token: at once, with no promise, when it has been verified before; so a bad one is thrown at
   * once or rejected. Throws INVALID_TOKEN, TOKEN_EXPIRED, or SERVICE_UNAVAILABLE when the keys cannot be loaded.
   */
  verify(token: string): UserCaller | Promise<UserCaller>
  /** Forgets every verified token; each is verified anew when it is next shown. */
  forget(): void
  /** How many verified tokens are kept, for metrics. */
  readonly size: number
}

export interface VerifierOptions {
  keys: KeySet
  issuer: string
  /** Undefined: `aud` is not looked at, as the form knows its tokens otherwise. */
  audience: string | undefined
  /** How many verified tokens are kept at most; 10,000. */
  capacity?: number
  now?: () => number
  /** Asked on every look at a token, kept or new; it must be quick. True refuses the token (R-AUTH-4). */
  revoked?: (caller: UserCaller) => boolean
  /** Told why a token is INVALID_TOKEN, which its bearer is not; for the log. */
  refused?: (reason: unknown) => void
  /** How tokens are written; as we write them ourselves, unless told otherwise. */
  form?: TokenForm
}

/** What distinguishes the tokens of one kind of issuer. */
export interface TokenForm {
  /** Of the header; '' for none. */
  readonly typ: string | readonly string[]
  readonly algorithms?: readonly string[]
  /** See ExpectedClaims. */
  readonly otherMembers?: 'refused' | 'ignored'
  /** Throws INVALID_TOKEN where a claim is not what it has to be. */
  callerOf(claims: Claims, nowMs: number): UserCaller
}

/**
 * Verifying a signature is the dearest step of a request (68 µs of CPU): the verified are kept. A token is looked up by the
 * end of its signature and then compared whole: hashing all 440 characters of a string fresh from the socket, as a map
 * keyed by the whole would, makes a hit 0.75 µs instead of 0.25.
 */
export function createTokenVerifier(options: VerifierOptions): TokenVerifier {
  const { keys, issuer, audience, capacity = 10_000, now = Date.now, revoked = () => false, form = OURS } = options
  const { refused = () => {} } = options
  const { callerOf: callerIn, ...written } = form
  const kept = boundedCache<{ token: string; caller: UserCaller }>(capacity)
  let generation = keys.generation

  function forget(): void {
    kept.clear()
    generation = keys.generation
  }

  /** Looked at on each hit too: a token expires and a session ends while it is kept. */
  function requireValid(caller: UserCaller, nowMs: number): UserCaller {
    if (caller.expiresAtMs <= nowMs) throw new Problem('TOKEN_EXPIRED')
    if (revoked(caller)) throw invalidToken('it was revoked')
    return caller
  }

  async function verifyAnew(token: string): Promise<UserCaller> {
    try {
      return await open(token)
    } catch (error) {
      if (error instanceof Problem && error.code === 'INVALID_TOKEN') refused(error.cause)
      throw error
    }
  }

  async function open(token: string): Promise<UserCaller> {
    const nowMs = now()
    const opened = await openJwt(token, {
      ...written,
      keys,
      issuer,
      ...(audience !== undefined && { audience }),
      nowMs,
    })
    const caller = callerIn(opened.claims, nowMs)
    if (generation !== keys.generation) forget()
    // The key may have been withdrawn while the signature was verified: such a token is not kept.
    if (opened.generation === generation) kept.set(endOf(token), { token, caller })
    return requireValid(caller, now())
  }

  function callerOfKept(token: string): UserCaller | undefined {
    if (generation !== keys.generation) forget()
    const known = typeof token === 'string' ? kept.get(endOf(token)) : undefined
    return known !== undefined && known.token === token ? requireValid(known.caller, now()) : undefined
  }

  return {
    kept: callerOfKept,
    verify: (token) => callerOfKept(token) ?? verifyAnew(token),
    forget,
    get size() {
      return kept.size
    },
  }
}

/** 43 characters are 32 bytes, half of the signature: no two tokens that we signed share them. */
function endOf(token: string): string {
  return token.slice(-43)
}

const TYP = 'at+jwt'

/** For clocks that differ: how far in the future `iat` may lie. `exp` has no leeway. */
const IAT_LEEWAY_MS = 60_000

const OURS: TokenForm = { typ: TYP, callerOf }

/** When a token was issued: never later than now. */
export function issuedAtMs({ iat }: Claims, nowMs: number): number {
  if (typeof iat !== 'number' || iat * 1000 > nowMs + IAT_LEEWAY_MS) throw invalidToken('its iat is in the future')
  return iat * 1000
}

function callerOf(claims: Claims, nowMs: number): UserCaller {
  const { sub, email, roles, sid, exp } = claims
  const issued = issuedAtMs(claims, nowMs)
  if (typeof email !== 'string') throw invalidToken('its email is not a string')
  if (typeof sid !== 'string' || sid === '') throw invalidToken('its sid is not a string')
  if (!isStrings(roles)) throw invalidToken('its roles are not a list of strings')
  return Object.freeze({
    kind: 'user',
    id: sub,
    email,
    // See hasRole: `service` is no user's role, and is not shown to handlers as one either.
    roles: Object.freeze(roles.filter((role) => role !== SERVICE_ROLE)),
    sid,
    issuedAtMs: issued,
    expiresAtMs: exp * 1000,
  })
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

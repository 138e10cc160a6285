import { invalidToken, openJwt, signJwt } from './jwt.ts'
import type { KeySet } from './key-set.ts'
import type { SigningKey } from './keys.ts'

export interface RefreshClaims {
  sub: string
  /** The `tok_…` of the session's current link. */
  jti: string
}

/** A refresh token (R-AUTH-3): `{sub, jti, exp}`, 30 days unless told otherwise. */
export function issueRefreshToken(
  key: SigningKey,
  { sub, jti }: RefreshClaims,
  { nowMs, ttlSeconds = 2_592_000 }: { nowMs: number; ttlSeconds?: number },
): Promise<string> {
  return signJwt(key, TYP, { sub, jti, exp: Math.floor(nowMs / 1000) + ttlSeconds })
}

/**
 * What a refresh token says, once its signature and expiry hold; whether it is spent is for the sessions to say.
 * Throws INVALID_TOKEN or TOKEN_EXPIRED. Never kept: it is shown once.
 */
export async function readRefreshToken(
  token: string,
  { keys, nowMs }: { keys: KeySet; nowMs: number },
): Promise<RefreshClaims & { expiresAtMs: number }> {
  const { claims } = await openJwt(token, { typ: TYP, keys, nowMs })
  const { sub, jti, exp } = claims
  if (typeof jti !== 'string' || jti === '') throw invalidToken('its jti is not a string')
  return { sub, jti, expiresAtMs: exp * 1000 }
}

/** Not `at+jwt`: signed by the same keys, it must never pass for an access token. */
const TYP = 'rt+jwt'

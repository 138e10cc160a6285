import {
  createKeySet,
  issueAccessToken,
  issueRefreshToken,
  jwks,
  type KeySet,
  readRefreshToken,
  signingKeyAt,
} from '../auth/index.ts'
import { isProblem, type Unit } from '../service/index.ts'
import type { Setup } from './setup.ts'
import { signingKeys } from './signing-keys.ts'

export interface TokenUser {
  readonly id: string
  readonly email: string
  readonly roles: readonly string[]
}

/** An access token of a session, and the refresh token that is its live one. */
export async function issueTokens(user: TokenUser, sid: string, jti: string, read: Unit['read'], setup: Setup) {
  const nowMs = Date.now()
  const { issuer, audience } = setup.accessTokens
  const { accessTokenMinutes, sessionDays } = setup.lifetimes
  const ttlSeconds = accessTokenMinutes * 60
  const key = signingKeyAt(await signingKeys(read), nowMs)
  const claims = { sub: user.id, email: user.email, roles: user.roles, sid }
  const [accessToken, refreshToken] = await Promise.all([
    issueAccessToken(key, claims, { issuer, audience, nowMs, ttlSeconds }),
    issueRefreshToken(key, { sub: user.id, jti }, { nowMs, ttlSeconds: sessionDays * 86_400 }),
  ])
  return { accessToken, refreshToken, tokenType: 'Bearer' as const, expiresIn: ttlSeconds }
}

/** Problems: INVALID_TOKEN, TOKEN_EXPIRED. Whether it is spent, the sessions know. */
export async function openRefreshToken(token: string, { read, security }: Unit) {
  try {
    return await readRefreshToken(token, { keys: keysOf(read), nowMs: Date.now() })
  } catch (error) {
    if (isProblem(error, 'INVALID_TOKEN')) {
      const reason = error.cause instanceof Error ? error.cause.message : undefined
      security.repeated('token.rejected', { reason })
    }
    throw error
  }
}

const keySets = new WeakMap<Unit['read'], KeySet>()

/** Keys are imported once for each database, not for each token. */
function keysOf(read: Unit['read']): KeySet {
  let keys = keySets.get(read)
  if (!keys) {
    keys = createKeySet(async () => jwks(await signingKeys(read)))
    keySets.set(read, keys)
  }
  return keys
}

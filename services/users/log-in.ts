import { issueAccessToken, signingKeyAt, verifyPassword } from 'lintel/auth'
import { newId, type OperationHandler, Problem } from 'lintel/service'
import type { users } from './contract.ts'
import { AUDIENCE, ISSUER, signingKeys } from './signing-keys.ts'

const TTL_SECONDS = 900

export const logIn: OperationHandler<typeof users, 'login'> = async ({ body }, { read }) => {
  const [user] = await read.query<{ id: string; email: string; roles: string[]; password_hash: string | null }>(
    `select lintel.typeid('usr', id) as id, email, roles, password_hash from active_users where lower(email) = lower($1)`,
    [body.email],
  )
  // Without a user a dummy hash is verified: an address that is unknown costs the same time (R-AUTH-1).
  if (!(await verifyPassword(user?.password_hash ?? undefined, body.password)) || !user)
    throw new Problem('INVALID_CREDENTIALS')
  const nowMs = Date.now()
  const key = signingKeyAt(await signingKeys(read), nowMs)
  const claims = { sub: user.id, email: user.email, roles: user.roles, sid: newId('tok') }
  const accessToken = await issueAccessToken(key, claims, {
    issuer: ISSUER,
    audience: AUDIENCE,
    nowMs,
    ttlSeconds: TTL_SECONDS,
  })
  return { accessToken, tokenType: 'Bearer', expiresIn: TTL_SECONDS }
}

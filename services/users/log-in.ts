import { verifyPassword } from 'lintel/auth'
import { type OperationHandler, Problem } from 'lintel/service'
import type { users } from './contract.ts'
import { beginSession } from './sessions.ts'
import type { TokenUser } from './tokens.ts'

export const logIn: OperationHandler<typeof users, 'login'> = async ({ body }, unit) => {
  const [user] = await unit.read.query<TokenUser & { password_hash: string | null }>(
    `select lintel.typeid('usr', id) as id, email, roles, password_hash from active_users where lower(email) = lower($1)`,
    [body.email],
  )
  // Without a user a dummy hash is verified: an address that is unknown costs the same time (R-AUTH-1).
  if (!(await verifyPassword(user?.password_hash ?? undefined, body.password)) || !user)
    throw new Problem('INVALID_CREDENTIALS')
  return beginSession(user, unit)
}

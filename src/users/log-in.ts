import { verifyPassword } from '../auth/index.ts'
import { findBy, type OperationHandler, Problem, readRow, type Unit, uuidOf } from '../service/index.ts'
import { User, type users } from './base.ts'
import { limitAccount, rememberNetwork } from './limit-account.ts'
import { beginSession } from './sessions.ts'
import type { Setup } from './setup.ts'

export const logIn =
  (setup: Setup): OperationHandler<typeof users, 'login'> =>
  async ({ body, address }, unit) => {
    const [user] = (await findBy(unit.read, User, { email: body.email })).map(readRow)
    await limitAccount({ userId: user?.id, email: body.email, address }, unit)
    // Without a user a dummy hash is verified: an address that is unknown costs the same time (R-AUTH-1).
    const known = user?.passwordHash ?? undefined
    if (!(await verifyPassword(known, body.password, unit)) || !user || known === undefined)
      throw failed(user?.id, unit)
    await assertUnchanged(user.id, known, unit)
    await rememberNetwork(user.id, address, unit)
    return beginSession(user, unit, setup)
  }

/**
 * Hashing takes its time. Who is deleted meanwhile, or changes the password, ends every session (R-AUTH-4): the one that
 * begins now must not slip past that, so they wait for each other.
 */
async function assertUnchanged(userId: string, passwordHash: string, unit: Unit<typeof users>): Promise<void> {
  const unchanged = await unit.tx.query(
    'select 1 as one from users where id = $1 and password_hash = $2 and deleted_at is null for share',
    [uuidOf(User, userId), passwordHash],
  )
  if (unchanged.length === 0) throw failed(userId, unit)
}

function failed(account: string | undefined, { security }: Unit<typeof users>): Problem {
  security.rejected('login.failed', { account })
  return new Problem('INVALID_CREDENTIALS')
}

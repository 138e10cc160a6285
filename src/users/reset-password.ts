import type { OperationHandler, Unit } from '../service/index.ts'
import type { users } from './base.ts'
import { spendMailToken, userOf, voidPasswordTokens } from './mail-tokens.ts'
import { postMail } from './mails.ts'
import { hashNew } from './passwords.ts'
import { endSessionsOfUser } from './sessions.ts'
import type { Setup } from './setup.ts'
import { changeVerified } from './verify-email.ts'

/** Tells nobody whether the address exists: the answer, and the work before it, is the same (R-AUTH-6). */
export const requestPasswordReset: OperationHandler<typeof users, 'requestPasswordReset'> = ({ body }, unit) =>
  postMail('reset', body.email, unit)

export const resetPassword =
  (setup: Setup): OperationHandler<typeof users, 'resetPassword'> =>
  ({ params, body }, unit) =>
    setPassword(params.token, body.password, unit, setup)

/** Sets the password, ends every session, and takes the address for verified: the mail was read. A NOT_FOUND where the token is no good. */
export async function setPassword(token: string, password: string, unit: Unit<typeof users>, setup: Setup) {
  // First without a transaction: hashing takes its time, and is not done for a token that is no good.
  await userOf('password', token, unit.read)
  const passwordHash = await hashNew(password, unit)
  const { id, email } = await spendMailToken('password', token, unit)
  await changeVerified(id, { passwordHash }, unit, setup)
  await voidPasswordTokens(id, unit)
  await endSessionsOfUser(id, unit)
  unit.security.done('password.reset', { account: id })
  return { email, emailVerified: true }
}

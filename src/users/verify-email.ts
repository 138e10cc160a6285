import { change, type OperationHandler, type Unit } from '../service/index.ts'
import type { users } from './base.ts'
import { spendMailToken } from './mail-tokens.ts'
import { postMail } from './mails.ts'
import type { Setup } from './setup.ts'

/** Tells nobody whether the address exists: the answer, and the work before it, is the same (R-AUTH-6). */
export const requestEmailVerification: OperationHandler<typeof users, 'requestEmailVerification'> = ({ body }, unit) =>
  postMail('verification', body.email, unit)

export const verifyEmail =
  (setup: Setup): OperationHandler<typeof users, 'verifyEmail'> =>
  ({ params }, unit) =>
    confirmAddress(params.token, unit, setup)

/** Spends the token of a mail: its reader has the address. A NOT_FOUND where it is no good. */
export async function confirmAddress(token: string, unit: Unit<typeof users>, setup: Setup) {
  const { id, email, emailVerified } = await spendMailToken('verification', token, unit)
  if (!emailVerified) await changeVerified(id, {}, unit, setup)
  return { email, emailVerified: true }
}

/** Changes a user who has just shown that the mail of their address is theirs. */
export async function changeVerified(
  id: string,
  values: { passwordHash?: string },
  { tx, emit }: Unit<typeof users>,
  { User }: Setup,
) {
  const now = new Date().toISOString()
  emit('user.updated', await change(tx, User, id, { ...values, emailVerifiedAt: now }, undefined))
}

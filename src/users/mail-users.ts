import { type ConsumerHandlers, find, readRow } from '../service/index.ts'
import { User, type users } from './base.ts'
import { postMail } from './mails.ts'
import type { Setup } from './setup.ts'

type Mails = ConsumerHandlers<typeof users, 'mails'>

/**
 * Who registered confirms the address; who was registered by an admin sets a password, which confirms it too (R-AUTH-6). With
 * `invite: false` there is no mail.
 */
export const mailNewUser =
  ({ without }: Setup): Mails['user.created'] =>
  async ({ aggregateId }, unit) => {
    const row = await find(unit.tx, User, aggregateId)
    if (!row) return
    const { email, emailVerified, passwordHash, invited } = readRow(row)
    if (!invited || emailVerified) return
    if (passwordHash === null) await postMail('invitation', email, unit)
    else if (!without.has('emailVerification')) await postMail('verification', email, unit)
  }

export const mailNewAddress =
  ({ without }: Setup): Mails['user.email-changed'] =>
  async ({ data }, unit) => {
    if (!without.has('emailVerification')) await postMail('verification', data.email, unit)
  }

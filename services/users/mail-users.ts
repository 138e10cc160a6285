import { type ConsumerHandlers, find, readRow } from 'lintel/service'
import { User, type users } from './contract.ts'
import { postMail } from './mails.ts'

type Mails = ConsumerHandlers<typeof users, 'mails'>

/**
 * Who registered confirms the address; who was registered by an admin sets a password, which confirms it too (R-AUTH-6). With
 * `invite: false` there is no mail.
 */
export const mailNewUser: Mails['user.created'] = async ({ aggregateId }, unit) => {
  const row = await find(unit.tx, User, aggregateId)
  if (!row) return
  const { email, emailVerified, passwordHash, invited } = readRow(row)
  if (invited && !emailVerified) await postMail(passwordHash === null ? 'invitation' : 'verification', email, unit)
}

export const mailNewAddress: Mails['user.email-changed'] = ({ data }, unit) =>
  postMail('verification', data.email, unit)

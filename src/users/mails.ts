import type { Unit } from '../service/index.ts'
import type { users } from './base.ts'
import type { MailKind } from './mail-texts.ts'
import type { Purpose } from './mail-tokens.ts'

export const PURPOSES: Readonly<Record<MailKind, Purpose>> = {
  verification: 'verification',
  reset: 'password',
  invitation: 'password',
}

/**
 * Has a mail sent to an address, if this commits and a user has the address then. That costs the same whether there is
 * such a user or not: who that is, is looked up when the mail is sent. Whoever asks, an address gets only so many of each
 * purpose, and nobody is told when it gets no more.
 */
export async function postMail(kind: MailKind, address: string, unit: Unit<typeof users>): Promise<void> {
  const allowed = await unit.tx.query(ALLOW, [address, PURPOSES[kind]])
  if (allowed.length > 0) enqueueMail(kind, address, unit)
}

/** Of mails for one purpose only the last is sent. */
export function enqueueMail(kind: MailKind, address: string, unit: Unit<typeof users>): void {
  unit.enqueue('sendMail', { address, kind }, { key: `${PURPOSES[kind]} ${address.toLowerCase()}` })
}

/** At once; then one more each time that a part of the hour has passed. */
const MAILS_AN_HOUR = 5
const ONE_MAIL = `interval '${3_600 / MAILS_AN_HOUR} seconds'`

/** For all addresses the same. What is counted is undone with the mail if this does not commit. */
const ALLOW = `
insert into mail_allowances (address, purpose, full_at) values ($1, $2, now() + ${ONE_MAIL})
on conflict (lower(address), purpose) do update
  set full_at = greatest(mail_allowances.full_at, now()) + ${ONE_MAIL}
  where mail_allowances.full_at <= now() + interval '1 hour' - ${ONE_MAIL}
returning 1 as allowed`

import type { Mail, Unit } from 'lintel/service'
import type { users } from './contract.ts'
import type { Purpose } from './mail-tokens.ts'

export type MailKind = 'verification' | 'reset' | 'invitation'

/**
 * Has a mail sent to an address, if this commits and a user has the address then. That costs the same whether there is
 * such a user or not: who that is, is looked up when the mail is sent. Whoever asks, an address gets only so many of each
 * purpose, and nobody is told when it gets no more.
 */
export async function postMail(kind: MailKind, address: string, unit: Unit<typeof users>): Promise<void> {
  const { purpose } = TEMPLATES[kind]
  const allowed = await unit.tx.query(ALLOW, [address, purpose])
  if (allowed.length > 0) enqueueMail(kind, address, unit)
}

/** Of mails for one purpose only the last is sent. */
export function enqueueMail(kind: MailKind, address: string, unit: Unit<typeof users>): void {
  unit.enqueue('sendMail', { address, kind }, { key: `${TEMPLATES[kind].purpose} ${address.toLowerCase()}` })
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

interface Template {
  readonly purpose: Purpose
  /** How long its link is good. */
  readonly hours: number
  readonly path: string
  readonly subject: string
  readonly lines: readonly string[]
}

/** Nothing that a user has written is in them: whoever registers somebody else's address must not choose what we mail there. */
export const TEMPLATES: Readonly<Record<MailKind, Template>> = {
  verification: {
    purpose: 'verification',
    hours: 24,
    path: '/auth/email-verifications/',
    subject: 'Confirm your email address',
    lines: [
      'An account was given this email address. To confirm that it is yours, open this link:',
      'The link is good for 24 hours, once. If it was not you, do nothing.',
    ],
  },
  reset: {
    purpose: 'password',
    hours: 1,
    path: '/auth/password-resets/',
    subject: 'Reset your password',
    lines: [
      'Somebody asked for a new password for your account. To choose one, open this link:',
      'The link is good for one hour, once. It ends every session. If it was not you, do nothing: your password stays as it is.',
    ],
  },
  invitation: {
    purpose: 'password',
    hours: 24,
    path: '/auth/password-resets/',
    subject: 'Set your password',
    lines: [
      'An account was made for you. To choose its password, open this link:',
      'The link is good for 24 hours, once. After that, ask for a password reset to get another.',
    ],
  },
}

/** The text of a mail; the link in it is a secret. */
export function writeMail(kind: MailKind, to: string, token: string, publicUrl: string): Mail {
  const { path, subject, lines } = TEMPLATES[kind]
  const [what, note] = lines
  return { to, subject, text: `${what}\n\n${publicUrl}${path}${token}\n\n${note}\n` }
}

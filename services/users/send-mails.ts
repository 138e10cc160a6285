import {
  type Background,
  type BackgroundContext,
  backoffMs,
  type MailCarrier,
  MailRefused,
  type Unit,
} from 'lintel/service'
import type { users } from './contract.ts'
import { newMailToken } from './mail-tokens.ts'
import { type MailKind, TEMPLATES, writeMail } from './mails.ts'
import { dropOldNotes, noteUndelivered } from './undelivered-mails.ts'

const BATCH = 20
/** Another replica may have written mails: to look is the truth, to be woken is a hint. */
const POLL_MS = 10_000
/** Somebody else has what is due in hand. */
const SHORTLY_MS = 100
/** 1 s, doubling to half an hour: some six hours in all. */
const ATTEMPTS = 22
const BACKOFF = { baseMs: 1_000, maxMs: 1_800_000 }

interface DueMail {
  readonly id: number
  readonly kind: MailKind
  readonly attempts: number
  /** When it is due again should this process end; changes with whatever happens to the mail. */
  readonly lease: string
  readonly to: string
  readonly token: string
}

/** Sends what is due, each mail by one replica, at least once; a mail that was sent is deleted. */
export const sendMails: Background<typeof users> = async (context) => {
  const { run, mail } = context
  await run(({ tx }) => dropObsoleteMails(tx))
  if (!mail) return POLL_MS
  // The tokens are committed before the mails leave, for a reader may be quick; and nothing is locked while a server is slow.
  const due = await run(({ tx }) => claim(tx))
  await Promise.all(due.map((one) => deliver(one, mail, context)))
  return due.length === BATCH ? 0 : run(({ tx }) => restMs(tx))
}

/** Drops mails to nobody, and to those who have confirmed in the meantime; what has expired, and old notes. */
async function dropObsoleteMails(tx: Unit['tx']): Promise<void> {
  await tx.query(
    `delete from mails where id in (
       select id from mails where due_at <= now() and not exists (
         select from active_users u where lower(u.email) = lower(address) and not (kind = 'verification' and u.email_verified))
       limit 1000 for update skip locked)`,
  )
  await tx.query(
    `delete from mail_tokens where token_hash in (
       select token_hash from mail_tokens where expires_at < now() limit 1000 for update skip locked)`,
  )
  await tx.query(
    `delete from mail_allowances where id in (
       select id from mail_allowances where full_at < now() limit 1000 for update skip locked)`,
  )
  await dropOldNotes(tx)
}

/** Five minutes are more than a mail can take (SEND_TIMEOUT_MS), with the others of its batch before it. */
const CLAIM = `
with due as (
  select m.id, u.id as user_id, u.email from mails m join active_users u on lower(u.email) = lower(m.address)
  where m.due_at <= now() order by m.due_at limit ${BATCH} for update of m skip locked)
update mails set attempts = attempts + 1, due_at = now() + interval '5 minutes' from due where mails.id = due.id
returning mails.id, kind, attempts, due_at::text as lease, user_id, email`

async function claim(tx: Unit['tx']): Promise<DueMail[]> {
  const rows = await tx.query<Omit<DueMail, 'to' | 'token'> & { user_id: string; email: string }>(CLAIM)
  return Promise.all(
    rows.map(async ({ id, kind, attempts, lease, user_id: userId, email }) => {
      const { purpose, hours } = TEMPLATES[kind]
      const token = await newMailToken(tx, { userId, email, purpose, hours })
      return { id, kind, attempts, lease, to: email, token }
    }),
  )
}

/** Never rejects: one mail holds up no other. What could not be noted down is found again when the lease has run out. */
async function deliver(due: DueMail, mail: MailCarrier, context: BackgroundContext<typeof users>): Promise<void> {
  const { run, publicUrl, log, signal } = context
  const about = { mail: due.id, kind: due.kind, attempts: due.attempts }
  try {
    const failure = await mail.send(writeMail(due.kind, due.to, due.token, publicUrl), signal).then(
      () => undefined,
      (error) => error as Error & { code?: string },
    )
    if (!failure) return await run(({ tx }) => drop(tx, due))
    // A server may quote in its answer what it was sent.
    const reason = failure.message.replaceAll(due.token, '…').slice(0, 300)
    const why = { ...about, code: failure.code, reason }
    const refused = failure instanceof MailRefused
    if (!refused && due.attempts < ATTEMPTS) {
      log.warn(why, 'could not send a mail; will retry')
      return await run(({ tx }) => postpone(tx, due))
    }
    log.error(why, refused ? 'a mail was rejected permanently' : 'gave up on a mail that could not be sent for hours')
    await run(async ({ tx }) => {
      await noteUndelivered(tx, due, reason)
      await drop(tx, due)
    })
  } catch (err) {
    log.warn({ ...about, err }, 'could not record the outcome of a mail')
  }
}

/** Only if nobody has asked for it anew while it was being sent. */
async function drop(tx: Unit['tx'], { id, lease }: DueMail): Promise<void> {
  await tx.query('delete from mails where id = $1 and due_at = $2::timestamptz', [id, lease])
}

async function postpone(tx: Unit['tx'], { id, lease, attempts }: DueMail): Promise<void> {
  await tx.query(`update mails set due_at = now() + $3 * interval '1 ms' where id = $1 and due_at = $2::timestamptz`, [
    id,
    lease,
    backoffMs(attempts - 1, BACKOFF),
  ])
}

async function restMs(tx: Unit['tx']): Promise<number> {
  const [next] = await tx.query<{ ms: number | null }>(
    'select extract(epoch from min(due_at) - clock_timestamp()) * 1000 as ms from mails',
  )
  return Math.min(Math.max(next?.ms ?? POLL_MS, SHORTLY_MS), POLL_MS)
}

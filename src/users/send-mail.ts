import { findBy, type JobHandler, type Mail, MailRefused, readRow, type Tx, type Unit } from '../service/index.ts'
import type { users } from './base.ts'
import { type MailKind, USUAL } from './mail-texts.ts'
import { newMailToken, type Purpose } from './mail-tokens.ts'
import { enqueueMail, PURPOSES } from './mails.ts'
import type { Setup } from './setup.ts'
import { dropOldNotes, noteUndelivered } from './undelivered-mails.ts'

/** Sends a mail to whoever has the address by now; at least once. What a server will not take is noted, and given up. */
export const sendMail =
  (setup: Setup): JobHandler<typeof users, 'sendMail'> =>
  async (job, unit) => {
    const { address, kind } = job.data
    const { run, mail, publicUrl, log, signal } = unit
    // The token is committed before the mail leaves, for a reader may be quick; and nothing is locked while a server is slow.
    const due = await run(({ tx }) => prepare(tx, kind, address, setup))
    if (due === undefined) return
    try {
      await mail.send(writeMail(kind, due, publicUrl, setup), signal)
    } catch (error) {
      const { message, code } = toldBy(error)
      // A server may quote in its answer what it was sent.
      const reason = message.replaceAll(due.token, '…').slice(0, 300)
      const refused = error instanceof MailRefused
      if (!refused && !job.isLast) throw new Error(`could not send a mail (code ${code}): ${reason}`)
      log.error(
        { kind, attempts: job.attempt, code, reason },
        refused ? 'a mail was rejected permanently' : 'gave up on a mail that could not be sent for hours',
      )
      await noteUndelivered(unit.tx, { to: due.user.email, kind, attempts: job.attempt }, reason)
    }
  }

function toldBy(error: unknown): { message: string; code: string } {
  if (!(error instanceof Error)) return { message: String(error), code: 'none' }
  return { message: error.message, code: 'code' in error ? String(error.code) : 'none' }
}

/** Undefined where nobody has the address, or who has it has confirmed it in the meantime. */
async function prepare(tx: Tx, kind: MailKind, address: string, { User, lifetimes }: Setup) {
  const [user] = (await findBy(tx, User, { email: address })).map(readRow)
  if (user === undefined || (kind === 'verification' && user.emailVerified)) return undefined
  const hours = lifetimes[`${kind}Hours`]
  const token = await newMailToken(tx, { userId: user.id, email: user.email, purpose: PURPOSES[kind], hours })
  return { user, token, hours }
}

type Due = NonNullable<Awaited<ReturnType<typeof prepare>>>

const PATHS: Readonly<Record<Purpose, string>> = {
  verification: '/auth/email-verifications/',
  password: '/auth/password-resets/',
}

/** The text of a mail; the link in it is a secret. */
function writeMail(kind: MailKind, { user, token, hours }: Due, publicUrl: string, { mails }: Setup): Mail {
  const { passwordHash, emailVerifiedAt, invited, ...shown } = user
  const link = `${publicUrl}${PATHS[PURPOSES[kind]]}${token}`
  const text = mails[kind]?.({ user: shown, link, token, hours }) ?? USUAL[kind](link, hours)
  return { ...text, to: user.email }
}

/** Drops what has expired, and old notes. */
export const tidyMails: JobHandler<typeof users, 'tidyMails'> = async (_, { run, signal }) => {
  for (const drop of [dropExpiredTokens, dropFullAllowances, dropOldNotes])
    while (!signal.aborted && (await run(({ tx }) => drop(tx))) === BATCH);
}

/**
 * Mails of a build before, from its own table, go on as jobs, with all attempts before them: those that it has left, and those that its
 * processes post beside this build. One that such a process has in hand is not due.
 */
export const carryOldMails: JobHandler<typeof users, 'carryOldMails'> = async (_, { run, signal }) => {
  while (!signal.aborted && (await run(carry)) === BATCH);
}

async function carry(unit: Unit<typeof users>): Promise<number> {
  const mails = await unit.tx.query<{ address: string; kind: MailKind }>(
    `delete from mails where id in (
       select id from mails where due_at <= now() limit ${BATCH} for update skip locked) returning address, kind`,
  )
  for (const { address, kind } of mails) enqueueMail(kind, address, unit)
  return mails.length
}

const BATCH = 1000

async function dropExpiredTokens(tx: Tx): Promise<number> {
  const dropped = await tx.query(
    `delete from mail_tokens where token_hash in (
       select token_hash from mail_tokens where expires_at < now() limit ${BATCH} for update skip locked) returning 1 as one`,
  )
  return dropped.length
}

async function dropFullAllowances(tx: Tx): Promise<number> {
  const dropped = await tx.query(
    `delete from mail_allowances where id in (
       select id from mail_allowances where full_at < now() limit ${BATCH} for update skip locked) returning 1 as one`,
  )
  return dropped.length
}

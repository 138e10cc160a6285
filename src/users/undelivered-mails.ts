import type { Command, Tx } from '../service/index.ts'
import type { users } from './base.ts'
import type { MailKind } from './mail-texts.ts'

const DAYS = 30

export interface UndeliveredMail {
  readonly to: string
  readonly kind: MailKind
  readonly attempts: number
}

/** Notes a mail that will not be sent any more; of one kind to one address the last. */
export async function noteUndelivered(tx: Tx, { to, kind, attempts }: UndeliveredMail, reason: string): Promise<void> {
  await tx.query(
    `insert into undelivered_mails (address, kind, attempts, reason) values ($1, $2, $3, $4)
     on conflict (lower(address), kind) do update
       set attempts = excluded.attempts, reason = excluded.reason, created_at = now()`,
    [to, kind, attempts, reason],
  )
}

/** Answers how many; a thousand at most. */
export async function dropOldNotes(tx: Tx): Promise<number> {
  const dropped = await tx.query(
    `delete from undelivered_mails where id in (
       select id from undelivered_mails where created_at < now() - interval '${DAYS} days' limit 1000 for update skip locked)
     returning 1 as one`,
  )
  return dropped.length
}

/** `lintel mails undelivered`: whom a mail server refused, and what it said. */
export const listUndelivered: Command<typeof users> = {
  about: `List mails of the last ${DAYS} days that were rejected or given up, newest first.`,
  async run({ tx }) {
    const rows = await tx.query<UndeliveredMail & { reason: string; at: string }>(
      `select address as "to", kind, attempts, reason, to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as at
       from undelivered_mails order by created_at desc, id desc limit 1000`,
    )
    if (rows.length === 0) return 'No undelivered mails'
    return rows
      .map(({ at, to, kind, attempts, reason }) => `${at} ${to} ${kind}, after ${attempts}: ${oneLine(reason)}`)
      .join('\n')
  },
}

/** A server chooses its words: none of them begins a line, or is a command to a terminal. */
function oneLine(reason: string): string {
  return reason.replace(/[\p{Cc}\s]+/gu, ' ')
}

import { createHash, randomBytes } from 'node:crypto'
import { encodeId, find, Problem, readRow, type Tx, type Unit, uuidOf } from '../service/index.ts'
import { User, type users } from './base.ts'

export type Purpose = 'verification' | 'password'

export interface TokenOf {
  /** The uuid. */
  readonly userId: string
  readonly email: string
  readonly purpose: Purpose
  readonly hours: number
}

/** Makes a token that goes by mail. Only its hash is kept (R-AUTH-6); earlier ones stay good until their time or their use. */
export async function newMailToken(tx: Tx, { userId, email, purpose, hours }: TokenOf): Promise<string> {
  const token = randomBytes(32).toString('base64url')
  await tx.query(
    `insert into mail_tokens (token_hash, user_id, purpose, email, expires_at)
     values ($1, $2, $3, $4, now() + $5 * interval '1 hour')`,
    [hashOf(token), uuidOf(User, userId), purpose, email, hours],
  )
  return token
}

/** Spends a token: the user whose mail it came by, locked. One that is unknown, spent or expired is a NOT_FOUND. */
export async function spendMailToken(purpose: Purpose, token: string, { tx }: Unit<typeof users>) {
  const userId = await userOf(purpose, token, tx)
  const row = await find(tx, User, userId, 'for update')
  if (!row) throw new Problem('NOT_FOUND')
  const user = readRow(row)
  // It shows who reads the mail of an address, so it is no good once the user has another address.
  const spent = await tx.query(
    `delete from mail_tokens where token_hash = $1 and purpose = $2 and expires_at > now() and lower(email) = lower($3)
     returning 1 as spent`,
    [hashOf(token), purpose, user.email],
  )
  if (spent.length === 0) throw new Problem('NOT_FOUND')
  return user
}

/** The id of the user that a token was mailed to; a NOT_FOUND where it is no good. */
export async function userOf(purpose: Purpose, token: string, db: Unit['read']): Promise<string> {
  const [found] = await db.query<{ user_id: string }>(
    'select user_id from mail_tokens where token_hash = $1 and purpose = $2 and expires_at > now()',
    [hashOf(token), purpose],
  )
  if (!found) throw new Problem('NOT_FOUND')
  return encodeId('usr', found.user_id)
}

/** Links that somebody else may have asked for are no way around a password that the user has just chosen. */
export async function voidPasswordTokens(userId: string, { tx }: Unit<typeof users>): Promise<void> {
  await tx.query(`delete from mail_tokens where user_id = $1 and purpose = 'password'`, [uuidOf(User, userId)])
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

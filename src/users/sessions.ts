import { createHash, createHmac } from 'node:crypto'
import {
  encodeId,
  type HandlerOf,
  newId,
  type OperationHandler,
  Problem,
  type Tx,
  type Unit,
  uuidOf,
} from '../service/index.ts'
import { Session, User, type users } from './base.ts'
import { FAMILIAR_DAYS } from './limit-account.ts'
import type { Setup } from './setup.ts'
import { issueTokens, openRefreshToken, type TokenUser } from './tokens.ts'

type UsersUnit = Unit<typeof users>

/** How long a spent token still gives its successor: for a client that lost the answer, and for parallel requests. */
const GRACE_MS = 10_000

/** Begins a session and answers its first tokens. */
export async function beginSession(user: TokenUser, { tx, read }: UsersUnit, setup: Setup) {
  const sid = newId('ses')
  const jti = newId('tok')
  await tx.query(
    `insert into sessions (id, user_id, token_hash, expires_at) values ($1, $2, $3, now() + $4 * interval '1 day')`,
    [uuidOf(Session, sid), uuidOf(User, user.id), hashOf(jti), setup.lifetimes.sessionDays],
  )
  await sweep(tx, setup)
  return issueTokens(user, sid, jti, read, setup)
}

/**
 * Spends a refresh token for its successor, in one step: the session's row is locked. A spent one gives the same successor
 * for 10 s while that is unused; any later, it was stolen or leaked, and its whole family ends (R-AUTH-3).
 */
export const refreshTokens =
  (setup: Setup): OperationHandler<typeof users, 'refresh'> =>
  async ({ body }, unit) => {
    const { tx, read } = unit
    const { jti } = await openRefreshToken(body.refreshToken, unit)
    const session = await sessionOf(hashOf(jti), unit)
    const next = await successorOf(jti, read)
    if (session.current)
      await tx.query(
        `with spent as (insert into spent_tokens (token_hash, session_id) values ($2, $1))
       update sessions set token_hash = $3, previous_hash = $2, rotated_at = now(), updated_at = now(),
         expires_at = now() + $4 * interval '1 day'
       where id = $1`,
        [session.id, hashOf(jti), hashOf(next), setup.lifetimes.sessionDays],
      )
    else if (!session.again) {
      unit.security.rejected('token.reused', { account: session.user.id })
      await endSessions('id = $1', session.id, unit)
      throw new Problem('INVALID_TOKEN', undefined, { commits: true })
    }
    return issueTokens(session.user, encodeId('ses', session.id), next, read, setup)
  }

/** Ends the token's session; one that has ended already is no fault (R-AUTH-4). */
export const logOut: OperationHandler<typeof users, 'logout'> = async ({ body }, unit) => {
  const { jti } = await openRefreshToken(body.refreshToken, unit)
  const hash = hashOf(jti)
  await endSessions(
    'id in (select id from sessions where token_hash = $1 union select session_id from spent_tokens where token_hash = $1)',
    hash,
    unit,
  )
}

export const endSession: HandlerOf<typeof users, 'sessions', 'delete'> = async ({ params }, unit) => {
  const ended = await endSessions('id = $1', uuidOf(Session, params.id), unit)
  if (ended === 0) throw new Problem('NOT_FOUND')
}

export function endSessionsOfUser(userId: string, unit: UsersUnit): Promise<number> {
  return endSessions('user_id = $1', uuidOf(User, userId), unit)
}

/** Access tokens of these roles' user with other roles are no longer believed. */
export async function revokeOtherRoles(userId: string, roles: readonly string[], { tx }: UsersUnit): Promise<void> {
  await tx.query('insert into revocations (user_id, roles) values ($1, $2)', [
    uuidOf(User, userId),
    JSON.stringify(roles),
  ])
}

export const revocations =
  ({ lifetimes }: Setup): OperationHandler<typeof users, 'revocations'> =>
  async (_, { read }) => {
    // A little more than an access token lives.
    const rows = await read.query<{ session_id: string | null; user_id: string | null; roles: string[] | null }>(
      `select session_id, user_id, roles from revocations where created_at > now() - $1 * interval '1 minute' order by id`,
      [lifetimes.accessTokenMinutes + 1],
    )
    return {
      sessions: rows.flatMap(({ session_id }) => (session_id === null ? [] : [encodeId('ses', session_id)])),
      roles: rows.flatMap(({ user_id, roles }) =>
        user_id === null || roles === null ? [] : [{ userId: encodeId('usr', user_id), roles }],
      ),
    }
  }

async function endSessions(where: string, value: string, { tx, emit, security }: UsersUnit): Promise<number> {
  const ended = await tx.query<{ id: string; user_id: string }>(
    `with ended as (delete from sessions where ${where} returning id, user_id),
       revoked as (insert into revocations (session_id) select id from ended)
     select id, user_id from ended`,
    [value],
  )
  for (const { id, user_id } of ended) emit('session.ended', encodeId('ses', id), { userId: encodeId('usr', user_id) })
  // All of them are of one user.
  const [first] = ended
  if (first) security.done('sessions.ended', { account: encodeId('usr', first.user_id), sessions: ended.length })
  return ended.length
}

interface LockedSession {
  readonly id: string
  readonly current: boolean
  readonly again: boolean
  readonly user: TokenUser
}

/** The session that a token is or was of, locked: of 50 who show one token, each sees what the one before it did. */
async function sessionOf(hash: string, { tx, security }: UsersUnit): Promise<LockedSession> {
  const [found] = await tx.query<{ id: string }>(
    'select id from sessions where token_hash = $1 union select session_id from spent_tokens where token_hash = $1',
    [hash],
  )
  const [locked] = await tx.query<{ id: string; user_id: string; current: boolean; again: boolean }>(
    `select id, user_id, token_hash = $2 as current,
       coalesce(previous_hash = $2 and rotated_at > now() - interval '${GRACE_MS} milliseconds', false) as again
     from sessions where id = $1 and expires_at > now() for update`,
    [found?.id ?? null, hash],
  )
  const [user] = await tx.query<TokenUser>(
    `select lintel.typeid('usr', id) as id, email, roles from active_users where id = $1`,
    [locked?.user_id ?? null],
  )
  if (!locked || !user) {
    security.repeated('token.rejected', { reason: 'its session has ended' })
    throw new Problem('INVALID_TOKEN')
  }
  return { id: locked.id, current: locked.current, again: locked.again, user }
}

/** Follows from the token and a secret: so the same again for whoever shows the token again, and nothing is kept. */
async function successorOf(jti: string, read: UsersUnit['read']): Promise<string> {
  const [secret] = await read.query<{ value: string }>(`select value from lintel.secrets where name = 'refresh'`)
  if (!secret) throw new Error('lintel.secrets has no "refresh": apply the migrations')
  const bytes = createHmac('sha256', secret.value).update(jti).digest().subarray(0, 16)
  // The bits of UUIDv8, for values of one's own making (RFC 9562, 5.8).
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return encodeId('tok', hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'))
}

function hashOf(jti: string): string {
  return createHash('sha256').update(jti).digest('base64url')
}

/** What has run out goes a little at a time, with each login; what another login has in hand is left to it. */
async function sweep(tx: Tx, { lifetimes }: Setup): Promise<void> {
  const forget = (table: string, key: string, old: string) =>
    tx.query(
      `delete from ${table} where ${key} in (select ${key} from ${table} where ${old} limit 10 for update skip locked)`,
    )
  await forget('sessions', 'id', 'expires_at < now()')
  // A token that was spent so long ago has expired: it is refused without this.
  await forget('spent_tokens', 'token_hash', `spent_at < now() - interval '${lifetimes.sessionDays + 1} days'`)
  await forget('familiar_networks', 'id', `seen_at < now() - interval '${FAMILIAR_DAYS} days'`)
  await forget('revocations', 'id', `created_at < now() - interval '2 hours'`)
}

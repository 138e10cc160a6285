import type { Database, Queryable } from './pool.ts'
import type { Cells } from './row.ts'
import { type OutboxEvent, transaction } from './transaction.ts'

/** An event as it travels: `id` is a UUID, `data` JSON text, `occurredAt` RFC 3339. */
export interface CarriedEvent extends OutboxEvent {
  readonly id: string
  readonly occurredAt: string
}

/** An event that a relay has in hand; `position` is its place in the outbox. */
export interface ClaimedEvent extends CarriedEvent {
  readonly position: string
}

export interface ClaimOptions {
  /** Who claims: a UUID of the relay's own. */
  readonly by: string
  readonly limit: number
  /** After so long another relay may claim what was neither marked nor released. */
  readonly leaseMs: number
}

/**
 * Claims the oldest unpublished events, in the order in which each aggregate's were committed. An aggregate of which any
 * event is in another's hands is left alone as a whole: SKIP LOCKED alone would let one relay overtake another.
 *
 * Never "position > last": positions are given before the commit, and a slow transaction with a lower one may commit later.
 */
export async function claimOutbox(database: Database, { by, limit, leaseMs }: ClaimOptions): Promise<ClaimedEvent[]> {
  const rows = await transaction(database, async (tx) => {
    // Claims go one after another, and each sees what the one before it claimed; publishing goes on side by side.
    const [, , claimed] = await Promise.all([
      tx.cells(PLAN),
      tx.cells(`select pg_advisory_xact_lock(hashtextextended('lintel.outbox', 0))`),
      tx.cells(CLAIM, [limit, leaseMs, by]),
    ])
    return claimed
  })
  return rows
    .map(([position, ...columns]) => ({ position: position!, ...eventOf(columns) }))
    .sort((a, b) => Number(a.position) - Number(b.position))
}

/** Of the columns id, type, aggregate, time, data and headers. */
export function eventOf(columns: Cells): CarriedEvent {
  const [id, type, aggregateId, occurredAt, data, headers] = columns
  return {
    id: id!,
    type: type!,
    aggregateId: aggregateId!,
    occurredAt: occurredAt!,
    data: data!,
    headers: headers ?? undefined,
  }
}

/** RFC 3339, as every time of the API. */
export const RFC_3339 = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`

/**
 * How full an outbox is changes faster than what the planner knows of it: left to itself it reads all that waits, to take
 * the first 500 (100 ms for 100,000). So it has to walk the index in order, and to look at each aggregate by another.
 */
const PLAN = `select ${['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin', 'material', 'sort']
  .map((way) => `set_config('enable_${way}', 'off', true)`)
  .join(', ')}`

const CLAIM = `
with due as (
  select position from lintel.outbox o
  where published_at is null and (claimed_until is null or claimed_until < statement_timestamp())
    and not exists (
      select from lintel.outbox held where held.aggregate_id = o.aggregate_id and held.published_at is null
        and held.claimed_until is not null and held.claimed_until >= statement_timestamp())
  order by position limit $1
)
update lintel.outbox o set claimed_until = statement_timestamp() + $2 * interval '1 millisecond', claimed_by = $3
from due where o.position = due.position
returning o.position, id, type, aggregate_id, to_char(created_at, ${RFC_3339}), data, headers`

/** What LISTEN hears when there are events to publish or to handle that this process could not know of. */
export const COMMITTED = 'lintel_events'

/**
 * Wakes relays and consumers in other processes. Outside the transaction of the change: NOTIFY makes commits of a whole
 * server wait for each other.
 */
export async function notifyCommitted(db: Queryable): Promise<void> {
  await db.cells(`notify ${COMMITTED}`)
}

/**
 * Notes that the carrier has these, as far as they are still the relay's. Of one that was paused for longer than its claim
 * nothing is believed: the carrier may have lost by now what it took from it, and another publishes them again.
 */
export async function markPublished(db: Queryable, by: string, events: readonly ClaimedEvent[]): Promise<void> {
  await db.cells(
    `update lintel.outbox set published_at = statement_timestamp(), claimed_until = null, claimed_by = null
     where position = any($1::bigint[]) and published_at is null and claimed_by = $2`,
    [events.map(({ position }) => position), by],
  )
}

/** Gives back what a relay could not publish, so that nobody has to wait for the end of its claim. */
export async function releaseOutbox(db: Queryable, by: string): Promise<void> {
  await db.cells(
    'update lintel.outbox set claimed_until = null, claimed_by = null where claimed_by = $1 and published_at is null',
    [by],
  )
}

export interface OutboxState {
  /** Unpublished events, counted to 100,000. */
  readonly waiting: number
  /** Age of the oldest of them; 0 without one. */
  readonly oldestMs: number
}

export async function outboxState(db: Queryable): Promise<OutboxState> {
  const [state] = await db.query<{ waiting: number; oldest_ms: number }>(
    `select (select count(*) from (select from lintel.outbox where published_at is null limit 100000) w) as waiting,
       coalesce((select greatest(extract(epoch from now() - created_at) * 1000, 0) from lintel.outbox
         where published_at is null order by position limit 1), 0) as oldest_ms`,
  )
  return { waiting: state!.waiting, oldestMs: Math.round(state!.oldest_ms) }
}

const BATCH = 1000

/**
 * Has everything that was published since a moment published again, for a carrier that lost what it had acknowledged
 * (R-EVT-5); consumers pass over what they know. Answers how many.
 */
export async function resendOutbox(db: Queryable, since: string): Promise<number> {
  // What a relay publishes while this goes on is no part of it: it would never end.
  const [{ until }] = (await db.query<{ until: string }>('select statement_timestamp()::text as until')) as [
    { until: string },
  ]
  // In the order of their positions: whatever of it a relay claims meanwhile, each aggregate's events stay in order.
  return inBatches(() =>
    db.query(
      `update lintel.outbox set published_at = null, claimed_until = null, claimed_by = null where position in (
         select position from lintel.outbox where published_at is not null and published_at >= $1 and published_at < $2
         order by position limit ${BATCH} for update)
       returning 1 as again`,
      [since, until],
    ),
  )
}

/** Published events go after the retention (R-EVT-5); those that no carrier has, never. Answers how many went. */
export function sweepOutbox(db: Queryable, retentionMs: number): Promise<number> {
  return inBatches(() =>
    db.query(
      `delete from lintel.outbox where position in (
         select position from lintel.outbox where published_at < now() - $1 * interval '1 millisecond'
         limit ${BATCH} for update skip locked)
       returning 1 as gone`,
      [retentionMs],
    ),
  )
}

/** A statement that takes BATCH rows at a time, until it finds fewer. */
export async function inBatches(statement: () => Promise<readonly unknown[]>): Promise<number> {
  for (let all = 0; ; ) {
    const { length } = await statement()
    all += length
    if (length < BATCH) return all
  }
}

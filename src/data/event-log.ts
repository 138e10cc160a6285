import { type CarriedEvent, eventOf, inBatches, RFC_3339 } from './outbox.ts'
import type { Database, Queryable } from './pool.ts'
import { transaction } from './transaction.ts'

/** The tables of the carrier on PostgreSQL, in a database of its own. */
export const CARRIER_MIGRATIONS = new URL('./carrier-migrations/', import.meta.url)

/** What LISTEN hears when events were appended. */
export const APPENDED = 'messages'

const LOCK = `select pg_advisory_xact_lock(hashtextextended('messages', 0))`

/** Appends events of a service to the log, in this order; those that are there already stay where they are. */
export async function appendToLog(database: Database, from: string, events: readonly CarriedEvent[]): Promise<void> {
  await transaction(database, (tx) =>
    Promise.all([
      // One writer at a time until its commit: so what a reader has not seen is behind what it has, and "after the last
      // position" is right here, where it would be wrong for an outbox.
      tx.cells(LOCK),
      tx.cells(
        `insert into messages (service, id, type, aggregate_id, occurred_at, data, headers)
         select $7, id, type, aggregate_id, occurred_at, data, headers
         from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::json[], $6::json[])
           with ordinality as e (id, type, aggregate_id, occurred_at, data, headers, place)
         order by place on conflict (id) do nothing`,
        [
          events.map(({ id }) => id),
          events.map(({ type }) => type),
          events.map(({ aggregateId }) => aggregateId),
          events.map(({ occurredAt }) => occurredAt),
          events.map(({ data }) => data),
          events.map(({ headers }) => headers ?? null),
          from,
        ],
      ),
      tx.cells(`notify ${APPENDED}`),
    ]),
  )
}

/** Makes a consumer known, from the beginning of what is kept or from `since` on; one that is known stays where it is. */
export async function subscribeToLog(
  database: Database,
  { name, start, since }: { name: string; start: 'beginning' | 'now'; since: string },
): Promise<void> {
  await transaction(database, (tx) =>
    Promise.all([
      tx.cells(LOCK),
      tx.cells(
        `insert into subscriptions (name, position)
         values ($1, coalesce((select max(position) from messages where published_at < $2), 0))
         on conflict (name) do nothing`,
        [name, start === 'now' ? since : '-infinity'],
      ),
    ]),
  )
}

export interface LoggedEvent extends CarriedEvent {
  /** The service that published it. */
  readonly from: string
  readonly position: string
}

/** How far a consumer has come; undefined for one that is not known. */
export async function positionInLog(db: Queryable, name: string): Promise<string | undefined> {
  const [row] = await db.cells('select position from subscriptions where name = $1', [name])
  return row?.[0] ?? undefined
}

/** The next events after a position, of whatever type. */
export async function readLog(db: Queryable, position: string, limit: number): Promise<LoggedEvent[]> {
  const rows = await db.cells(
    `select position, service, id, type, aggregate_id, to_char(occurred_at, ${RFC_3339}), data, headers
     from messages
     where position > $1 order by position limit $2`,
    [position, limit],
  )
  return rows.map(([place, from, ...columns]) => ({ position: place!, from: from!, ...eventOf(columns) }))
}

/** Notes how far a consumer has come; never back. */
export async function acknowledgeInLog(db: Queryable, name: string, position: string): Promise<void> {
  await db.cells('update subscriptions set position = $2 where name = $1 and position < $2', [name, position])
}

/** Answers how many went. */
export function sweepLog(db: Queryable, retentionMs: number): Promise<number> {
  return inBatches(() =>
    db.query(
      `delete from messages where position in (
         select position from messages where published_at < now() - $1 * interval '1 millisecond'
         limit 1000 for update skip locked)
       returning 1 as gone`,
      [retentionMs],
    ),
  )
}

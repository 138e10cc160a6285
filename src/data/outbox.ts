import { isoTime } from './columns.ts'
import type { OutboxEvent } from './open-transaction.ts'
import type { Queryable } from './pool.ts'
import type { Cells } from './row.ts'

/** An event as it travels: `id` is a UUID, `data` JSON text, `occurredAt` RFC 3339. */
export interface CarriedEvent extends OutboxEvent {
  readonly id: string
  readonly occurredAt: string
}

/** An event in the outbox; `position` is its place there. */
export interface StoredEvent extends CarriedEvent {
  readonly position: string
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

/** Of the same behind a position; the time is RFC 3339 made here, for a third of what PostgreSQL takes. */
export function storedEventOf([position, id, type, aggregateId, createdAt, data, headers]: Cells): StoredEvent {
  return {
    position: position!,
    id: id!,
    type: type!,
    aggregateId: aggregateId!,
    occurredAt: timeOf(createdAt!),
    data: data!,
    headers: headers ?? undefined,
  }
}

/** One that RFC 3339 does not have, such as `infinity`, stays as it is: it must not hold up what comes behind it. */
function timeOf(text: string): string {
  try {
    return isoTime(text)
  } catch {
    return text
  }
}

/** RFC 3339, as every time of the API. */
export const RFC_3339 = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`

/** What LISTEN hears when there are events to publish or to handle that this process could not know of. */
export const COMMITTED = 'lintel_events'
/** The same when there are events to read. The payload says which process knows. */
export const TO_READ = 'lintel_feed'

/**
 * Wakes relays, consumers and readers in other processes. Outside the transaction of the change: NOTIFY makes commits of a whole
 * server wait for each other.
 */
export async function notifyCommitted(db: Queryable): Promise<void> {
  await db.cells(`select pg_notify('${COMMITTED}', ''), pg_notify('${TO_READ}', '')`)
}

/** Wakes readers in other processes. */
export async function notifyReaders(db: Queryable, by: string): Promise<void> {
  await db.cells(`select pg_notify('${TO_READ}', $1)`, [by])
}

/** `/health` asks every second how many events wait: a million are not counted for that (FC-81). */
export const COUNTED_TO = 10_000

export interface OutboxState {
  /** Events that no carrier has, counted to `COUNTED_TO`. */
  readonly waiting: number
  /** Age of the oldest of them; 0 without one. */
  readonly oldestMs: number
}

export const NOTHING_WAITS: OutboxState = { waiting: 0, oldestMs: 0 }

export async function outboxState(db: Queryable): Promise<OutboxState> {
  const [state] = await db.query<{ waiting: number; oldest_ms: number }>(
    `select (select count(*) from (select from lintel.outbox where position > r.position
         order by position limit ${COUNTED_TO}) w) as waiting,
       coalesce((select greatest(extract(epoch from now() - created_at) * 1000, 0) from lintel.outbox
         where position > r.position order by position limit 1), 0) as oldest_ms
     from lintel.readers r where reader = 'relay'`,
  )
  return { waiting: state!.waiting, oldestMs: Math.round(state!.oldest_ms) }
}

const BATCH = 1000

/** A statement that takes BATCH rows at a time, until it finds fewer, or is to stop. */
export async function inBatches(
  statement: () => Promise<readonly unknown[]>,
  signal?: AbortSignal | undefined,
): Promise<number> {
  for (let all = 0; ; ) {
    const { length } = await statement()
    all += length
    if (length < BATCH || signal?.aborted) return all
  }
}

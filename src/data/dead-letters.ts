import { RFC_3339 } from './outbox.ts'
import type { Queryable } from './pool.ts'

/** An event whose handler failed for the last time. It holds up what its aggregate sent after it, and nothing else. */
export interface DeadLetter {
  readonly consumer: string
  /** A UUID. */
  readonly eventId: string
  readonly type: string
  readonly aggregateId: string
  readonly occurredAt: string
  readonly deadAt: string
  readonly attempts: number
  /** What the last failure said. */
  readonly error: string
  /** How many events of its aggregate wait behind it. */
  readonly waiting: number
  /** JSON text. */
  readonly data: string
  /** What went with it besides, as JSON text: the request that caused it. */
  readonly headers: string | null
}

/** Which dead letters are meant: all of them if empty. */
export interface DeadLetterFilter {
  readonly consumer?: string | undefined
  /** A UUID. */
  readonly eventId?: string | undefined
}

const MEANT = `done_at is null and dead_at is not null and ($1::text is null or consumer = $1) and ($2::uuid is null or event_id = $2)`

/** The oldest first; at most `limit`. */
export function listDead(db: Queryable, { consumer, eventId }: DeadLetterFilter, limit: number): Promise<DeadLetter[]> {
  return db.query<DeadLetter>(
    `select consumer, event_id as "eventId", type, aggregate_id as "aggregateId",
       to_char(occurred_at, ${RFC_3339}) as "occurredAt", to_char(dead_at, ${RFC_3339}) as "deadAt", attempts, error,
       (select count(*) from lintel.inbox later where later.consumer = i.consumer
         and later.aggregate_id = i.aggregate_id and later.done_at is null and later.position > i.position) as waiting,
       data::text, headers::text
     from lintel.inbox i where ${MEANT} order by position limit $3`,
    [consumer ?? null, eventId ?? null, limit],
  )
}

/** Has them tried again, from the first attempt; answers how many. */
export async function resendDead(db: Queryable, { consumer, eventId }: DeadLetterFilter): Promise<number> {
  const again = await db.cells(
    `update lintel.inbox set dead_at = null, attempts = 0, due_at = now() where ${MEANT} returning 1`,
    [consumer ?? null, eventId ?? null],
  )
  return again.length
}

/** Gives them up: what waits behind them goes on. Answers how many. */
export async function dropDead(db: Queryable, { consumer, eventId }: DeadLetterFilter): Promise<number> {
  const dropped = await db.cells(
    `update lintel.inbox set done_at = now(), data = null, headers = null where ${MEANT} returning 1`,
    [consumer ?? null, eventId ?? null],
  )
  return dropped.length
}

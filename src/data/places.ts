import { RFC_3339 } from './outbox.ts'
import type { Queryable } from './pool.ts'
import type { Place } from './readers.ts'

/** How far a consumer has read the outbox of the service that publishes. Kept beside its inbox. */
export interface ConsumerPlace {
  /** Undefined where it has read nothing yet. */
  readonly place: Place | undefined
  /** Where it has: from which time on it reads; RFC 3339. Everything that is kept if undefined. */
  readonly since: string | undefined
  /** Of its lease: whoever has another may not move the place. */
  readonly term: number
}

/**
 * The place of a consumer. One that has read nothing, and was there before, had its events from another carrier: what is older than a
 * retention it has had, and its inbox may have forgotten; what is younger the inbox knows (decision 40).
 */
export async function consumerPlace(db: Queryable, consumer: string, retentionMs: number): Promise<ConsumerPlace> {
  const [row] = await db.cells(
    `update lintel.receivers set read_since = coalesce(read_since,
       case when subscribed_at < now() - $2 * interval '1 millisecond' then now() - $2 * interval '1 millisecond' else '-infinity' end)
     where consumer = $1
     returning position, event_id, case when read_since > '-infinity' then to_char(read_since, ${RFC_3339}) end, term`,
    [consumer, retentionMs],
  )
  const [position, eventId, since, term] = row!
  return {
    place: position == null ? undefined : { position, eventId: eventId ?? undefined },
    since: since ?? undefined,
    term: Number(term),
  }
}

export async function moveConsumer(db: Queryable, consumer: string, place: Place, term: number): Promise<void> {
  await db.cells('update lintel.receivers set position = $2, event_id = $3 where consumer = $1 and term = $4', [
    consumer,
    place.position,
    place.eventId ?? null,
    term,
  ])
}

/** Has a consumer go on behind this place, whatever it has not read. */
export async function skipTo(db: Queryable, consumer: string, { position, eventId }: Place): Promise<void> {
  await db.cells('update lintel.receivers set position = $2, event_id = $3, term = term + 1 where consumer = $1', [
    consumer,
    position,
    eventId ?? null,
  ])
}

/** From which time on a consumer is to read again what a broker keeps (RFC 3339); undefined where nobody has asked for that. */
export async function toReadAgain(db: Queryable, consumer: string): Promise<string | undefined> {
  const [row] = await db.cells(
    `select to_char(read_since, ${RFC_3339}) from lintel.receivers where consumer = $1 and read_since > '-infinity'`,
    [consumer],
  )
  return row?.[0] ?? undefined
}

/** It reads again from that time on. */
export async function readsAgain(db: Queryable, consumer: string, since: string): Promise<void> {
  await db.cells('update lintel.receivers set read_since = null where consumer = $1 and read_since = $2', [
    consumer,
    since,
  ])
}

/** From now on events come from a broker: where consumers had come without one says nothing of what they have had. */
export async function forgetPlaces(db: Queryable): Promise<void> {
  await db.cells(
    `update lintel.receivers set position = null, event_id = null, read_since = null
     where position is not null or read_since = '-infinity'`,
  )
}

/**
 * Has consumers read again what was published since then; whoever reads now begins anew. What is done is passed over. Answers how many
 * consumers those are.
 */
export async function readAgain(db: Queryable, since: string | undefined, consumer?: string): Promise<number> {
  const set = await db.cells(
    `update lintel.receivers set position = null, event_id = null, read_since = $1, term = term + 1
     where $2::text is null or consumer = $2 returning 1`,
    [since ?? null, consumer ?? null],
  )
  return set.length
}

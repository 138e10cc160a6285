import type { StoredEvent } from './outbox.ts'
import type { Queryable } from './pool.ts'

/** How far a reader of an outbox has come: behind this event. At the beginning the position is 0, and there is none. */
export interface Place {
  readonly position: string
  readonly eventId: string | undefined
}

/** Who takes events to a broker. */
export const RELAY = 'relay'

export const BEGINNING: Place = { position: '0', eventId: undefined }

export function placeBehind({ position, id }: StoredEvent): Place {
  return { position, eventId: id }
}

/** Behind the last event that stands there. */
export async function lastPlace(db: Queryable): Promise<Place> {
  const [last] = await db.cells('select position, id from lintel.outbox order by position desc limit 1')
  return last ? { position: last[0]!, eventId: last[1]! } : BEGINNING
}

/** Notes where a reader stands that keeps its place elsewhere. */
export async function notePlace(db: Queryable, reader: string, { position, eventId }: Place): Promise<void> {
  await db.cells(
    `insert into lintel.readers as r (reader, position, event_id) values ($1, $2, $3)
     on conflict (reader) do update set position = excluded.position, event_id = excluded.event_id
     where r.position <> excluded.position`,
    [reader, position, eventId ?? null],
  )
}

/** Which of these readers have not read events that are older than a retention: they are kept for them. */
export async function overdueReaders(
  db: Queryable,
  readers: readonly string[],
  retentionMs: number,
): Promise<string[]> {
  const rows = await db.cells(
    `select name from unnest($1::text[]) name left join lintel.readers r on r.reader = name, lateral (
       select created_at from lintel.outbox o where o.position > coalesce(r.position, 0) order by o.position limit 1) next
     where next.created_at < now() - $2 * interval '1 millisecond' order by name`,
    [readers, retentionMs],
  )
  return rows.map(([name]) => name!)
}

/** Where a reader stands; undefined where that event is still the last, and there is nothing to read. */
export async function placeOf(db: Queryable, reader: string): Promise<Place | undefined> {
  const [row] = await db.cells(
    `select position, event_id from lintel.readers r
     where reader = $1 and (position < pg_sequence_last_value('lintel.outbox_position_seq')
       or event_id is not null and not exists (select from lintel.outbox o where o.position = r.position and o.id = r.event_id))`,
    [reader],
  )
  return row && { position: row[0]!, eventId: row[1] ?? undefined }
}

export interface HoldOptions {
  readonly reader: string
  /** Who reads: a UUID of the process's own. */
  readonly holder: string
  readonly leaseMs: number
}

/** Takes the right to move a place; false while another process has it, and when the place is no longer this one. */
export async function holdPlace(
  db: Queryable,
  place: Place,
  { reader, holder, leaseMs }: HoldOptions,
): Promise<boolean> {
  const held = await db.cells(
    `update lintel.readers set holder = $2, held_until = statement_timestamp() + $3 * interval '1 millisecond'
     where reader = $1 and (holder = $2 or held_until < statement_timestamp())
       and position = $4 and event_id is not distinct from $5 returning 1`,
    [reader, holder, leaseMs, place.position, place.eventId ?? null],
  )
  return held.length > 0
}

/**
 * Moves a place, and keeps the right to do so for another `leaseMs`; gives it up where that is 0. False when another process has
 * it, or the place was set back meanwhile: then nothing has changed. `mark` notes where the reader was at this time.
 */
export async function movePlace(
  db: Queryable,
  { position, eventId }: Place,
  { reader, holder, leaseMs, mark = false }: HoldOptions & { readonly mark?: boolean },
): Promise<boolean> {
  const [row] = await db.cells(MOVE, [reader, holder, leaseMs, position, eventId ?? null, mark])
  return row![0] === '1'
}

/** It waits for no disk: after a crash what was read since is read again, and passed over. */
const MOVE = `
with moved as (
  update lintel.readers set position = $4, event_id = $5, holder = case when $3 > 0 then $2::uuid end,
    held_until = case when $3 > 0 then statement_timestamp() + $3 * interval '1 millisecond' else '-infinity' end
  where reader = $1 and holder = $2
  returning position, event_id
), marked as (
  insert into lintel.reader_marks (reader, position, event_id)
  select $1, position, event_id from moved where $6 and event_id is not null on conflict do nothing
)
select count(*), set_config('synchronous_commit', 'off', true) from moved`

/**
 * Sets a reader back to where it was at a time, so that it reads again what it has read since (R-EVT-5); to the beginning of what is
 * kept where that is not known. Whoever reads now is stopped. Answers how many events that are.
 */
export async function setBack(db: Queryable, reader: string, since: string): Promise<number> {
  const [row] = await db.cells(SET_BACK, [reader, since])
  return Number(row![0])
}

const SET_BACK = `
with before as (
  select position, event_id from lintel.readers where reader = $1
), mark as (
  select position, event_id from lintel.reader_marks where reader = $1 and marked_at <= $2
    and exists (select from lintel.outbox o where o.position = reader_marks.position and o.id = reader_marks.event_id)
  order by marked_at desc limit 1
), target as (
  select least(coalesce((select position from mark), 0), before.position) as position from before
), moved as (
  update lintel.readers r set position = target.position, holder = null, held_until = '-infinity',
    event_id = (select id from lintel.outbox o where o.position = target.position)
  from target where reader = $1
)
select count(*) from lintel.outbox o, before, target where o.position > target.position and o.position <= before.position`

/** What `lintel events resend` can no longer mean goes. */
export async function sweepMarks(db: Queryable, retentionMs: number): Promise<void> {
  await db.cells(`delete from lintel.reader_marks where marked_at < now() - $1 * interval '1 millisecond'`, [
    retentionMs,
  ])
}

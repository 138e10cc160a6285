import type { CarriedEvent } from './outbox.ts'
import type { Queryable } from './pool.ts'
import type { Step } from './text-query.ts'

/** What an inbox says of events that have arrived, and are in none yet. */
export interface Arrivals {
  /** False where somebody else receives by now. */
  readonly isHeld: boolean
  /** Ids of those that were here before. */
  readonly known: ReadonlySet<string>
  /** Aggregates of which others wait, or are dead: what comes later for them stands behind those. */
  readonly heldUp: ReadonlySet<string>
}

export async function lookUpArrivals(
  database: Queryable,
  consumer: string,
  holder: string,
  events: readonly CarriedEvent[],
): Promise<Arrivals> {
  const ids = `{${events.map(({ id }) => id).join()}}`
  const aggregates = JSON.stringify([...new Set(events.map(({ aggregateId }) => aggregateId))])
  const [[held, known, heldUp]] = (await database.cells(LOOK_UP, [consumer, holder, ids, aggregates])) as [string[]]
  return { isHeld: held === 't', known: new Set(JSON.parse(known!)), heldUp: new Set(JSON.parse(heldUp!)) }
}

/**
 * OFFSET 0 keeps the planner from a join that reads all that waits. Whether anything waits at all is not asked first: behind a backlog that
 * is done the index says so of each of its rows, until it is vacuumed.
 */
const LOOK_UP = `
select exists (select from lintel.receivers where consumer = $1 and holder = $2),
  array_to_json(array(select event_id from lintel.inbox where consumer = $1 and event_id = any($3::uuid[]))),
  array_to_json(array(select one from json_array_elements_text($4::json) one where exists (
    select from lintel.inbox where consumer = $1 and aggregate_id = one and done_at is null offset 0)))`

/**
 * Notes that events are done, in the transaction of their effects: what they said never was in the inbox. Fails where somebody else
 * receives by now, or has one of them in the inbox, which undoes the effects.
 */
export function noteArrivals(consumer: string, holder: string, events: readonly CarriedEvent[]): Step {
  return { text: NOTE, values: [consumer, holder, `{${events.map(({ id }) => id).join()}}`] }
}

/** The unique key refuses what is there: ON CONFLICT takes a fifth more of PostgreSQL's CPU. */
const NOTE = `
with held as (select from lintel.receivers where consumer = $1 and holder = $2 for share),
done as (
  insert into lintel.inbox (consumer, event_id, done_at)
  select $1, id, statement_timestamp() from unnest($3::uuid[]) as e (id) where exists (select from held)
  returning 1
)
select 1 / count(*) from done`

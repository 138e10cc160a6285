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
  tx: Queryable,
  consumer: string,
  holder: string,
  events: readonly CarriedEvent[],
): Promise<Arrivals> {
  const ids = `{${events.map(({ id }) => id).join()}}`
  const aggregates = JSON.stringify([...new Set(events.map(({ aggregateId }) => aggregateId))])
  const [[held, known, heldUp]] = (await tx.cells(LOOK_UP, [consumer, holder, ids, aggregates])) as [string[]]
  return { isHeld: held === 't', known: new Set(JSON.parse(known!)), heldUp: new Set(JSON.parse(heldUp!)) }
}

/** OFFSET 0 keeps the planner from a join that reads all that waits. */
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
  return { text: NOTE, values: [consumer, holder, `[${events.map(jsonOf).join()}]`, `${events.length}`] }
}

function jsonOf({ id, type, aggregateId, occurredAt }: CarriedEvent): string {
  return `{"id":"${id}","type":${JSON.stringify(type)},"aggregate_id":${JSON.stringify(aggregateId)},"occurred_at":"${occurredAt}"}`
}

const NOTE = `
with held as (select from lintel.receivers where consumer = $1 and holder = $2 for share),
done as (
  insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at, done_at)
  select $1, id, type, aggregate_id, occurred_at, statement_timestamp()
  from json_to_recordset($3::json) as e (id uuid, type text, aggregate_id text, occurred_at timestamptz)
  where exists (select from held)
  on conflict (consumer, event_id) do nothing
  returning 1
)
select 1 / (count(*) = $4::integer)::integer from done`

import { type CarriedEvent, COMMITTED, COUNTED_TO, eventOf, inBatches, RFC_3339 } from './outbox.ts'
import type { Queryable } from './pool.ts'
import type { Step } from './text-query.ts'

/** The right to receive for a consumer, until it expires. */
export interface ReceiverLease {
  /** Incremented whenever another process takes over; the source must then be rewound to the last acknowledged event. */
  readonly term: number
  /** When this consumer was first heard of; RFC 3339. */
  readonly since: string
}

/** Registers a consumer: it receives what is published from now on. Registering it again changes nothing. */
export async function registerConsumer(db: Queryable, consumer: string): Promise<void> {
  await db.cells('insert into lintel.receivers (consumer) values ($1) on conflict do nothing', [consumer])
}

/** Acquires or renews the lease of a consumer; while another process holds it, says in how many milliseconds that may be free: at most `leaseMs`. */
export async function acquireLease(
  db: Queryable,
  consumer: string,
  holder: string,
  leaseMs: number,
): Promise<ReceiverLease | { readonly freeInMs: number }> {
  const [row] = await db.query<ReceiverLease & { freeInMs: number | null }>(ACQUIRE, [consumer, holder, leaseMs])
  if (row === undefined) return { freeInMs: 0 }
  const { term, since, freeInMs } = row
  return freeInMs === null ? { term, since } : { freeInMs }
}

const ACQUIRE = `
with held as (
  insert into lintel.receivers as r (consumer, holder, held_until)
  values ($1, $2, statement_timestamp() + $3 * interval '1 millisecond')
  on conflict (consumer) do update set holder = excluded.holder, held_until = excluded.held_until,
    term = r.term + (case when r.holder = excluded.holder then 0 else 1 end)
  where r.holder = excluded.holder or r.held_until < statement_timestamp()
  returning term, to_char(subscribed_at, ${RFC_3339}) as since
)
select term, since, null::float8 as "freeInMs" from held
union all
select null, null, extract(epoch from least(greatest(held_until, statement_timestamp()),
  statement_timestamp() + $3 * interval '1 millisecond') - statement_timestamp()) * 1000 from lintel.receivers
where consumer = $1 and not exists (select from held)`

export async function releaseLease(db: Queryable, consumer: string, holder: string): Promise<void> {
  await db.cells(
    `with left_off as (update lintel.receivers set held_until = '-infinity' where consumer = $1 and holder = $2 returning 1)
     select pg_notify('${COMMITTED}', '') from left_off`,
    [consumer, holder],
  )
}

export interface Received {
  /** False where somebody else receives by now: nothing was stored. */
  readonly held: boolean
  /** How many were new. */
  readonly stored: number
}

/**
 * Stores events that have arrived, in this order, each once for each consumer. Only the holder may: one that was paused and
 * comes back would put what it had in hand behind what came after it.
 */
export async function receive(
  db: Queryable,
  consumer: string,
  holder: string,
  events: readonly CarriedEvent[],
): Promise<Received> {
  const [outcome] = await db.query<{ held: boolean; stored: number }>(RECEIVE, [
    consumer,
    holder,
    `[${events.map(jsonOf).join()}]`,
  ])
  return outcome!
}

/** Data and headers are JSON text as they are: one array of JSON costs a third of what arrays of texts do, which have to be escaped. */
function jsonOf({ id, type, aggregateId, occurredAt, data, headers = 'null' }: CarriedEvent): string {
  const texts = `"type":${JSON.stringify(type)},"aggregate_id":${JSON.stringify(aggregateId)}`
  return `{"id":"${id}",${texts},"occurred_at":${JSON.stringify(occurredAt)},"data":${data},"headers":${headers}}`
}

const RECEIVE = `
with held as (select from lintel.receivers where consumer = $1 and holder = $2 for share),
stored as (
  insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at, data, headers)
  select $1, id, type, aggregate_id, occurred_at, data, headers
  from rows from (json_to_recordset($3::json)
      as (id uuid, type text, aggregate_id text, occurred_at timestamptz, data json, headers json))
    with ordinality as e (id, type, aggregate_id, occurred_at, data, headers, place)
  where exists (select from held) order by place
  on conflict (consumer, event_id) do nothing
  returning 1
)
select exists (select from held) as held, (select count(*) from stored) as stored`

/** An event that a consumer is to handle. */
export interface InboxEvent extends CarriedEvent {
  readonly position: string
  /** How often it was tried before. */
  readonly attempts: number
}

/**
 * The next events of a consumer, `most` of them, locked until the transaction ends. Of one aggregate an event comes only when
 * everything before it is done: one that waits for another try, or is dead, holds up no other. An event of another type than
 * `types` is for a newer build, whose process has received it.
 */
export async function claimInbox(
  tx: Queryable,
  consumer: string,
  types: readonly string[],
  most: number,
): Promise<InboxEvent[]> {
  const rows = await tx.cells(CLAIM, [consumer, types, most])
  return rows.map(([position, attempts, ...columns]) => ({
    position: position!,
    attempts: Number(attempts),
    ...eventOf(columns),
  }))
}

/**
 * Here SKIP LOCKED is enough: the rows before it that another worker has locked are not done either, as long as that
 * worker's transaction has not committed. OFFSET 0 keeps the planner from making a join of it, which reads all that waits
 * (77 ms for 50,000) as long as nothing has told it how much that is.
 */
const CLAIM = `
select position, attempts, event_id, type, aggregate_id, to_char(occurred_at, ${RFC_3339}), data, headers
from lintel.inbox i
where consumer = $1 and done_at is null and dead_at is null and due_at <= statement_timestamp()
  and type = any($2::text[]) and not exists (
    select from lintel.inbox earlier where earlier.consumer = $1 and earlier.aggregate_id = i.aggregate_id
      and earlier.done_at is null and earlier.position < i.position offset 0)
order by position limit $3 for update skip locked`

/** Locks an event whose try is noted already; false where somebody else has it, or has tried it since. */
export async function claimNoted(tx: Queryable, consumer: string, { id, attempts }: InboxEvent): Promise<boolean> {
  const found = await tx.cells(
    `select from lintel.inbox where event_id = $1 and consumer = $2 and attempts = $3 and done_at is null
     for update skip locked`,
    [id, consumer, attempts + 1],
  )
  return found.length > 0
}

/** Notes the effects, in their transaction. What the events said is needed no more, and forgotten. */
export function finishInbox(consumer: string, events: readonly InboxEvent[]): Step {
  return {
    text: `update lintel.inbox set done_at = statement_timestamp(), dead_at = null, data = null, headers = null, error = null
      where event_id = any($1::uuid[]) and consumer = $2`,
    values: [`{${events.map(({ id }) => id).join()}}`, consumer],
  }
}

/** Notes a try as failed before it begins; false where somebody else has the event, or has tried it since. */
export async function noteTry(
  db: Queryable,
  consumer: string,
  { id, attempts }: InboxEvent,
  { error, againInMs }: Failure,
): Promise<boolean> {
  const found = await db.cells(
    `with mine as (
       select from lintel.inbox where event_id = $1 and consumer = $5 and attempts = $2 and done_at is null and dead_at is null
       for update skip locked)
     update lintel.inbox set ${FAILED} where event_id = $1 and consumer = $5 and exists (select from mine) returning 1`,
    [id, attempts, error, againInMs ?? null, consumer],
  )
  return found.length > 0
}

/** By the clock: the transaction may have begun long ago. */
const FAILED = `attempts = $2::integer + 1, error = $3,
  due_at = clock_timestamp() + coalesce($4::float8, 0) * interval '1 millisecond',
  dead_at = case when $4::float8 is null then clock_timestamp() end`

/** Takes back what was noted of a try that was cut short. */
export async function forgetNoted(tx: Queryable, consumer: string, { id, attempts }: InboxEvent): Promise<void> {
  await tx.cells(
    `update lintel.inbox set attempts = $3, error = null, due_at = clock_timestamp(), dead_at = null
     where event_id = $1 and consumer = $2 and attempts = $3::integer + 1 and done_at is null`,
    [id, consumer, attempts],
  )
}

export interface Failure {
  readonly error: string
  /** Undefined after the last try: the event is dead. */
  readonly againInMs: number | undefined
}

/**
 * Notes that a try has failed. In the transaction that has claimed the event nobody else can have it before that is known; elsewhere only
 * if nobody has tried it in between.
 */
export async function failInbox(
  tx: Queryable,
  consumer: string,
  event: InboxEvent,
  { error, againInMs }: Failure,
): Promise<void> {
  await tx.cells(
    `update lintel.inbox set ${FAILED}
     where event_id = $1 and consumer = $5 and attempts in ($2::integer, $2::integer + 1) and done_at is null`,
    [event.id, event.attempts, error, againInMs ?? null, consumer],
  )
}

/**
 * Milliseconds until the next event of a consumer is due that a claim `sinceMs` ago could not find for that reason; undefined while
 * there is none. What was due by then somebody else has in hand, and goes on behind it (FC-71); with no claim before, it counts too. An
 * event that stands behind another of its aggregate has been due for long, and is none to look for.
 */
export async function inboxRestMs(
  db: Queryable,
  consumer: string,
  types: readonly string[],
  sinceMs = Number.POSITIVE_INFINITY,
): Promise<number | undefined> {
  const [next] = await db.query<{ ms: number | null }>(
    `select extract(epoch from min(due_at) - clock_timestamp()) * 1000 as ms from (
       select due_at from lintel.inbox i
       where consumer = $1 and done_at is null and dead_at is null and type = any($2::text[])
         and ($3::float8 = 'infinity' or due_at > statement_timestamp() - $3 * interval '1 millisecond') and not exists (
         select from lintel.inbox earlier where earlier.consumer = $1 and earlier.aggregate_id = i.aggregate_id
           and earlier.done_at is null and earlier.position < i.position offset 0)
       order by position limit 1000) first`,
    [consumer, types, sinceMs],
  )
  return next?.ms ?? undefined
}

export interface InboxState {
  readonly consumer: string
  /** Events not done and not dead, counted to `COUNTED_TO`. */
  readonly waiting: number
  /** Age of the first of them, since it occurred. */
  readonly lagMs: number
  /** Counted to the same. */
  readonly dead: number
}

/** Of every consumer that the service has, or ever had. */
export function inboxState(db: Queryable): Promise<InboxState[]> {
  // In the order of an index: a table that is full of what is done must not be gone through for the few that are not.
  const counted = (which: string) => `(select count(*) from (select from lintel.inbox i
    where i.consumer = r.consumer and done_at is null and dead_at is ${which} order by position limit ${COUNTED_TO}) first)`
  return db.query<InboxState>(
    `select consumer, ${counted('null')} as waiting, ${counted('not null')} as dead,
       coalesce(round(extract(epoch from now() - (select occurred_at from lintel.inbox i
         where i.consumer = r.consumer and done_at is null and dead_at is null order by position limit 1)) * 1000), 0) as "lagMs"
     from lintel.receivers r order by consumer`,
  )
}

/** What was done goes once no carrier can bring it again: answers how many went. */
export function sweepInbox(db: Queryable, retentionMs: number, signal?: AbortSignal): Promise<number> {
  return inBatches(
    () =>
      db.query(
        `delete from lintel.inbox where (event_id, consumer) in (
         select event_id, consumer from lintel.inbox where done_at < now() - $1 * interval '1 millisecond'
         limit 1000 for update skip locked)
       returning 1 as gone`,
        [retentionMs],
      ),
    signal,
  )
}

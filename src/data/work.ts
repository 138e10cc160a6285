import { randomUUID } from 'node:crypto'
import { uuidv7 } from '../base/ids.ts'
import { isSerialisation } from './faults.ts'
import { COUNTED_TO, RFC_3339 } from './outbox.ts'
import type { Queryable } from './pool.ts'

/** A job in hand: nobody else has it until its time is over. */
export interface ClaimedJob {
  /** A UUID. */
  readonly id: string
  readonly name: string
  readonly key: string | undefined
  /** JSON text. */
  readonly data: string
  readonly headers: string | undefined
  /** RFC 3339. */
  readonly createdAt: string
  /** Which attempt this is, from 1. */
  readonly attempt: number
  /** Shows whose attempt this is. */
  readonly claim: string
}

/**
 * Of one key one is in hand, and the older first: a newer one waits until nobody has an older one in hand, also of a process that has
 * died; and where it waits, one that has failed is tried no more.
 */
const IS_FREE = `(w.key is null or not exists (
    select from lintel.work other where other.job = w.job and other.key = w.key and other.claim is not null and other.id <> w.id)
  and not (w.claim is null and w.attempts > 0 and exists (
    select from lintel.work newer where newer.job = w.job and newer.key = w.key and newer.attempts = 0)))`

/** Of one kind: it reads the oldest, however many there are, and of others. */
const oldest = (which = '') => `from lintel.work w
  where w.job = kind.job and w.dead_at is null ${which} and ${IS_FREE} order by w.due_at limit 1`
const OLDEST_DUE = oldest('and w.due_at <= statement_timestamp()')

/**
 * An attempt counts before it begins: of a process that dies in it, nobody else could tell. So long nobody else takes the job, and no
 * connection is held: whoever is late has lost it.
 */
const CLAIM = `
with next as (
  select due.id, due.job, due.key, kind.lease_ms from (
    select job, lease_ms from unnest($1::text[], $2::float8[]) as named (job, lease_ms)
    order by (select min(due_at) from lintel.work where job = named.job and dead_at is null)) kind
  cross join lateral (select w.id, w.job, w.key ${OLDEST_DUE} for update skip locked) due limit 1),
replaced as (
  delete from lintel.work w using next where w.job = next.job and w.key = next.key and w.id <> next.id
    and w.attempts > 0 and w.claim is null and w.dead_at is null)
update lintel.work w set attempts = attempts + 1, claim = $3,
  due_at = statement_timestamp() + next.lease_ms * interval '1 millisecond'
from next where w.id = next.id
returning w.id, w.job, w.key, data, headers, to_char(created_at, ${RFC_3339}), attempts`

/** Takes the one that has been due for longest, of these names, each with how long an attempt may take. */
export async function claimJob(
  db: Queryable,
  names: readonly string[],
  leasesMs: readonly number[],
): Promise<ClaimedJob | undefined> {
  const claim = randomUUID()
  const [row] = await meeting(() => db.cells(CLAIM, [names, leasesMs, claim]))
  if (row === undefined) return undefined
  const [id, name, key, data, headers, createdAt, attempt] = row
  return {
    id: id!,
    name: name!,
    key: key ?? undefined,
    data: data!,
    headers: headers ?? undefined,
    createdAt: createdAt!,
    attempt: Number(attempt),
    claim,
  }
}

/** A statement that has met another of the same key is sent again, and sees what that has done. */
async function meeting<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send()
    } catch (error) {
      if (attempt === 3 || !(isSerialisation(error) || isOfKey(error))) throw error
    }
  }
}

function isOfKey(error: unknown): boolean {
  const { constraint, cause } = error as { readonly constraint?: unknown; readonly cause?: unknown }
  return constraint === 'work_key' || constraint === 'work_in_hand' || (cause instanceof Error && isOfKey(cause))
}

/** A schedule is due again, anything else is gone. */
const FINISH = `
with scheduled as (
  update lintel.work set attempts = 0, claim = null, error = null,
    due_at = statement_timestamp() + every_ms * interval '1 millisecond'
  where id = $1 and claim = $2 and every_ms is not null returning 1),
done as (delete from lintel.work where id = $1 and claim = $2 and every_ms is null returning 1)
select from scheduled union all select from done`

/** In the transaction of its effect. False where it is another's by now, or was dropped: then that must not commit. */
export async function finishJob(tx: Queryable, { id, claim }: ClaimedJob): Promise<boolean> {
  return (await tx.cells(FINISH, [id, claim])).length > 0
}

/** Where the same key is asked for anew, that waits, and this is gone. */
const WITHOUT_NEWER = `
with gone as (
  delete from lintel.work w where id = $1 and claim = $2 and exists (
    select from lintel.work newer where newer.job = w.job and newer.key = w.key and newer.attempts = 0) returning 1)`

const FAIL = `${WITHOUT_NEWER}
update lintel.work set error = $3, claim = null,
  attempts = case when $4::float8 is null and every_ms is not null then 0 else least(attempts, $5) end,
  dead_at = case when $4::float8 is null and every_ms is null then now() end,
  due_at = statement_timestamp() + coalesce($4::float8, every_ms, 0) * interval '1 millisecond'
where id = $1 and claim = $2 and not exists (select from gone)`

export interface JobFailure {
  readonly error: string
  /** Undefined after the last attempt: the job is dead, and a schedule waits for its next time. */
  readonly againInMs: number | undefined
  /** How often it may be tried. */
  readonly attempts: number
}

export async function failJob(db: Queryable, { id, claim }: ClaimedJob, failure: JobFailure): Promise<void> {
  const { error, againInMs, attempts } = failure
  await meeting(() => db.cells(FAIL, [id, claim, error, againInMs ?? null, attempts]))
}

const RELEASE = `${WITHOUT_NEWER}
update lintel.work set claim = null, attempts = attempts - 1, due_at = statement_timestamp()
where id = $1 and claim = $2 and not exists (select from gone)`

/** Gives it back: the attempt was none. */
export async function releaseJob(db: Queryable, { id, claim }: ClaimedJob): Promise<void> {
  await meeting(() => db.cells(RELEASE, [id, claim]))
}

/**
 * Milliseconds until the next of these is due, not above 0 where one is already; undefined while there is none. What somebody has in
 * hand is due when its time is over; what waits for its key, not by itself.
 */
export async function jobsRestMs(db: Queryable, names: readonly string[]): Promise<number | undefined> {
  const [next] = await db.query<{ ms: number | null }>(
    `select extract(epoch from min(due.due_at) - clock_timestamp()) * 1000 as ms from unnest($1::text[]) as kind (job)
     cross join lateral (select w.due_at ${oldest()}) due`,
    [names],
  )
  return next?.ms ?? undefined
}

export interface Schedule {
  readonly name: string
  readonly everyMs: number
  /** When it is due for the first time, after it was first heard of. */
  readonly firstInMs: number
}

/**
 * Has a row for each schedule, whoever comes first, and for none of `others`, which are none any more: one that runs goes when it is
 * done. A schedule whose pace is another by now is due no later than by that; one that runs, when it is done.
 */
export async function keepSchedules(
  db: Queryable,
  schedules: readonly Schedule[],
  others: readonly string[],
): Promise<void> {
  await db.cells(
    `with former as (
       select id from lintel.work where every_ms is not null and job = any($4::text[]) for update),
     dropped as (delete from lintel.work w using former where w.id = former.id and not (${RUNS})),
     once as (update lintel.work w set every_ms = null from former where w.id = former.id and ${RUNS})
     insert into lintel.work as w (id, job, data, due_at, every_ms)
     select id, job, '{}', statement_timestamp() + first_ms * interval '1 millisecond', every_ms
     from unnest($1::uuid[], $2::text[], $3::bigint[], $5::float8[]) as s (id, job, every_ms, first_ms)
     order by job
     on conflict (job) where every_ms is not null do update set every_ms = excluded.every_ms, due_at = case
       when w.claim is null then least(w.due_at, statement_timestamp() + excluded.every_ms * interval '1 millisecond') else w.due_at end
     where w.every_ms <> excluded.every_ms`,
    [
      schedules.map(() => uuidv7()),
      schedules.map(({ name }) => name),
      schedules.map(({ everyMs }) => everyMs),
      others,
      schedules.map(({ firstInMs }) => firstInMs),
    ],
  )
}

export interface JobState {
  readonly name: string
  /** Due, or to be due later. */
  readonly waiting: number
  readonly running: number
  /** Of those that wait, those that have failed before. */
  readonly retrying: number
  readonly dead: number
  /** For how long the oldest has been due that nobody has in hand; 0 without one. */
  readonly oldestDueMs: number
}

const RUNS = 'claim is not null and due_at > statement_timestamp()'

/**
 * By the name of the job: of `known`, and of all others that have a row. What waits and what is dead is counted to `COUNTED_TO` for each
 * name; what runs is counted by itself, however much waits.
 */
export function jobsState(db: Queryable, known: readonly string[]): Promise<JobState[]> {
  return db.query<JobState>(
    `with recursive found (job) as (
       select min(job) from (${firstOfEach('')}) first (job)
       union all select (select min(job) from (${firstOfEach('and job > found.job')}) next (job)) from found where job is not null)
     select name, waiting, running, retrying, dead, coalesce(round(greatest(extract(epoch from statement_timestamp()
         - (select min(due_at) from lintel.work where job = name and dead_at is null)) * 1000, 0)), 0) as "oldestDueMs"
     from (select job from found where job is not null union select unnest($1::text[])) names (name)
     cross join lateral (select count(*) as waiting, count(error) as retrying from (
       select error from lintel.work where job = name and dead_at is null and not (${RUNS}) limit ${COUNTED_TO}) w) w
     cross join lateral (select count(*) as running from lintel.work where job = name and ${RUNS}) r
     cross join lateral (select count(*) as dead from (
       select from lintel.work where job = name and dead_at is not null limit ${COUNTED_TO}) d) d
     order by name`,
    [known],
  )
}

/** The first name among those alive, and among the dead: each by its index, without reading all. */
function firstOfEach(after: string): string {
  return `select min(job) from lintel.work where dead_at is null ${after}
    union all select min(job) from lintel.work where dead_at is not null ${after}`
}

/** Of each of these kinds the job that has been due for longest: its id and claim. What has to wait for its key is not due. */
export async function oldestDueJobs(db: Queryable, names: readonly string[]): Promise<Map<string, string>> {
  const rows = await db.cells(
    `select kind.job, due.head from unnest($1::text[]) as kind (job)
     cross join lateral (select w.id::text || coalesce(w.claim::text, '') as head ${OLDEST_DUE}) due`,
    [names],
  )
  return new Map(rows.map(([name, head]) => [name!, head!]))
}

/** A job as an operator sees it. */
export interface ShownJob {
  /** A UUID. */
  readonly id: string
  readonly name: string
  readonly state: 'waiting' | 'running' | 'retrying' | 'dead'
  readonly key: string | null
  readonly createdAt: string
  /** When it is to be tried; of one that runs, when another may try it. */
  readonly dueAt: string
  readonly attempts: number
  /** Of a schedule. */
  readonly everyMs: number | null
  /** What the last failure said. */
  readonly error: string | null
  readonly deadAt: string | null
  /** JSON text. */
  readonly data: string
  /** The request that caused it, as JSON text. */
  readonly headers: string | null
}

/** Which jobs are meant: all of them if empty. */
export interface JobFilter {
  readonly name?: string | undefined
  /** A UUID. */
  readonly id?: string | undefined
}

const MEANT = '($1::text is null or job = $1) and ($2::uuid is null or id = $2)'
const STATE = `case when dead_at is not null then 'dead' when ${RUNS} then 'running'
  when error is not null then 'retrying' else 'waiting' end`

/** Those that have been due for longest first; at most `limit`. */
export function listJobs(
  db: Queryable,
  { name, id }: JobFilter,
  { failed, limit }: { readonly failed: boolean; readonly limit: number },
): Promise<ShownJob[]> {
  return db.query<ShownJob>(
    `select id, job as name, ${STATE} as state, key, to_char(created_at, ${RFC_3339}) as "createdAt",
       to_char(due_at, ${RFC_3339}) as "dueAt", attempts, every_ms as "everyMs", error,
       to_char(dead_at, ${RFC_3339}) as "deadAt", data::text, headers::text
     from lintel.work where ${MEANT} and (not $4 or error is not null) order by dead_at nulls last, due_at limit $3`,
    [name ?? null, id ?? null, limit, failed],
  )
}

/** Has those that have failed tried again, from the first attempt; without an id the dead. Answers how many. */
export async function resendJobs(db: Queryable, { name, id }: JobFilter): Promise<number> {
  const again = await meeting(() =>
    db.cells(
      `with meant as (
       select id from lintel.work w where ${MEANT} and (dead_at is not null or ($2::uuid is not null and error is not null and not (${RUNS})))
       for update),
     gone as (
       delete from lintel.work w using meant where w.id = meant.id and exists (
         select from lintel.work newer where newer.job = w.job and newer.key = w.key and newer.id <> w.id
           and (newer.attempts = 0 or newer.id > w.id and newer.id in (select id from meant)))
       returning w.id),
     again as (
       update lintel.work w set dead_at = null, attempts = 0, claim = null, due_at = statement_timestamp() from meant
       where w.id = meant.id and w.id not in (select id from gone) returning 1)
     select from again union all select from gone`,
      [name ?? null, id ?? null],
    ),
  )
  return again.length
}

/** Gives them up; without an id the dead. What one that runs does is undone. Answers how many. */
export async function dropJobs(db: Queryable, { name, id }: JobFilter): Promise<number> {
  const dropped = await db.cells(
    `delete from lintel.work where ${MEANT} and ($2::uuid is not null or dead_at is not null) returning 1`,
    [name ?? null, id ?? null],
  )
  return dropped.length
}

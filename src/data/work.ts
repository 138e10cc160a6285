import { randomUUID } from 'node:crypto'
import { uuidv7 } from '../base/ids.ts'
import { COUNTED_TO, RFC_3339 } from './outbox.ts'
import type { Queryable } from './pool.ts'

/** A job in hand: nobody else has it until its time is over. */
export interface ClaimedJob {
  /** A UUID. */
  readonly id: string
  readonly name: string
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
 * An attempt counts before it begins: of a process that dies in it, nobody else could tell. So long nobody else takes the job, and no
 * connection is held: whoever is late has lost it.
 */
const CLAIM = `
with next as (
  select id from lintel.work where dead_at is null and due_at <= statement_timestamp() and job = any($1::text[])
  order by due_at limit 1 for update skip locked)
update lintel.work w set attempts = attempts + 1, claim = $3,
  due_at = statement_timestamp() + ($2::float8[])[array_position($1::text[], job)] * interval '1 millisecond'
from next where w.id = next.id
returning w.id, job, data, headers, to_char(created_at, ${RFC_3339}), attempts`

/** Takes the one that has been due for longest, of these names, each with how long an attempt may take. */
export async function claimJob(
  db: Queryable,
  names: readonly string[],
  leasesMs: readonly number[],
): Promise<ClaimedJob | undefined> {
  const claim = randomUUID()
  const [row] = await db.cells(CLAIM, [names, leasesMs, claim])
  if (row === undefined) return undefined
  const [id, name, data, headers, createdAt, attempt] = row
  return {
    id: id!,
    name: name!,
    data: data!,
    headers: headers ?? undefined,
    createdAt: createdAt!,
    attempt: Number(attempt),
    claim,
  }
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
  await db.cells(FAIL, [id, claim, error, againInMs ?? null, attempts])
}

const RELEASE = `${WITHOUT_NEWER}
update lintel.work set claim = null, attempts = attempts - 1, due_at = statement_timestamp()
where id = $1 and claim = $2 and not exists (select from gone)`

/** Gives it back: the attempt was none. */
export async function releaseJob(db: Queryable, { id, claim }: ClaimedJob): Promise<void> {
  await db.cells(RELEASE, [id, claim])
}

/**
 * Milliseconds until the next of these is due, not above 0 where one is already; undefined while there is none. What somebody has in
 * hand is due when its time is over.
 */
export async function jobsRestMs(db: Queryable, names: readonly string[]): Promise<number | undefined> {
  const [next] = await db.query<{ ms: number | null }>(
    `select extract(epoch from min(due_at) - clock_timestamp()) * 1000 as ms from lintel.work
     where dead_at is null and job = any($1::text[])`,
    [names],
  )
  return next?.ms ?? undefined
}

/** Has a row for each schedule, whoever comes first. One whose pace is another by now is due no later than by that. */
export async function keepSchedules(
  db: Queryable,
  names: readonly string[],
  everyMs: readonly number[],
): Promise<void> {
  if (names.length === 0) return
  await db.cells(
    `insert into lintel.work as w (id, job, data, due_at, every_ms)
     select id, job, '{}', statement_timestamp(), every_ms from unnest($1::uuid[], $2::text[], $3::bigint[]) as s (id, job, every_ms)
     order by job
     on conflict (job) where every_ms is not null do update set every_ms = excluded.every_ms,
       due_at = least(w.due_at, statement_timestamp() + excluded.every_ms * interval '1 millisecond')
     where w.every_ms <> excluded.every_ms`,
    [names.map(() => uuidv7()), names, everyMs],
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

/** By the name of the job: of all that have a row. Those that are alive and those that are dead are counted to `COUNTED_TO` each. */
export function jobsState(db: Queryable): Promise<JobState[]> {
  return db.query<JobState>(
    `select job as name, count(*) filter (where dead_at is null and not (${RUNS})) as waiting,
       count(*) filter (where dead_at is null and ${RUNS}) as running,
       count(*) filter (where dead_at is null and not (${RUNS}) and error is not null) as retrying,
       count(*) filter (where dead_at is not null) as dead,
       coalesce(round(greatest(extract(epoch from statement_timestamp()
         - min(due_at) filter (where dead_at is null)) * 1000, 0)), 0) as "oldestDueMs"
     from (
       (select job, dead_at, due_at, error, claim from lintel.work where dead_at is null order by due_at limit ${COUNTED_TO})
       union all
       (select job, dead_at, due_at, error, claim from lintel.work where dead_at is not null limit ${COUNTED_TO})) w
     group by job order by job`,
  )
}

/** The job that has been due for longest, of these: its id and claim. Undefined where none is due. */
export async function oldestDueJob(db: Queryable, names: readonly string[]): Promise<string | undefined> {
  const [row] = await db.cells(
    `select id::text || coalesce(claim::text, '') from lintel.work
     where dead_at is null and due_at <= statement_timestamp() and job = any($1::text[]) order by due_at limit 1`,
    [names],
  )
  return row?.[0] ?? undefined
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
  const again = await db.cells(
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

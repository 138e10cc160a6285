import { type Backoff, halfJitterMs } from '../base/backoff.ts'
import { Problem } from '../base/errors.ts'
import { type Loop, loop } from '../base/loop.ts'
import type { JobSpec } from '../contract/job.ts'
import type { Database, Queryable } from '../data/pool.ts'
import { type ClaimedJob, claimJob, failJob, finishJob, jobsRestMs, keepSchedules, releaseJob } from '../data/work.ts'
import { Deadline } from '../resilience/deadline.ts'
import { within } from '../resilience/within.ts'
import { textOf } from './error-text.ts'
import type { Time } from './handler-time.ts'

export interface JobRunner {
  /** A job is there: a hint. */
  wake(): void
  /** Resolves when nothing that is due waits any more. */
  idle(): Promise<void>
  /** Takes no more; what runs has `graceMs`, and is given back then. */
  stop(): Promise<void>
  /** The kinds of which it could begin another. */
  readonly withRoom: readonly string[]
  readonly handled: number
  /** Handlers that failed. */
  readonly failures: number
}

export interface JobRunnerOptions<U extends { readonly tx: Queryable }> {
  /** By the names of the jobs; others wait for a build that knows them. */
  readonly jobs: ReadonlyMap<string, JobSpec>
  readonly database: Database
  /** Runs work in a transaction of the service's, which begins with its first statement. */
  run<T>(work: (unit: U) => Promise<T>): Promise<T>
  handle(job: ClaimedJob, unit: U, time: Time): Promise<void>
  /** Told of each failure; `last` says whether it was the last attempt. */
  failed(error: unknown, job: ClaimedJob | undefined, last: boolean): void
  /** Told, at most once a second, when as many of a kind run as may: other processes may have time. */
  busy?(): void
  /** When a schedule is due that is heard of for the first time: at once unless this says otherwise. */
  firstInMs?(name: string): number
  /** How often it looks without being woken; 10,000. */
  readonly pollMs?: number
  readonly graceMs: number
}

/** 1 s, doubling to half an hour. */
const BACKOFF: Backoff = { baseMs: 1_000, maxMs: 1_800_000 }
const HELP_EVERY_MS = 1_000
const SHORTLY_MS = 50
/** After its deadline a handler's transaction may yet commit, which takes as long as a lock may. */
const COMMIT_MS = 10_000
const NEVER_ENDED = 'the process ended in each attempt, or lost its database'

/**
 * Runs the jobs of a service. An attempt is counted and takes the job out of everybody's reach before it begins, so one that kills
 * its process is tried so often and no oftener; the job goes in the transaction of its effect, so that happens once.
 */
export function createJobRunner<U extends { readonly tx: Queryable }>(options: JobRunnerOptions<U>): JobRunner {
  const { jobs, database, run, handle, failed, busy, firstInMs = () => 0, pollMs = 10_000, graceMs } = options
  const schedules = [...jobs].flatMap(([name, { everyMs }]) =>
    everyMs === undefined ? [] : [{ name, everyMs, firstInMs: firstInMs(name) }],
  )
  const others = [...jobs].flatMap(([name, { everyMs }]) => (everyMs === undefined ? [name] : []))
  const running = new Map([...jobs.keys()].map((name) => [name, 0]))
  const work = new Set<Promise<void>>()
  const cut = new AbortController()
  let stopping = false
  let kept = false
  /** Something may have come since it last looked. */
  let hinted = true
  let helpedAtMs = Number.NEGATIVE_INFINITY
  let handled = 0
  let failures = 0

  const hasRoom = (name: string) => running.get(name)! < jobs.get(name)!.concurrency
  const withRoom = () => [...jobs.keys()].filter(hasRoom)

  /** Begins what is due, as far as there is room. */
  async function round(): Promise<number> {
    if (!kept) {
      await keepSchedules(database, schedules, others)
      kept = true
    }
    let names = withRoom()
    // The look of one that rests is one statement.
    if (!hinted && work.size === 0) {
      const restMs = (await jobsRestMs(database, names)) ?? pollMs
      if (restMs > 0) return bounds(restMs)
    }
    hinted = false
    while (!stopping) {
      names = withRoom()
      if (names.length < jobs.size) callForHelp()
      if (names.length === 0) break
      const leases = names.map((name) => jobs.get(name)!.timeoutMs + COMMIT_MS)
      const job = await claimJob(database, names, leases)
      if (job === undefined) break
      begin(job)
    }
    if (names.length === 0) return pollMs
    const restMs = (await jobsRestMs(database, names)) ?? pollMs
    // It has come due since the look, or somebody has its row locked at this moment.
    return restMs <= 0 ? SHORTLY_MS : bounds(restMs)
  }

  const bounds = (restMs: number) => Math.min(Math.max(restMs, 5), pollMs)

  function wake(): void {
    hinted = true
    looping.wake()
  }

  function callForHelp(): void {
    const nowMs = performance.now()
    if (nowMs - helpedAtMs < HELP_EVERY_MS) return
    helpedAtMs = nowMs
    busy?.()
  }

  function begin(job: ClaimedJob): void {
    const { name } = job
    running.set(name, running.get(name)! + 1)
    const one = attempt(job).then((isDone) => {
      // More of its kind may wait for this place, or another of its key; and what has failed, or is a schedule, is due again some time.
      const news = !hasRoom(name) || !isDone || job.key !== undefined || jobs.get(name)!.everyMs !== undefined
      running.set(name, running.get(name)! - 1)
      work.delete(one)
      if (news) wake()
    })
    work.add(one)
  }

  /** Whether it was done. Never rejects. */
  async function attempt(job: ClaimedJob): Promise<boolean> {
    const { attempts, timeoutMs } = jobs.get(job.name)!
    if (job.attempt > attempts) {
      await noteFailure(job, new Error(NEVER_ENDED))
      return false
    }
    let lost = false
    const deadline = Deadline.after(timeoutMs)
    const late = () => new Error(`the handler took longer than ${timeoutMs} ms`)
    try {
      await run(async (unit) => {
        await within(deadline.remainingMs(), late, cut.signal, (signal) =>
          handle(job, unit, { signal, deadline }),
        ).catch((error) => {
          // What commits with a refusal elsewhere would commit here at each attempt.
          throw error instanceof Problem && error.commits
            ? new Error(error.message || error.code, { cause: error })
            : error
        })
        lost = !(await finishJob(unit.tx, job))
        if (lost) throw new Error('another has taken the job, or it was dropped')
      })
      handled++
      return true
    } catch (error) {
      if (lost) return false
      if (cut.signal.aborted) await giveBack(job)
      else await noteFailure(job, error)
      return false
    }
  }

  async function noteFailure(job: ClaimedJob, error: unknown): Promise<void> {
    const { attempts } = jobs.get(job.name)!
    const last = job.attempt >= attempts
    failures++
    failed(error, job, last)
    const againInMs = last ? undefined : jobDelayMs(job.attempt - 1)
    // It is tried again when its time is over, too.
    await failJob(database, job, { error: textOf(error), againInMs, attempts }).catch((error) =>
      failed(error, undefined, false),
    )
  }

  /** It was cut short because the service stops: that says nothing of the job. */
  async function giveBack(job: ClaimedJob): Promise<void> {
    await releaseJob(database, job).catch((error) => failed(error, undefined, false))
    busy?.()
  }

  const looping: Loop = loop(round, {
    graceMs,
    failed: (error) => failed(error, undefined, false),
    afterFailureMs: 100,
  })
  return {
    wake,
    async idle() {
      do {
        await looping.idle()
        await Promise.all(work)
      } while (looping.isBusy)
    },
    async stop() {
      stopping = true
      const timer = setTimeout(() => cut.abort(), graceMs)
      await looping.stop()
      await Promise.all(work)
      clearTimeout(timer)
    },
    get withRoom() {
      return withRoom()
    },
    get handled() {
      return handled
    },
    get failures() {
      return failures
    },
  }
}

/** After an attempt, the first being 0; with jitter, so that what failed together does not come back together. */
export function jobDelayMs(attempt: number, random = Math.random): number {
  return halfJitterMs(attempt, BACKOFF, random)
}

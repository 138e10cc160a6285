import type { Jobs } from '../contract/contract.ts'
import type { Database, Queryable } from '../data/pool.ts'
import { type JobState, jobsState, oldestDueJobs } from '../data/work.ts'
import { createJobRunner, type JobRunnerOptions } from './jobs.ts'

/** The jobs of a service, while it runs. */
export interface RunningJobs {
  wake(): void
  idle(): Promise<void>
  state(): Promise<JobsState>
  stop(): Promise<void>
}

export interface JobsState {
  readonly jobs: readonly JobState[]
  /**
   * For how long one and the same job has been due that nobody takes, though this process has a place for it, as far as it has looked;
   * 0 while they advance.
   */
  readonly stuckMs: number
  /** Since this process began. */
  readonly handled: number
  readonly failures: number
}

export interface JobsOptions<U extends { readonly tx: Queryable }>
  extends Pick<
    JobRunnerOptions<U>,
    'database' | 'run' | 'handle' | 'failed' | 'busy' | 'firstInMs' | 'pollMs' | 'graceMs'
  > {
  readonly jobs: Jobs
  /** Names of jobs that wait, since what their handlers need is not there. */
  readonly waiting: ReadonlySet<string>
}

export function runJobs<U extends { readonly tx: Queryable }>(options: JobsOptions<U>): RunningJobs {
  const { jobs, waiting, database } = options
  const taken = new Map(Object.entries(jobs).filter(([name]) => !waiting.has(name)))
  const runner = createJobRunner({ ...options, jobs: taken })
  const stuck = watchHeads(database, () => runner.withRoom)
  return {
    wake: runner.wake,
    idle: runner.idle,
    stop: runner.stop,
    async state() {
      const [states, stuckMs] = await Promise.all([jobsState(database, Object.keys(jobs)), stuck()])
      return { jobs: states, stuckMs, handled: runner.handled, failures: runner.failures }
    },
  }
}

/**
 * However many of a kind wait, the first of them is another one soon, as long as somebody takes them. Where all places are taken, it may
 * wait for as long as a handler may take.
 */
function watchHeads(database: Database, names: () => readonly string[]): () => Promise<number> {
  let heads = new Map<string, { readonly head: string; readonly sinceMs: number }>()
  return async () => {
    const now = await oldestDueJobs(database, names())
    const nowMs = performance.now()
    const withRoom = new Set(names())
    const before = heads
    heads = new Map()
    for (const [name, head] of now) {
      const known = before.get(name)
      if (withRoom.has(name)) heads.set(name, known?.head === head ? known : { head, sinceMs: nowMs })
    }
    return Math.max(0, ...[...heads.values()].map(({ sinceMs }) => nowMs - sinceMs))
  }
}

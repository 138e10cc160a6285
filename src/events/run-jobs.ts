import type { Jobs } from '../contract/contract.ts'
import type { Database, Queryable } from '../data/pool.ts'
import { type JobState, jobsState, oldestDueJob } from '../data/work.ts'
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
  /** For how long one and the same job has been due that nobody takes, as far as this process has looked; 0 while they advance. */
  readonly stuckMs: number
  /** Since this process began. */
  readonly handled: number
  readonly failures: number
}

export interface JobsOptions<U extends { readonly tx: Queryable }>
  extends Pick<JobRunnerOptions<U>, 'database' | 'run' | 'handle' | 'failed' | 'busy' | 'graceMs'> {
  readonly jobs: Jobs
  /** Names of jobs that wait, since what their handlers need is not there. */
  readonly waiting: ReadonlySet<string>
}

export function runJobs<U extends { readonly tx: Queryable }>(options: JobsOptions<U>): RunningJobs {
  const { jobs, waiting, database } = options
  const taken = new Map(Object.entries(jobs).filter(([name]) => !waiting.has(name)))
  const runner = createJobRunner({ ...options, jobs: taken })
  const stuck = watchHead(database, [...taken.keys()])
  return {
    wake: runner.wake,
    idle: runner.idle,
    stop: runner.stop,
    async state() {
      const [states, stuckMs] = await Promise.all([jobsState(database), stuck()])
      return { jobs: states, stuckMs, handled: runner.handled, failures: runner.failures }
    },
  }
}

/** However many wait, the first of them is another one soon, as long as somebody takes them. */
function watchHead(database: Database, names: readonly string[]): () => Promise<number> {
  let head: string | undefined
  let sinceMs = 0
  return async () => {
    const first = await oldestDueJob(database, names)
    if (first !== head) sinceMs = performance.now()
    head = first
    return first === undefined ? 0 : performance.now() - sinceMs
  }
}

import { type FieldSpec, type Fields, specsOf, type TypeOf } from './fields.ts'
import { type KnownMembers, onlyKnown } from './known-members.ts'

/** Work that a service does later, and of its own accord: it is stored with the change that asks for it. */
export interface JobSpec<T = unknown> {
  readonly data: Readonly<Record<string, FieldSpec>>
  readonly attempts: number
  readonly timeoutMs: number
  readonly concurrency: number
  readonly everyMs: number | undefined
  readonly '~'?: T
}

export interface JobOptions<F extends Fields> {
  /** What a job is about; checked when it is enqueued. None by default. */
  readonly data?: F
  /** How often it is tried, with growing delays, before it is given up as dead; 15, which take some 90 minutes. */
  readonly attempts?: number
  /** How long its handler may take; 20,000, and 900,000 (15 minutes) at most. */
  readonly timeoutMs?: number
  /** How many of its kind a process handles at once; 4. */
  readonly concurrency?: number
  /**
   * Makes it a schedule: due when it is first heard of, and then so long after each time that it was done, once for all replicas.
   * A second at least. Nobody enqueues it, and it has no data.
   */
  readonly everyMs?: number
}

const OPTIONS: KnownMembers<JobOptions<Fields>> = {
  data: true,
  attempts: true,
  timeoutMs: true,
  concurrency: true,
  everyMs: true,
}

/** Declares a job: `jobs: { sendReport: job({ data: { month: t.text() } }) }`. */
export function job<F extends Fields = {}>(options: JobOptions<F> = {}): JobSpec<{ [K in keyof F]: TypeOf<F[K]> }> {
  onlyKnown('job', options, OPTIONS)
  const { data, attempts = 15, timeoutMs = 20_000, concurrency = 4, everyMs } = options
  return { data: specsOf(data ?? {}), attempts, timeoutMs, concurrency, everyMs }
}

export type JobData<J> = J extends JobSpec<infer T> ? T : never

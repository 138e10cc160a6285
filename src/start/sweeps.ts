import { type JobSpec, job } from '../contract/job.ts'
import { sweepInbox } from '../data/inbox.ts'
import { keepPartitions } from '../data/outbox-partitions.ts'
import type { Database } from '../data/pool.ts'
import { sweepIdempotencyKeys } from '../data/purge.ts'
import { sweepMarks } from '../data/readers.ts'

export interface SweepOptions {
  readonly database: Database
  /** Of the same database, for what needs a session of its own. */
  readonly url: string
  /** Who reads the outbox: what they have not read is kept. */
  readonly readers: readonly string[]
  readonly retentionMs: number
}

type Sweep = (options: SweepOptions, signal: AbortSignal) => Promise<unknown>

const sweeps: Readonly<Record<string, Sweep>> = {
  'lintel:sweepOutbox': ({ database, url, retentionMs, readers }) =>
    Promise.all([keepPartitions(url, retentionMs, readers), sweepMarks(database, retentionMs)]),
  // Longer than any carrier keeps what it could bring again.
  'lintel:sweepInbox': ({ database, retentionMs }, signal) => sweepInbox(database, retentionMs * 2, signal),
  'lintel:sweepIdempotencyKeys': ({ database }, signal) => sweepIdempotencyKeys(database, signal),
}

/** What removes what is old, as jobs that every service has beside its own: their names can be no contract's. */
export const SWEEPS: Readonly<Record<string, JobSpec>> = Object.fromEntries(
  Object.keys(sweeps).map((name) => [
    name,
    job({ everyMs: 3_600_000, timeoutMs: 900_000, attempts: 3, concurrency: 1 }),
  ]),
)

/** Does the sweep of this name, in transactions of its own; undefined where it is none. */
export function sweep(name: string, options: SweepOptions, signal: AbortSignal): Promise<unknown> | undefined {
  return Object.hasOwn(sweeps, name) ? sweeps[name]!(options, signal) : undefined
}

import type { Visitor } from './load-job.ts'
import type { Side, WorkloadName } from './options.ts'
import type { ServerProcess } from './processes.ts'

/** Who asks for what, per workload and side: the same things, but for the cursors, which each side writes its own way. */
export type Workloads = Partial<Record<WorkloadName, Record<Side, readonly Visitor[]>>>

/** Servers that promise the same, and what they are asked. */
export interface Stage {
  readonly servers: ReadonlyMap<Side, ServerProcess>
  readonly workloads: Workloads
  /** What is to be the same on both sides: status, headers and body, or where a side does less, the body. */
  readonly compared: 'answers' | 'bodies'
  /** Before each measurement: nothing is left to do from the one before. */
  settle(): Promise<void>
  /** CPU-seconds that PostgreSQL has used so far, where it is a part. */
  databaseCpu?(): Promise<number>
  stop(): Promise<void>
}

/** So that nobody is refused; sent and counted all the same. */
export const UNLIMITED = '1000000000'

import type { Log } from '../call/call.ts'
import type { Contract } from '../contract/contract.ts'
import type { Deadline } from '../resilience/deadline.ts'
import type { Environment } from './environment.ts'
import type { Unit } from './handler.ts'

/**
 * The background task of a service: does whatever is due and returns how many milliseconds to wait before the next run. A unit
 * of work that calls `wake()` ends the wait. Every replica runs it; after a failure it is run again.
 */
export type Background<C extends Contract<any, any, any>> = (context: BackgroundContext<C>) => Promise<number>

export interface BackgroundContext<C extends Contract<any, any, any>> extends Environment {
  run<T>(work: (unit: Unit<C>) => Promise<T>): Promise<T>
  /** Of this round, and of the units that it runs. */
  readonly requestId: string
  readonly deadline: Deadline
  readonly log: Log
  /** Aborts when the service stops and waits no longer. */
  readonly signal: AbortSignal
}

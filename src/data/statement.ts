import type { Cause } from '../observe/statement-log.ts'
import type { Deadline } from '../resilience/deadline.ts'
import type { TextResult } from './text-query.ts'

/** Whom a statement is for: shares are counted by it, and it ends the wait. A request has all of this. */
export interface Asker {
  /** `user:usr_…`, or an address. */
  readonly key: string
  readonly deadline: Deadline
  /** Read only where the statement gets a connection of its own: to make one costs something. */
  readonly signal: AbortSignal | undefined
  /** Told when its statement goes to the queue of those that run alone. */
  setAside?(): void
  /** The request itself, where statements are reported with its ids. */
  readonly cause?: Cause | undefined
}

/** A statement that somebody waits for. It may be sent more than once; its first outcome counts. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
  readonly asker: Asker | undefined
  /** What it needs set where it runs alone, as SQL. */
  readonly settings: string
  /** The connection that it was sent over last: what others say of it counts only when it succeeds. */
  sentOver: unknown
  /** By name, once per connection; false where that has failed. */
  prepared: boolean
  /** Its outcome is known. */
  settled: boolean
  readonly resolve: (result: TextResult) => void
  readonly reject: (error: unknown) => void
}

export function resolveStatement(statement: Statement, result: TextResult) {
  if (statement.settled) return
  statement.settled = true
  statement.resolve(result)
}

export function rejectStatement(statement: Statement, error: unknown) {
  if (statement.settled) return
  statement.settled = true
  statement.reject(error)
}

/** Whether it may run twice: nothing else is sent again while it may still be under way. */
export function isRepeatable({ text }: Statement): boolean {
  return /^\s*select\b/i.test(text)
}

/** So that 503 goes out before the 504 that the deadline brings. */
const LEAD_MS = 150

/** Until when a connection is waited for, by the clock of `performance.now()`. */
export function waitUntilMs(deadline: Deadline | undefined, mostMs: number): number {
  const leftMs = deadline?.remainingMs() ?? mostMs
  return performance.now() + Math.min(mostMs, Math.max(leftMs - LEAD_MS, leftMs / 2))
}

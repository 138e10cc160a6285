import type { Caller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Context, Log } from '../call/call.ts'
import { type CallHead, callerOf, traceIn } from '../call/call-head.ts'
import { logLate } from '../call/failure-log.ts'
import { logFor } from '../call/log-for.ts'
import type { RateLimitResult } from '../limits/headers.ts'
import type { Span } from '../observe/span.ts'
import type { Trace } from '../observe/trace.ts'
import { Deadline, NO_DEADLINE } from '../resilience/deadline.ts'
import type { Bound, UnderWay } from '../resilience/watch.ts'

/** What the context of a call needs of whatever carried it here. */
export interface Carrying {
  readonly log: Log
  /** Whether nobody is left to be answered. */
  isAbandoned(): boolean
  /** Its deadline has passed: answers it, whatever the service still does. */
  answerLate(): void
}

/** The context of a call that came from another process. What few calls ask for is a getter: don't spread it. */
export class DoorContext implements Context, Bound, UnderWay {
  readonly requestId: string
  readonly caller: Caller
  readonly actor: string | undefined
  readonly address: string | undefined
  readonly deadline: Deadline
  readonly rateLimits: RateLimitResult[] = []
  readonly startedMs = performance.now()
  span: Span | undefined = undefined
  watchedAt = -1
  committing = false
  /** It was answered already, because its time was over. */
  late = false
  /** It was ended before its time, since whoever reads is gone. */
  left = false
  readonly #head: CallHead
  readonly #carrying: Carrying
  readonly #reads: boolean
  #trace: Trace | undefined = undefined
  #boundLog: Log | undefined = undefined
  #abort: AbortController | undefined = undefined

  constructor(head: CallHead, carrying: Carrying) {
    this.requestId = head.requestId
    this.caller = callerOf(head)
    this.actor = head.actor
    this.address = head.address
    this.deadline =
      head.remainingMs === undefined ? NO_DEADLINE : new Deadline(this.startedMs + Math.max(0, head.remainingMs))
    this.#head = head
    this.#carrying = carrying
    this.#reads = head.method === 'GET' || head.method === 'HEAD'
  }

  get trace(): Trace | undefined {
    if (this.span !== undefined) return this.span.trace
    this.#trace ??= traceIn(this.#head)
    return this.#trace
  }

  get log(): Log {
    this.#boundLog ??= logFor(this, this.#carrying.log)
    return this.#boundLog
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.late) this.#abort.abort(this.#whyLate())
    }
    return this.#abort.signal
  }

  get bound(): this {
    return this
  }

  /** Its deadline has passed, or whoever reads is gone; nothing ends a COMMIT (R-P-7). */
  get isOver(): boolean {
    if (this.deadline.remainingMs() === 0) return !this.committing || this.#graceIsOver
    return this.#reads && this.abandoned
  }

  /** Nobody is left to be answered. */
  get abandoned(): boolean {
    return this.#carrying.isAbandoned()
  }

  /** Whether it came without time, or its message did: then nothing is begun, and whoever asks is told. */
  endIfLate(): boolean {
    if (!this.late && this.deadline.remainingMs() === 0) this.end()
    return this.late
  }

  end(): void {
    this.late = true
    this.left = this.deadline.remainingMs() > 0
    this.#carrying.answerLate()
    this.#abort?.abort(this.#whyLate())
  }

  /** What is made for its answer, which is on its way, is to end. */
  endStream(): void {
    this.#abort?.abort()
  }

  /** Its work has ended, too late: what was under way is known by now. Who has left is told nothing. */
  noteLate(operation: string, error: unknown): void {
    if (!this.left) logLate(this.log, operation, 'in time', error)
  }

  get #graceIsOver(): boolean {
    return performance.now() >= this.startedMs + (this.#head.remainingMs ?? 0) + COMMIT_GRACE_MS
  }

  /** Undefined is an AbortError: nobody waits any more. */
  #whyLate(): Problem | undefined {
    return this.abandoned ? undefined : new Problem('GATEWAY_TIMEOUT')
  }
}

const COMMIT_GRACE_MS = 1_000

import type { Caller } from '../auth/caller.ts'
import { newId } from '../base/ids.ts'
import type { Context, Log } from '../call/call.ts'
import { idsOf } from '../call/log-for.ts'
import type { EventContext } from '../events/headers.ts'
import type { Span } from '../observe/span.ts'
import { type Trace, traceOf } from '../observe/trace.ts'
import { type Deadline, NO_DEADLINE } from '../resilience/deadline.ts'
import type { Bound } from '../resilience/watch.ts'

type Ids = ReturnType<typeof idsOf>

export interface WorkContextOptions {
  /** The service itself. */
  readonly caller: Caller
  /** Makes the log whose lines carry its ids; called once, when somebody has something to say. */
  readonly log: (ids: Ids) => Log
  /** What it is done for, read when somebody asks; ids of its own by default. */
  readonly cause?: Partial<Omit<EventContext, 'caller'>> | undefined
  /** Of the work, where that is recorded. */
  readonly span?: Span | undefined
  /** What it may take; as long as it likes by default. Its signal is asked for when somebody needs it. */
  readonly time?: { readonly deadline: Deadline; readonly signal: AbortSignal } | undefined
  /** One that never aborts by default, or that of `time`. */
  readonly signal?: AbortSignal | undefined
  /** As in `Context`. */
  readonly bound?: Bound | undefined
}

/** The context of work that no request asks for: of an event, of a command, of what a service does of its own accord. */
export class WorkContext implements Context {
  readonly caller: Caller
  readonly deadline: Deadline
  readonly bound: Bound | undefined
  span: Span | undefined
  readonly #cause: WorkContextOptions['cause']
  readonly #time: WorkContextOptions['time']
  readonly #makeLog: (ids: Ids) => Log
  #log: Log | undefined = undefined
  #requestId: string | undefined = undefined
  #trace: Trace | undefined = undefined
  #signal: AbortSignal | undefined

  constructor(options: WorkContextOptions) {
    const { caller, cause, log, span, time, signal, bound } = options
    this.caller = caller
    this.#cause = cause
    this.deadline = time?.deadline ?? NO_DEADLINE
    this.#time = time
    this.bound = bound
    this.#makeLog = log
    this.span = span
    this.#signal = signal
  }

  get requestId(): string {
    this.#requestId ??= this.#cause?.requestId ?? newId('req')
    return this.#requestId
  }

  get trace(): Trace {
    if (this.span !== undefined) return this.span.trace
    this.#trace ??= this.#cause?.trace ?? traceOf(undefined)
    return this.#trace
  }

  get actor(): string | undefined {
    return this.#cause?.actor
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#time?.signal ?? new AbortController().signal
    return this.#signal
  }

  get log(): Log {
    this.#log ??= this.#makeLog(idsOf(this))
    return this.#log
  }
}

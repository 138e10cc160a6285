import type { Caller } from '../auth/caller.ts'
import { newId } from '../base/ids.ts'
import type { Context, Log } from '../call/call.ts'
import { idsOf } from '../call/log-for.ts'
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
  /** A new one by default. */
  readonly requestId?: string | undefined
  /** A new one by default. */
  readonly trace?: Trace | undefined
  /** Of the work, where that is recorded. */
  readonly span?: Span | undefined
  /** As in `Context`. */
  readonly actor?: string | undefined
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
  readonly actor: string | undefined
  readonly deadline: Deadline
  readonly bound: Bound | undefined
  span: Span | undefined
  readonly #time: WorkContextOptions['time']
  readonly #makeLog: (ids: Ids) => Log
  #log: Log | undefined = undefined
  #requestId: string | undefined
  #trace: Trace | undefined
  #signal: AbortSignal | undefined

  constructor(options: WorkContextOptions) {
    const { caller, log, requestId, trace, span, actor, time, signal, bound } = options
    this.caller = caller
    this.actor = actor
    this.deadline = time?.deadline ?? NO_DEADLINE
    this.#time = time
    this.bound = bound
    this.#makeLog = log
    this.#requestId = requestId
    this.#trace = trace
    this.span = span
    this.#signal = signal
  }

  get requestId(): string {
    this.#requestId ??= newId('req')
    return this.#requestId
  }

  get trace(): Trace {
    if (this.span !== undefined) return this.span.trace
    this.#trace ??= traceOf(undefined)
    return this.#trace
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

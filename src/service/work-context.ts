import type { Caller } from '../auth/caller.ts'
import { newId } from '../base/ids.ts'
import type { Context, Log } from '../call/call.ts'
import { type Trace, traceOf } from '../observe/trace.ts'
import { type Deadline, NO_DEADLINE } from '../resilience/deadline.ts'

export interface WorkContextOptions {
  /** The service itself. */
  readonly caller: Caller
  /** Makes the log whose lines carry the id; called once, when somebody has something to say. */
  readonly log: (requestId: string) => Log
  /** A new one by default. */
  readonly requestId?: string | undefined
  /** A new one by default. */
  readonly trace?: Trace | undefined
  /** As in `Context`. */
  readonly actor?: string | undefined
  /** None by default. */
  readonly deadline?: Deadline | undefined
  /** One that never aborts by default. */
  readonly signal?: AbortSignal | undefined
}

/** The context of work that no request asks for: of an event, of a command, of what a service does of its own accord. */
export class WorkContext implements Context {
  readonly caller: Caller
  readonly actor: string | undefined
  readonly deadline: Deadline
  readonly #makeLog: (requestId: string) => Log
  #log: Log | undefined = undefined
  #requestId: string | undefined
  #trace: Trace | undefined
  #signal: AbortSignal | undefined

  constructor({ caller, log, requestId, trace, actor, deadline = NO_DEADLINE, signal }: WorkContextOptions) {
    this.caller = caller
    this.actor = actor
    this.deadline = deadline
    this.#makeLog = log
    this.#requestId = requestId
    this.#trace = trace
    this.#signal = signal
  }

  get requestId(): string {
    this.#requestId ??= newId('req')
    return this.#requestId
  }

  get trace(): Trace {
    this.#trace ??= traceOf(undefined)
    return this.#trace
  }

  get signal(): AbortSignal {
    this.#signal ??= new AbortController().signal
    return this.#signal
  }

  get log(): Log {
    this.#log ??= this.#makeLog(this.requestId)
    return this.#log
  }
}

import { ANONYMOUS, type Caller, callerKey } from '../auth/caller.ts'
import { newId } from '../base/ids.ts'
import type { Span } from '../observe/span.ts'
import type { Trace } from '../observe/trace.ts'
import { type Deadline, NO_DEADLINE } from '../resilience/deadline.ts'
import type { Bound } from '../resilience/watch.ts'
import type { Call, CallMembers, Context, Log } from './call.ts'

/** The context of a call that belongs to no request, such as a browser's. */
export class OwnContext implements Context {
  readonly trace: undefined = undefined
  readonly caller: Caller = ANONYMOUS
  readonly deadline: Deadline = NO_DEADLINE
  readonly log: Log = SILENT
  #requestId: string | undefined = undefined
  #signal: AbortSignal | undefined

  constructor(signal?: AbortSignal | undefined) {
    this.#signal = signal
  }

  get requestId(): string {
    this.#requestId ??= newId('req')
    return this.#requestId
  }

  get signal(): AbortSignal {
    this.#signal ??= new AbortController().signal
    return this.#signal
  }
}

/** What a call changes of the context that it is made in. */
export interface Changed {
  readonly caller?: Caller
  readonly deadline?: Deadline
  readonly signal?: AbortSignal
  /** What ends it instead of a signal, and has one for whoever asks. */
  readonly end?: Bound & { readonly signal: AbortSignal }
}

/** The context of a call that belongs to a request: the request's, but for what has changed. */
export class CalledContext implements Context {
  span: Span | undefined
  readonly caller: Caller
  readonly deadline: Deadline
  /** Undefined where whoever answers gives the call its id. */
  readonly givenId: string | undefined
  readonly #from: Context
  readonly #signal: AbortSignal | undefined
  readonly #end: Changed['end']
  #bound: Bound | undefined = undefined

  constructor(from: Context, { caller, deadline, signal, end }: Changed) {
    this.span = from.span
    this.caller = caller ?? from.caller
    this.deadline = deadline ?? from.deadline
    this.givenId = idOf(from)
    this.#from = from
    this.#signal = signal
    this.#end = end
  }

  get requestId(): string {
    return this.#from.requestId
  }

  get trace(): Trace | undefined {
    return this.span === undefined ? this.#from.trace : this.span.trace
  }

  get actor(): string | undefined {
    const { actor, caller } = this.#from
    return actor ?? (caller === this.caller || caller.kind === 'anonymous' ? undefined : callerKey(caller))
  }

  get signal(): AbortSignal {
    return this.#signal ?? (this.#end ?? this.#from).signal
  }

  /** Whoever carries the call ends it, at its deadline too. */
  get bound(): Bound {
    if (this.#end !== undefined) return this.#end
    this.#bound ??= this.#signal === undefined ? new PartBound(this.#from) : new SignalBound(this.#signal)
    return this.#bound
  }

  /** As `endingSignal`. */
  get endingSignal(): AbortSignal | undefined {
    return this.#signal ?? (this.#end === undefined ? endingSignal(this.#from) : undefined)
  }

  get log(): Log {
    return this.#from.log
  }
}

/** The id of the request that a call belongs to; undefined where it belongs to none. */
export function idOf(context: Context): string | undefined {
  if (context instanceof CalledContext) return context.givenId
  return context instanceof OwnContext ? undefined : context.requestId
}

/** A call, or what a head says of one, in this context, with another body if there is one. Not a spread, which would lose what is a getter. */
export function withContext(call: CallMembers & Partial<Call>, context: Context, body = call.body): Call {
  const { operation, method, version, params, query, path, contentType, ifMatch, ifNoneMatch, idempotencyKey, raw } =
    call
  const preconditions = { ifMatch, ifNoneMatch, noCache: call.noCache }
  return {
    operation,
    method,
    version,
    params,
    query,
    path,
    body,
    contentType,
    ...preconditions,
    idempotencyKey,
    raw,
    context,
  }
}

/** Work that ends when a signal aborts. */
export class SignalBound implements Bound {
  committing = false
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  get isOver(): boolean {
    return this.#signal.aborted
  }
}

/** Ends with what it is part of, but commits by itself. */
class PartBound implements Bound {
  committing = false
  readonly #of: Context

  constructor(of: Context) {
    this.#of = of
  }

  get isOver(): boolean {
    return isOver(this.#of)
  }
}

/** Whether nobody waits any more; without making a signal where something else tells. */
export function isOver(context: Context): boolean {
  return context.bound === undefined ? context.signal.aborted : context.bound.isOver
}

/** The signal that tells when it is over; undefined where the watch has to look. */
export function endingSignal(context: Context): AbortSignal | undefined {
  if (context instanceof CalledContext) return context.endingSignal
  const { bound } = context
  return bound === undefined || bound instanceof SignalBound ? context.signal : undefined
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

import { type Caller, callerKey } from '../auth/caller.ts'
import { isRequestId } from '../base/ids.ts'
import type { Context } from '../call/call.ts'
import { readTrace, type Trace, writeTraceparent } from '../observe/trace.ts'

/** What an event knows of the request that caused it (R-EVT-6). */
export interface Origin {
  readonly requestId: string | undefined
  readonly trace: Trace | undefined
  /** Key of the caller who asked: `user:usr_…`, `service:orders`. Undefined for nobody in particular. */
  readonly actor: string | undefined
}

/** The same, as the headers of an event have it. What is not known is left out. */
export interface EventHeaders {
  readonly requestId?: string | undefined
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
  readonly actor?: string | undefined
  /** Version of the event's data; 1 where it is left out (R-EVT-7). */
  readonly dataVersion?: number | undefined
}

/** `headers` as `headersOf` returns them, for an event whose data has that version. */
export function withDataVersion(headers: string, dataVersion: number): string {
  return dataVersion === 1 ? headers : `${headers.slice(0, -1)},"dataVersion":${dataVersion}}`
}

/** The headers of the events that a request causes, as JSON text; `trace` may have a span of its own for them. */
export function headersOf({ requestId, trace: asked, caller, actor }: EventContext, trace = asked): string {
  const who = actor ?? (caller.kind === 'anonymous' ? undefined : callerKey(caller))
  // Of these two each character stands for itself in JSON.
  let json = `{"requestId":"${requestId}"`
  if (trace !== undefined) json += `,"traceparent":"${writeTraceparent(trace)}"`
  if (trace?.state !== undefined) json += `,"tracestate":${JSON.stringify(trace.state)}`
  if (who !== undefined) json += `,"actor":${JSON.stringify(who)}`
  return `${json}}`
}

export type EventContext = Pick<Context, 'requestId' | 'trace' | 'caller' | 'actor'>

/** Of work on behalf of the request that caused it, whose headers are read when somebody asks: few do. */
export class CausedContext implements EventContext {
  readonly caller: Caller
  readonly #headers: string | undefined
  /** What stands for a request that is not known. */
  readonly #ownId: () => string
  #origin: Origin | undefined = undefined

  constructor(caller: Caller, headers: string | undefined, ownId: () => string) {
    this.caller = caller
    this.#headers = headers
    this.#ownId = ownId
  }

  get requestId(): string {
    return this.#known().requestId ?? this.#ownId()
  }

  get trace(): Trace | undefined {
    return this.#known().trace
  }

  get actor(): string | undefined {
    return this.#known().actor
  }

  #known(): Origin {
    this.#origin ??= originOf(this.#headers)
    return this.#origin
  }
}

/** None of it is known of events from before, and of rows that a trigger has written. */
export function originOf(headers: string | undefined): Origin {
  const { requestId, traceparent, tracestate, actor } = readHeaders(headers)
  return { requestId, trace: readTrace(traceparent, tracestate), actor }
}

/** The members of headers that are valid: a trigger may write what it likes, and that must not hold up an event. */
export function readHeaders(headers: string | undefined): EventHeaders {
  const read: unknown = headers === undefined ? undefined : JSON.parse(headers)
  return typeof read === 'object' && read !== null ? validHeaders(read) : {}
}

/** Whatever is valid: it goes into log lines and into the headers of calls and messages. */
export function validHeaders(given: { readonly [name in keyof EventHeaders]: unknown }): EventHeaders {
  const { requestId, traceparent, tracestate, actor, dataVersion } = given
  const trace = readTrace(traceparent, tracestate)
  return {
    requestId: isRequestId(requestId) ? requestId : undefined,
    traceparent: trace && (traceparent as string),
    tracestate: trace?.state,
    actor: matching(actor, /^[\x21-\x7e]{1,200}$/),
    dataVersion: Number.isSafeInteger(dataVersion) && (dataVersion as number) > 0 ? (dataVersion as number) : undefined,
  }
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  return typeof value === 'string' && pattern.test(value) ? value : undefined
}

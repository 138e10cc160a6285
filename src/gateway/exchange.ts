import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlockList } from 'node:net'
import { ANONYMOUS, type Caller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import { isRequestId, newId } from '../base/ids.ts'
import type { Call, Context, Log, RawRequest } from '../call/call.ts'
import { logFor } from '../call/log-for.ts'
import { readTimeoutMs, TIMEOUT_HEADER } from '../call/timeout-header.ts'
import type { Reach } from '../contract/access.ts'
import type { Pairs } from '../contract/list-query.ts'
import { clientAddress, limitKey } from '../limits/client-address.ts'
import type { RateLimitResult } from '../limits/headers.ts'
import type { Span, Tracer } from '../observe/span.ts'
import { readTrace, type Trace, traceOf } from '../observe/trace.ts'
import { Deadline } from '../resilience/deadline.ts'
import type { InFlightLimit } from '../resilience/in-flight-limit.ts'
import type { Bound, UnderWay } from '../resilience/watch.ts'
import type { Target } from './path.ts'
import type { Route } from './router.ts'

/**
 * A request on its way through the gateway. Each step fills in its part, and in the end it is the Call that the service gets,
 * and that call's Context: one object per request, always of the same shape. What few requests ask for is a getter: don't
 * spread it.
 */
export class Exchange implements Call, Context, Bound, UnderWay {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
  target!: Target
  route: Route | undefined = undefined
  /** Methods offered at its place, for 405 and OPTIONS. */
  allow: string | undefined = undefined
  params: readonly string[] = NONE
  operation = ''
  path = ''
  query: Pairs = NONE
  /** 0 until it is known. */
  version = 0
  caller: Caller = ANONYMOUS
  /** Undefined until access is decided; it stays so for what is forwarded. */
  reach: Reach | undefined = undefined
  body: Uint8Array | undefined = undefined
  /** Of a route. */
  raw: RawRequest | undefined = undefined
  /** Rate-limit results: undefined before counting, empty if this request is not rate-limited. */
  rateLimits: RateLimitResult[] | undefined = undefined
  readonly contentType: string | undefined
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly idempotencyKey: string | undefined
  readonly startedMs = performance.now()
  /** When its work began: for a service in this process, when the whole request had arrived. */
  begunMs = this.startedMs
  /** From `begunMs` to its deadline. */
  timeoutMs = REQUEST_TIMEOUT_MS
  hurried = false
  /** Of its operation; undefined where any number of requests may be in flight. */
  inFlightLimit: InFlightLimit | undefined = undefined
  /** Among the requests of its operation in flight; 0 while it is none of them. */
  place = 0
  watchedAt = -1
  committing = false
  /** It was answered already, because its time was over. */
  late = false
  /** It was ended before its time, since whoever reads is gone. */
  left = false
  /** Of the request itself; undefined where nothing is recorded. */
  requestSpan: Span | undefined = undefined
  span: Span | undefined = undefined
  #onLate: ((exchange: Exchange) => void) | undefined = undefined
  readonly #trusted: BlockList | undefined
  #address: string | undefined = undefined
  #trace: Trace | undefined = undefined
  #abort: AbortController | undefined = undefined
  readonly #log: Log
  #boundLog: Log | undefined = undefined
  #deadline: Deadline | undefined = undefined

  /** `trusted` are the proxies whose `X-Forwarded-For` is believed. */
  constructor(req: IncomingMessage, res: ServerResponse, trusted: BlockList | undefined, log: Log) {
    const { headers } = req
    this.req = req
    this.res = res
    this.#trusted = trusted
    this.#log = log
    this.requestId = requestIdOf(headers['x-request-id'])
    this.contentType = headers['content-type']
    this.ifMatch = headers['if-match']
    this.ifNoneMatch = headers['if-none-match']
    this.idempotencyKey = headers['idempotency-key'] as string | undefined
  }

  get context(): Context {
    return this
  }

  get method(): string {
    return this.req.method!
  }

  /** Also `max-age=0`, which browsers send when a page is reloaded. */
  get noCache(): boolean {
    const { 'cache-control': asked } = this.req.headers
    return asked !== undefined && /\b(?:no-cache|no-store|max-age=0)\b/i.test(asked)
  }

  get deadline(): Deadline {
    this.#deadline ??= new Deadline(this.begunMs + this.timeoutMs)
    return this.#deadline
  }

  get log(): Log {
    this.#boundLog ??= logFor(this, this.#log)
    return this.#boundLog
  }

  /** Whose it is, as limits count clients: an IPv4 address, or the /64 of an IPv6 one. */
  get address(): string {
    if (this.#address === undefined) {
      const { socket, headers } = this.req
      // Node joins several lines of it, by commas.
      const forwardedFor = headers['x-forwarded-for'] as string | undefined
      this.#address = limitKey(clientAddress(socket.remoteAddress ?? '', forwardedFor, this.#trusted))
    }
    return this.#address
  }

  /** The client's, else a new one; made for the first who asks. */
  get trace(): Trace {
    if (this.span !== undefined) return this.span.trace
    if (this.#trace === undefined) {
      const { traceparent, tracestate } = this.req.headers
      this.#trace = traceOf(traceparent, tracestate)
    }
    return this.#trace
  }

  /** From now on it is a span, in the client's trace; it began when the request arrived. */
  record(tracer: Tracer, { operation }: Route): void {
    const { traceparent, tracestate } = this.req.headers
    const attributes = {
      'http.request.method': this.req.method!,
      'http.route': operation.path,
      'url.scheme': 'encrypted' in this.req.socket ? 'https' : 'http',
      'lintel.operation': operation.id,
      'lintel.request_id': this.requestId,
    }
    const name = `${this.req.method} ${operation.path}`
    const from = readTrace(traceparent, tracestate)
    this.requestSpan = tracer.root(name, 'server', from, attributes, this.startedMs)
    this.span = this.requestSpan
  }

  /** Aborts when it ends before it is done. Most requests never ask for it: a controller costs 1 µs. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.late) this.#abort.abort(this.#whyLate())
    }
    return this.#abort.signal
  }

  /** From now on it may take so long, or less if its client waits no longer; `onLate` answers when it has not ended by then. */
  begin(timeoutMs: number, onLate: (exchange: Exchange) => void): void {
    this.begunMs = performance.now()
    this.limitTime(timeoutMs)
    this.#deadline = undefined
    this.#onLate = onLate
  }

  limitTime(timeoutMs: number): number {
    const waitedForMs = readTimeoutMs(this.req.headers[TIMEOUT_HEADER])
    this.hurried = waitedForMs < timeoutMs
    this.timeoutMs = this.hurried ? waitedForMs : timeoutMs
    return this.timeoutMs
  }

  /** Its time is over: it is answered, and its signal aborts. */
  end(): void {
    this.late = true
    this.left = performance.now() < this.begunMs + this.timeoutMs
    this.#onLate?.(this)
    this.#abort?.abort(this.#whyLate())
  }

  /** What is made for its answer, which is on its way, is to end. */
  endStream(): void {
    this.#abort?.abort()
  }

  /** Undefined is an AbortError: nobody waits any more. */
  #whyLate(): Problem | undefined {
    return this.abandoned ? undefined : new Problem('GATEWAY_TIMEOUT')
  }

  /** A hundred searches of one address must not use up what everybody's lists may have in flight. */
  setAside(): void {
    const { place } = this
    if (place === 0) return
    this.place = 0
    this.inFlightLimit!.leave(place, undefined, performance.now())
  }

  get bound(): this {
    return this
  }

  /** Its deadline has passed, or a reader has left. A writer who leaves ends nothing; nor does anything end a COMMIT (R-P-7). */
  get isOver(): boolean {
    const graceMs = this.committing ? COMMIT_GRACE_MS : 0
    if (performance.now() >= this.begunMs + this.timeoutMs + graceMs) return true
    return this.route?.operation.method === 'GET' && this.abandoned
  }

  /** Nobody is left to be answered. */
  get abandoned(): boolean {
    return this.res.destroyed && !this.res.writableFinished
  }
}

const COMMIT_GRACE_MS = 1_000
const NONE: readonly never[] = []
const REQUEST_TIMEOUT_MS = 10_000

/** The caller's own, if it is one. */
function requestIdOf(given: string | string[] | undefined): string {
  return isRequestId(given) ? given : newId('req')
}

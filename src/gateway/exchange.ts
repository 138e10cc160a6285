import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BlockList } from 'node:net'
import { ANONYMOUS, type Caller } from '../auth/caller.ts'
import { newId } from '../base/ids.ts'
import type { Pairs } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'
import type { Bound } from '../data/transaction.ts'
import { clientAddress, limitKey } from '../limits/client-address.ts'
import type { Told } from '../limits/headers.ts'
import { type Trace, traceOf } from '../observe/trace.ts'
import type { UnderWay } from '../resilience/watch.ts'
import type { ServiceRequest } from '../service/request.ts'
import type { Target } from './path.ts'
import type { Route } from './router.ts'

/**
 * A request on its way through the gateway. Each step fills in its part, and in the end it is the ServiceRequest that the
 * upstream gets: one object per request, always of the same shape. `signal` and `address` are getters: don't spread it.
 */
export class Exchange implements ServiceRequest, Bound, UnderWay {
  /** What to do when its time is over. */
  end: () => void = nothing
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
  target!: Target
  route: Route | undefined = undefined
  /** Methods offered at its place, for 405 and OPTIONS. */
  allow: string | undefined = undefined
  params: readonly string[] = NONE
  operation!: Operation
  path = ''
  query: Pairs = NONE
  /** 0 until it is known. */
  version = 0
  caller: Caller = ANONYMOUS
  body: Uint8Array | undefined = undefined
  /** What its buckets said: undefined until it is counted, none where it is not to be. */
  told: Told[] | undefined = undefined
  readonly contentType: string | undefined
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly idempotencyKey: string | undefined
  readonly startedMs = performance.now()
  committing = false
  /** It was answered already, because its time was over. */
  late = false
  #endsAtMs = Number.POSITIVE_INFINITY
  readonly #trusted: BlockList | undefined
  #address: string | undefined = undefined
  #trace: Trace | undefined = undefined
  #abort: AbortController | undefined = undefined

  /** `trusted` are the proxies whose `X-Forwarded-For` is believed. */
  constructor(req: IncomingMessage, res: ServerResponse, trusted: BlockList | undefined) {
    const { headers } = req
    this.req = req
    this.res = res
    this.#trusted = trusted
    this.requestId = requestIdOf(headers['x-request-id'])
    this.contentType = headers['content-type']
    this.ifMatch = headers['if-match']
    this.ifNoneMatch = headers['if-none-match']
    this.idempotencyKey = headers['idempotency-key'] as string | undefined
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
    if (this.#trace === undefined) {
      const { traceparent, tracestate } = this.req.headers
      this.#trace = traceOf(traceparent, tracestate)
    }
    return this.#trace
  }

  /** Aborts when the client goes away. Most requests never ask for it: a controller and a listener cost 2 µs. */
  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      const { res } = this
      const controller = new AbortController()
      this.#abort = controller
      if (res.destroyed) controller.abort()
      else
        res.once('close', () => {
          if (!res.writableFinished) controller.abort()
        })
    }
    return this.#abort.signal
  }

  /** From now on it may take so long. */
  begin(timeoutMs: number): void {
    this.#endsAtMs = performance.now() + timeoutMs
  }

  get bound(): this {
    return this
  }

  /** Its deadline has passed, or a reader has left. A writer who leaves ends nothing; nor does anything end a COMMIT (R-P-7). */
  get isOver(): boolean {
    const graceMs = this.committing ? COMMIT_GRACE_MS : 0
    if (performance.now() >= this.#endsAtMs + graceMs) return true
    return this.operation.method === 'GET' && this.abandoned
  }

  /** Nobody is left to be answered. */
  get abandoned(): boolean {
    return this.res.destroyed && !this.res.writableFinished
  }
}

const COMMIT_GRACE_MS = 1_000
const NONE: readonly never[] = []

function nothing(): void {}

/** The caller's own, if it is one (R-REST-7): it goes into logs and headers, where anything else could do harm. */
function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : newId('req')
}

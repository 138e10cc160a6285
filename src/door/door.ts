import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type FieldFault, Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import type { Log, Reply } from '../call/call.ts'
import { CALL_HEADER, callerOf, PROOF_HEADER, REPLY_HEADER } from '../call/call-head.ts'
import type { ServiceHealth } from '../call/health.ts'
import { digestOf, type Proofs } from '../call/proof.ts'
import { isUnasked } from '../call/read-call-head.ts'
import { writeReplyHead } from '../call/reply-head.ts'
import { readBody } from '../http/body.ts'
import { hasBody } from '../http/framing.ts'
import { respond } from '../http/respond.ts'
import { createRouteStreams } from '../http/route-streams.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import { boundedCheck, CHECK_MS } from '../resilience/bounded-check.ts'
import { type Arrival, arrivals, type Behind } from './arrivals.ts'
import { type DoorAnswer, type Refusing, refusal } from './door-answer.ts'
import { createFramedDoor, type FramedDoor } from './framed/framed-door.ts'
import { PROTOCOL } from './framed/frames.ts'
import { carryingRoute } from './route-answer.ts'
import { serveCall } from './serve-call.ts'

export interface DoorOptions {
  /** Of the system: a call is for one of its services, and not for one of that name in another. */
  readonly system: string
  readonly services: readonly Behind[]
  readonly proofs: Proofs
  readonly log: Log
  readonly security: SecurityLog
  /** Told of every call when its answer has been handed over. */
  readonly observe?: ((operation: string, status: number, ms: number) => void) | undefined
}

export interface Door {
  /** Answers a request; never rejects. For `createHttpServer`. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  /**
   * Takes a connection on which the calls of another process come as frames, if the request for it is proven; else it is answered as
   * any. For `createHttpServer`.
   */
  upgrade(req: IncomingMessage, socket: Socket, first: Buffer): boolean
  /** The same of a stream whose opening is proven. */
  readonly takeFramed: FramedDoor['take']
  /** From now on `/health/ready` says 503; everything else goes on (R-OPS-2). */
  drain(): void
}

export const CALLS = '/call'
export const CHECKS = '/checks'

/** The gateway has bounded what comes from outside; this bounds what another service sends. */
const MAX_BODY_BYTES = 16 * 1024 * 1024

/**
 * The internal door of a process: calls of its services by other processes of the system, each with a proof. Without one it
 * tells whether it is healthy, and no more; everything else is a 404.
 */
export function createDoor({ system, services, proofs, log, security, observe }: DoorOptions): Door {
  const readArrival = arrivals(system, services, proofs)
  const checks = services.map((one) => boundedCheck(CHECK_MS.replica, () => one.health()))
  const health = keptFor(HEALTH_KEPT_MS, async () => worst(await Promise.all(checks.map(statusOf))))
  const framed = createFramedDoor(({ line, proof, body }, via) => {
    const arrival = readArrival(line, proof)
    if (!isLetIn(arrival, via)) return
    // Its body and its answer may be streams, which frames don't carry.
    if (arrival.operation?.route) return rejectHead(via, { field: 'operation', message: 'is a route: send a request' })
    serve(arrival, body, via).catch(() => via.refuse('INTERNAL_ERROR'))
  })
  const streams = createRouteStreams()
  let draining = false

  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method, url } = req
    try {
      if (method === 'POST' && (url === CALLS || url === CHECKS)) await receive(req, res)
      else if (method === 'GET' || method === 'HEAD') await showHealth(req, res)
      else new HttpAnswer(req, res).refuse('NOT_FOUND')
    } catch (error) {
      new HttpAnswer(req, res).refuse(error instanceof Problem ? error.code : 'INTERNAL_ERROR')
    }
  }

  async function receive(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const via = new HttpAnswer(req, res)
    const arrival = arrivalOf(req)
    if (!isLetIn(arrival, via)) return
    // It ends: what still comes should come as requests, each of which can be told.
    if (req.headers.upgrade === PROTOCOL) return via.refuse('SERVICE_UNAVAILABLE')
    if (req.url === CHECKS) return via.answer(200, writeReplyHead({}), JSON.stringify(await arrival.behind.health()))
    const { operation } = arrival
    const asking = { caller: callerOf(arrival.head), address: arrival.head.address }
    const carrying = operation?.route && carryingRoute(operation, asking, req, res, streams)
    if (carrying?.stream !== undefined && !isUnasked(arrival.head))
      return serveCall(arrival, undefined, via, { log, observe, ...carrying })
    await serve(arrival, hasBody(req) ? await readBody(req, res, MAX_BODY_BYTES) : undefined, via, carrying)
  }

  function arrivalOf({ headers }: IncomingMessage): Arrival {
    return readArrival(headers[CALL_HEADER], headers[PROOF_HEADER])
  }

  /** What is no call for a service here is answered at once. */
  function isLetIn(arrival: Arrival, via: DoorAnswer): arrival is Arrival & { kind: 'call' } {
    if (arrival.kind === 'refused') reject(via, arrival.reason)
    else if (arrival.kind === 'malformed') rejectHead(via, arrival.fault)
    // RFC 9110 15.5.20: it is for somebody else. The caller compares, and comes again where the two go together.
    else if (arrival.kind === 'misdirected')
      via.answer(421, writeReplyHead({ greeting: true }), JSON.stringify(arrival.greeting))
    return arrival.kind === 'call'
  }

  async function serve(
    arrival: Arrival & { kind: 'call' },
    body: Uint8Array | undefined,
    via: DoorAnswer,
    carrying?: ReturnType<typeof carryingRoute>,
  ): Promise<void> {
    if (isUnasked(arrival.head)) rejectHead(via, { field: 'method', message: 'is missing' })
    else if ((body && digestOf(body)) !== arrival.head.digest) reject(via, 'its body is not that of its proof')
    else await serveCall(arrival, body, via, { log, observe, ...carrying })
  }

  /** Whether it lives, may be asked, and is well: for probes, which have no proof. What is wrong is said to those who have one. */
  async function showHealth(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (req.url === '/health/live') return showJson(req, res, 200, { status: 'live' })
    if (req.url !== '/health' && req.url !== '/health/ready') return new HttpAnswer(req, res).refuse('NOT_FOUND')
    if (req.url === '/health/ready' && draining) return showJson(req, res, 503, { status: 'draining' })
    const status = await health()
    const shown = req.url === '/health/ready' && status !== 'unhealthy' ? 'ready' : status
    showJson(req, res, status === 'unhealthy' ? 503 : 200, { status: shown })
  }

  function reject(via: DoorAnswer, reason: string): void {
    via.refuse('UNAUTHENTICATED', { requestId: noted(via, reason) })
  }

  function rejectHead(via: DoorAnswer, fault: FieldFault): void {
    const requestId = noted(via, `${fault.field} of its head ${fault.message}`)
    via.refuse('VALIDATION_ERROR', { details: [fault], requestId })
  }

  /** Its head may say another id, but proves nothing. */
  function noted({ address }: DoorAnswer, reason: string): string {
    const requestId = newId('req')
    security.repeated('call.rejected', `${address} ${reason}`, { address, requestId, reason })
    return requestId
  }

  return {
    handle,
    upgrade(req, socket, first) {
      if (req.url !== CALLS || req.headers.upgrade !== PROTOCOL || arrivalOf(req).kind !== 'call') return false
      const accept = () => {
        socket.setNoDelay(true)
        socket.write(SWITCHING)
        if (first.length > 0) socket.unshift(first)
      }
      return framed.take(socket, { address: socket.remoteAddress, accept })
    },
    takeFramed: framed.take,
    drain() {
      draining = true
      framed.drain()
      streams.drain()
    },
  }
}

const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${PROTOCOL}\r\n\r\n`

/** The answer to a call that came as a request of its own. */
class HttpAnswer implements DoorAnswer {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse

  constructor(req: IncomingMessage, res: ServerResponse) {
    this.#req = req
    this.#res = res
  }

  get address(): string | undefined {
    return this.#req.socket.remoteAddress
  }

  answer(status: number, line: string, body: Reply['body']): void {
    respond(this.#req, this.#res, status, [REPLY_HEADER, line], body)
  }

  refuse(code: string, more?: Refusing): void {
    const { status, text } = refusal(code, more)
    respond(this.#req, this.#res, status, JSON_HEAD.slice(), text)
  }

  isAbandoned(): boolean {
    return this.#res.destroyed && !this.#res.writableFinished
  }
}

function showJson(req: IncomingMessage, res: ServerResponse, status: number, value: object): void {
  respond(req, res, status, JSON_HEAD.slice(), JSON.stringify(value))
}

const JSON_HEAD: readonly string[] = ['content-type', 'application/json; charset=utf-8', 'cache-control', 'no-store']

/** Probes have no proof: however many there are, they cost one look a second. */
const HEALTH_KEPT_MS = 1_000

/** What is found is good for so long. */
function keptFor<T>(keptMs: number, look: () => Promise<T>): () => Promise<T> {
  let kept: { readonly found: Promise<T>; readonly untilMs: number } | undefined
  return () => {
    if (kept === undefined || performance.now() >= kept.untilMs)
      kept = { found: look(), untilMs: performance.now() + keptMs }
    return kept.found
  }
}

type Status = ServiceHealth['status']
const ORDER: readonly Status[] = ['healthy', 'degraded', 'unhealthy']

/** A service that can't tell how it is, or not in time, can't do its work either. */
async function statusOf(check: () => Promise<ServiceHealth>): Promise<Status> {
  try {
    return (await check()).status
  } catch {
    return 'unhealthy'
  }
}

function worst(all: readonly Status[]): Status {
  return ORDER[Math.max(0, ...all.map((status) => ORDER.indexOf(status)))]!
}

import { Problem } from '../base/errors.ts'
import type { Log } from '../call/call.ts'
import type { ServiceHealth } from '../call/health.ts'
import type { Operation } from '../contract/operation.ts'
import { createInFlightLimit, type InFlightLimit } from '../resilience/in-flight-limit.ts'
import type { Exchange } from './exchange.ts'
import type { RoutedContract } from './router.ts'

/** Rejects what an operation cannot serve soon, before it costs anything (R-OPS-5). */
export interface LoadShedder {
  /** Rejects with SERVICE_UNAVAILABLE when the operation has as many requests in flight as it may; else there is no promise. Takes no place. */
  check(exchange: Exchange): Promise<never> | undefined
  /** Takes a place, or throws SERVICE_UNAVAILABLE. What is on its way to its upstream already (`sent`) always has one. */
  enter(exchange: Exchange, sent?: boolean): void
  /** Gives the place back, if the request has one. `status` is that of the response; undefined when the client left before it. */
  leave(exchange: Exchange, status: number | undefined): void
  /** Degraded while requests are rejected, and for five seconds after. */
  health(): ServiceHealth
  /** By operation id, of operations that have been asked for. */
  limits(): ReadonlyMap<string, InFlightLimit>
}

/**
 * How many are rejected in one turn of the event loop: ten, or a quarter of the turn's time at 40 µs each. It keeps turns short when
 * thousands of clients repeat at once what was rejected. In each turn libuv reads all that they have sent, but accepts a single new
 * connection, and what is accepted gets on by one step: rejected on the spot, 2,000 such clients left it a third of its capacity,
 * and new ones waited for seconds.
 */
const LEAST_PER_TURN = 10
const MOST_PER_TURN = 200
const PER_MS_OF_TURN = 6
const SHEDDING_MS = 5_000
const LOG_EVERY_MS = 10_000

export function createLoadShedder(contracts: readonly RoutedContract[], log: Log): LoadShedder {
  const limits = new Map<Operation, InFlightLimit>()
  let lastShedMs = Number.NEGATIVE_INFINITY
  let lastLogMs = Number.NEGATIVE_INFINITY
  let shedSinceLog = 0
  // Without the keys nobody can verify a token.
  for (const { served } of contracts)
    for (const operation of served) if (operation.facts.buckets !== 'none') limits.set(operation, createInFlightLimit())

  /** Requests to be rejected, in the order in which they came: of a connection never more than a few (FC-93). */
  const rejecting: (() => void)[] = []

  async function shedInTurn(exchange: Exchange, limit: InFlightLimit): Promise<never> {
    await new Promise<void>((resolve) => {
      rejecting.push(resolve)
      if (rejecting.length === 1) setImmediate(rejectSome)
    })
    return shed(exchange, limit)
  }

  let lastTurnMs = 0

  function rejectSome(): void {
    const nowMs = performance.now()
    const fitting = Math.round((nowMs - lastTurnMs) * PER_MS_OF_TURN)
    lastTurnMs = nowMs
    for (const reject of rejecting.splice(0, Math.max(LEAST_PER_TURN, Math.min(fitting, MOST_PER_TURN)))) reject()
    if (rejecting.length > 0) setImmediate(rejectSome)
  }

  function shed(exchange: Exchange, limit: InFlightLimit): never {
    // Costs its client no token of a bucket: it is asked to come back.
    exchange.rateLimits = []
    limit.reject()
    shedSinceLog++
    lastShedMs = exchange.startedMs
    if (lastShedMs - lastLogMs >= LOG_EVERY_MS) {
      const about = { operation: exchange.operation, limit: limit.limit, rejected: shedSinceLog }
      log.warn(about, 'Overloaded: requests are rejected with 503')
      lastLogMs = lastShedMs
      shedSinceLog = 0
    }
    throw OVERLOADED[limit.rejected % OVERLOADED.length]
  }

  return {
    check(exchange) {
      const limit = limits.get(exchange.route!.operation)
      exchange.inFlightLimit = limit
      return limit?.isFull ? shedInTurn(exchange, limit) : undefined
    },
    enter(exchange, sent = false) {
      const { inFlightLimit: limit } = exchange
      if (limit === undefined) return
      exchange.place = sent ? limit.join() : limit.enter(exchange.startedMs)
      if (exchange.place === 0) shed(exchange, limit)
    },
    leave(exchange, status) {
      const { place, inFlightLimit: limit } = exchange
      // An upstream may answer before the body has arrived: then no place is taken any more.
      exchange.inFlightLimit = undefined
      if (place === 0) return
      exchange.place = 0
      const nowMs = performance.now()
      const saysTime = status === undefined || (costsWork(status) && !(status === 504 && exchange.hurried))
      const tookMs = saysTime ? nowMs - exchange.begunMs : undefined
      limit!.leave(place, tookMs, nowMs)
    },
    health() {
      if (performance.now() - lastShedMs > SHEDDING_MS) return { status: 'healthy', checks: {} }
      const message = 'overloaded: some requests are rejected with 503'
      return { status: 'degraded', checks: { load: { status: 'up', message } } }
    },
    limits() {
      const used = new Map<string, InFlightLimit>()
      for (const [{ id }, limit] of limits) if (limit.isUsed) used.set(id, limit)
      return used
    },
  }
}

/** Requests that are rejected before any work, or fail, are quick however long the queue is. */
function costsWork(status: number): boolean {
  return status < 400 || status === 504 || (status < 500 && !REJECTED.has(status))
}

const REJECTED = new Set([400, 401, 403, 405, 406, 413, 415, 429])

/** Made once, as a stack trace is what costs most; clients that are told different times don't all come back at once. */
const OVERLOADED = [1, 2, 3].map(
  (retryAfterS) => new Problem('SERVICE_UNAVAILABLE', 'The server is overloaded', { retryAfterS }),
)

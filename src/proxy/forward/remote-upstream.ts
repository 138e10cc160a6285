import type { BlockList } from 'node:net'
import { Problem } from '../../base/errors.ts'
import { isFailing } from '../../call/repeatable.ts'
import { isRepeatable } from '../../client/repeatable.ts'
import type { Operation } from '../../contract/operation.ts'
import { withoutNamed } from '../../gateway/answer-head.ts'
import { headerFilter } from '../../gateway/outside-headers.ts'
import type { Forwarded, ForwardedRequest, RemoteUpstream } from '../../gateway/remote.ts'
import { hasBody } from '../../http/framing.ts'
import type { PoolOptions } from '../../http/pool.ts'
import { createBulkhead } from '../../resilience/bulkhead.ts'
import type { CircuitBreakerOptions, Outcome } from '../../resilience/circuit-breaker.ts'
import { type Choice, createReplicas } from '../../resilience/replicas.ts'
import { createRetries, type RetryOptions } from '../../resilience/retry.ts'
import { WatchedDeadline } from '../../resilience/watched-deadline.ts'
import { type Attempt, createHttpClient } from './http-client.ts'
import { accepts, createReplica, type Replica } from './replicas.ts'
import { type RequestBody, requestBody } from './request-body.ts'
import { requestHead } from './request-head.ts'

export interface RemoteUpstreamOptions extends RetryOptions {
  readonly name: string
  /** One for each replica. A path in it goes before the path of each request. */
  readonly urls: readonly URL[]
  /** From the request's last byte, over all attempts, to the head of the answer; 30,000. A caller may wait for less. */
  readonly timeoutMs?: number
  /** Bytes of a request's body; 1 MiB. */
  readonly maxBodyBytes?: number
  /** Instead of the two above. */
  readonly bounds?: ReadonlyMap<Operation, Bounds>
  /** Requests under way, of all replicas; beyond it: SERVICE_UNAVAILABLE; 1,000. */
  readonly maxPending?: number
  /** How long a body that would stream may wait while half of a replica's connections stream already; 1,000. */
  readonly streamWaitMs?: number
  /** By default 256 connections, 1,000 ms to connect, 30,000 between two pieces of a body. */
  readonly http?: Partial<PoolOptions>
  /** Of each replica. */
  readonly breaker?: CircuitBreakerOptions
  /** Proxies in front of this gateway, whose word on where a request comes from is passed on. */
  readonly trusted?: BlockList | undefined
  /** Headers from outside, in lower case, that are passed on though they could be forged. */
  readonly passedHeaders?: readonly string[] | undefined
}

/** What a route may set for itself. */
export interface Bounds {
  readonly timeoutMs?: number | undefined
  readonly maxBodyBytes?: number | undefined
}

/**
 * Opens an upstream of one or more replicas. Each replica has a breaker: together they are the upstream's, which is open
 * when all of them are.
 */
export async function openRemoteUpstream(options: RemoteUpstreamOptions): Promise<RemoteUpstream> {
  const { name, urls, maxPending = 1_000, streamWaitMs = 1_000, bounds, trusted } = options
  const client = { ...HTTP, ...options.http }
  const replicas = createReplicas(
    await Promise.all(
      urls.map(async (url) => createReplica(url, await createHttpClient(url.origin, client), options.breaker ?? {})),
    ),
  )
  const isDropped = headerFilter(options.passedHeaders)
  const retries = createRetries(options)
  let pending = 0
  /**
   * Bodies that stream hold a connection for as long as their clients like to send: half of a replica's connections are left to
   * requests that have arrived.
   */
  const streams = createBulkhead({ parallel: Math.ceil(client.connections / 2), waiting: maxPending })

  /** Resolves when a body may stream, which it does until `arriving` resolves. */
  function mayStream(arriving: Promise<void>): Promise<void> {
    return new Promise((begin, reject) => {
      const stream = () => {
        begin()
        return arriving
      }
      const signal = AbortSignal.timeout(streamWaitMs)
      streams.run(stream, { signal }).catch(() => reject(unavailable(1_000)))
    })
  }

  async function forward(exchange: ForwardedRequest, received: (sent: boolean) => void): Promise<Forwarded> {
    const path = forwardedPath(exchange)
    if (pending >= maxPending) throw unavailable(1_000)
    // Before the body, which nobody is going to read.
    const retryInMs = replicas.retryInMs()
    if (retryInMs > 0 && replicas.state === 'open') throw unavailable(retryInMs)
    const own = bounds?.get(exchange.route!.operation)
    const { timeoutMs = options.timeoutMs ?? 30_000, maxBodyBytes = options.maxBodyBytes ?? 1024 * 1024 } = own ?? {}
    let deadline: WatchedDeadline | undefined
    const { req, res } = exchange
    let arrived = () => {}
    const arriving = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const coming = requestBody(
      req,
      res,
      maxBodyBytes,
      () => deadline?.restart(),
      () => {
        arrived()
        received(true)
      },
    )
    const body = coming instanceof Promise ? await coming : coming
    if (body.streams) await mayStream(arriving)
    // Not before: clients that send slowly must not take the places of others.
    else received(false)
    if (pending >= maxPending) {
      arrived()
      throw unavailable(1_000)
    }
    pending++
    try {
      const given = new WatchedDeadline(exchange.limitTime(timeoutMs))
      deadline = given
      let answered: Forwarded | undefined
      const gone = () => {
        if (answered !== undefined) answered.body.drop()
        else if (!res.writableFinished) given.giveUp()
      }
      if (res.destroyed) gone()
      else res.once('close', gone)
      const head = requestHead(exchange, trusted, isDropped)
      answered = await attempts({ exchange, path, head, body, deadline })
      answered.body.whenOver(() => {
        pending--
        arrived()
      })
      return answered
    } catch (error) {
      pending--
      arrived()
      throw error
    } finally {
      deadline?.clear()
    }
  }

  /** Sends until there is an answer that is worth passing on, or nothing that could still give one. */
  async function attempts(work: Work): Promise<Forwarded> {
    const { exchange, body, deadline } = work
    const repeatable = isRepeatable(exchange.req.method!, exchange.idempotencyKey)
    const tried: Replica[] = []
    retries.earn()
    for (;;) {
      const choice = replicas.choose(tried, repeatable && body.whole)
      if (choice === undefined) throw unavailable(replicas.retryInMs())
      const attempt = await send(choice, work)
      tried.push(choice.replica)
      if (attempt.kind === 'answered' && !isFailing(attempt.status)) return forwardedOf(attempt)
      if (!body.whole || deadline.over) return settle(attempt, work)
      // Nothing was sent, so this is no repetition: any request may go to a replica that it has not been to.
      if (attempt.kind === 'unreached' && tried.length < replicas.all.length) continue
      const mayRepeat = repeatable && attempt.kind !== 'late' && attempt.kind !== 'garbled'
      const restMs = mayRepeat ? retries.restMs(tried.length, deadline.remainingMs()) : undefined
      if (restMs === undefined) return settle(attempt, work)
      if (attempt.kind === 'answered') attempt.body.drop()
      await deadline.rest(restMs)
      if (deadline.over) return settle({ kind: 'late', cause: undefined }, work)
    }
  }

  async function send({ replica, pass }: Choice<Replica>, work: Work): Promise<Attempt> {
    const { exchange, path, head, body, deadline } = work
    replica.pending++
    const attempt = await replica.client.send({
      method: exchange.req.method!,
      path: replica.url.pathname === '/' ? path : replica.url.pathname.replace(/\/$/, '') + path,
      headers: head(deadline.remainingMs()),
      body: body.open(),
      deadline,
    })
    if (attempt.kind === 'answered') attempt.body.whenOver(() => replica.pending--)
    else replica.pending--
    replica.breaker.leave(pass, outcomeOf(attempt, work))
    return attempt
  }

  return {
    name,
    forward,
    async health() {
      const seen = await Promise.all(replicas.all.map(({ url }) => accepts(url, HEALTH_TIMEOUT_MS)))
      const sound = replicas.all.filter(({ breaker }, i) => seen[i] && breaker.state.kind !== 'open').length
      const all = replicas.all.length
      const message = sound < all ? `${sound} of ${all} replicas are up` : undefined
      const check = { status: sound > 0 ? 'up' : 'down', breaker: replicas.state, ...(message && { message }) } as const
      return { status: sound === all ? 'healthy' : sound > 0 ? 'degraded' : 'unhealthy', checks: { [name]: check } }
    },
    replicas: () =>
      replicas.all.map(({ url, breaker, pending }) => ({ url: url.href, breaker: breaker.state.kind, pending })),
    async close() {
      await Promise.all(replicas.all.map((one) => one.client.close()))
    },
  }
}

interface Work {
  readonly exchange: ForwardedRequest
  readonly path: string
  /** With the time that is left. */
  readonly head: (remainingMs: number) => string[]
  readonly body: RequestBody
  readonly deadline: WatchedDeadline
}

const HTTP: PoolOptions = {
  connections: 256,
  connectTimeoutMs: 1_000,
  bodyTimeoutMs: 30_000,
}
const HEALTH_TIMEOUT_MS = 500

/** As the caller wrote it. */
function forwardedPath({ req, path, target }: ForwardedRequest): string {
  if ((req.method === 'GET' || req.method === 'HEAD') && hasBody(req))
    throw new Problem('VALIDATION_ERROR', `${req.method} requests must not have a body`)
  // Servlet containers cut `;…` off a segment, and then take `..;x` for a way up.
  if (path.includes(';') && target.segments.some((segment) => /^\.{1,2};/.test(segment)))
    throw new Problem('VALIDATION_ERROR', 'The path has a dot segment (/.;/ or /..;/)')
  return target.query === '' ? path : `${path}?${target.query}`
}

function outcomeOf(attempt: Attempt, { exchange: { hurried }, body, deadline }: Work): Outcome {
  if (attempt.kind === 'answered') {
    if (attempt.status === 504 && hurried) return 'unknown'
    return isFailing(attempt.status) ? 'failed' : 'succeeded'
  }
  if (attempt.kind === 'unreached') return 'unreached'
  // The caller's doing, or not doing, says nothing of the upstream.
  if (body.failure !== undefined || body.starved || (deadline.over && (hurried || !deadline.passed))) return 'unknown'
  return 'failed'
}

/** What an attempt that is the last one means for the caller. */
function settle(attempt: Attempt, { body, deadline }: Work): Forwarded {
  if (attempt.kind === 'answered') return forwardedOf(attempt)
  if (body.failure !== undefined) throw body.failure
  const { cause } = attempt
  switch (attempt.kind) {
    case 'unreached':
      throw unavailable(1_000, cause)
    case 'late':
      // Nobody is left to be told, where the caller is gone.
      if (deadline.passed && body.starved) throw new Problem('REQUEST_TIMEOUT')
      throw new Problem('GATEWAY_TIMEOUT', undefined, { cause })
    default:
      throw new Problem('BAD_GATEWAY', undefined, { cause })
  }
}

function unavailable(retryInMs: number, cause?: unknown): Problem {
  return new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: retryInMs / 1000, cause })
}

function forwardedOf({ status, headers, body }: Attempt & { kind: 'answered' }): Forwarded {
  return { status, headers: withoutNamed(headers), body }
}

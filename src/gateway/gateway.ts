import type { IncomingMessage, ServerResponse } from 'node:http'
import { ANONYMOUS, type Caller } from '../auth/caller.ts'
import type { TokenVerifier } from '../auth/tokens.ts'
import { Problem } from '../base/errors.ts'
import type { Log, Reply } from '../call/call.ts'
import { logLate } from '../call/failure-log.ts'
import type { ServiceHealth } from '../call/health.ts'
import type { ServedMethod } from '../contract/operation.ts'
import { readBody } from '../http/body.ts'
import { checkFraming, hasBody } from '../http/framing.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import type { Tracer } from '../observe/span.ts'
import { watch } from '../resilience/watch.ts'
import { reachOf } from '../service/access.ts'
import { requireAccess } from './access.ts'
import { type BuiltInPage, createBuiltIns, type Document, type Documents } from './built-ins.ts'
import { type CorsOrigins, createCors } from './cors.ts'
import { bearerToken } from './credentials.ts'
import { Exchange } from './exchange.ts'
import { createHealth, type SystemHealth } from './health.ts'
import { createLimiter, type LimiterOptions } from './limiter.ts'
import { createLoadShedder, type LoadShedder } from './load-shedder.ts'
import { longestBodyMs, USUAL_BODY_MS } from './long-bodies.ts'
import { createLookalikes } from './lookalikes.ts'
import { ownPaths } from './own-paths.ts'
import { readTarget } from './path.ts'
import { readQuery } from './query.ts'
import { createRouter, type Mounted, type Place, type Route } from './router.ts'
import { createSending } from './sending.ts'
import { createRouteServing } from './serve-route.ts'
import { versionsOf, withoutVersion } from './version.ts'

export interface GatewayOptions {
  readonly services: readonly Mounted[]
  /** Without one no token is taken, and every caller is anonymous. */
  readonly verifier: TokenVerifier | undefined
  /** Of the system, for `/health`. */
  readonly version: string
  readonly documents?: Documents
  /** The page at `/`, where no route has that path; as `mails`, never given in production, and shown to this machine alone. */
  readonly overview?: () => Document
  /** Mails that were caught instead of sent, for `/dev/mails`; never given in production, and shown to this machine alone. */
  readonly mails?: () => Promise<readonly object[]>
  /** The last events, for `/dev/events`; likewise. */
  readonly events?: () => Promise<readonly object[]>
  /** For `/metrics`; in production never on a public port. */
  readonly metrics?: () => Promise<Document>
  /** The health of what belongs to no service. */
  readonly health?: () => Promise<ServiceHealth>
  /** Bytes of a body; 1 MiB. Beyond it: 413. */
  readonly maxBodyBytes?: number
  /** Until the deadline of requests whose operation has no `timeoutMs`; 10,000. */
  readonly requestTimeoutMs?: number
  /** Without them nobody is counted. */
  readonly limits?: LimiterOptions
  /** From where browsers may use it; nowhere else than its own origin without it. */
  readonly cors?: CorsOrigins | undefined
  /** Names of headers that pages of those origins may send, and read in answers, besides the usual ones. */
  readonly corsHeaders?: readonly string[]
  /** False: paths are forwarded as they are, and `/api`, `/v1`, `Accept` and `?version` mean nothing here; true. */
  readonly versioned?: boolean
  /** The path below which all of it stands for clients, such as `/backend`; requests come without it. */
  readonly prefix?: string
  /** Tells browsers to come by HTTPS only. */
  readonly strictTransport?: boolean
  readonly log: Log
  /** Gets a line of every token that is rejected, and of every 429. */
  readonly security?: SecurityLog | undefined
  /** Records each request of an operation; whoever observes ends its span. */
  readonly tracer?: Tracer | undefined
  /** Told of every request when its answer has been handed over. */
  readonly observe?: ((exchange: Exchange) => void) | undefined
}

export interface Gateway {
  /** Answers a request; never rejects. For `createHttpServer`, or any server of node:http. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  health(): Promise<SystemHealth>
  /** The limits of requests in flight by operation id, of operations that have been asked for. */
  inFlightLimits: LoadShedder['limits']
  /** From now on `/health/ready` says 503; everything else goes on (R-OPS-2). */
  drain(): void
}

/** The one public door of a system (R-GW-1). Throws the Fault ROUTE_CLASH when two services claim one place. */
export function createGateway(options: GatewayOptions): Gateway {
  const {
    services,
    verifier,
    log,
    security,
    tracer,
    observe,
    maxBodyBytes = 1024 * 1024,
    requestTimeoutMs = 10_000,
  } = options
  const router = createRouter(services, ownPaths({ documents: options.documents !== undefined }))
  const anyRemote = services.some(({ upstream }) => 'forward' in upstream)
  /** Only what is forwarded is read again by somebody else. */
  const lookalikes = anyRemote ? createLookalikes(router.templates) : undefined
  const limiter = options.limits && createLimiter(contractsOf(services), options.limits, security && noteLimited)
  const shedder = createLoadShedder(contractsOf(services), log)
  const trusted = options.limits?.trusted
  const cors = options.cors && createCors(options.cors, options.corsHeaders)
  /** The server's bound is that of the longest body. Where a body of the usual kind has none of its own, it costs no timer. */
  const bodyTimeoutMs = longestBodyMs(contractsOf(services)) && USUAL_BODY_MS
  const versions = options.versioned === false ? undefined : versionsOf(contractsOf(services))
  const sending = createSending({
    cors,
    versions,
    strictTransport: options.strictTransport ?? false,
    prefix: options.prefix ?? '',
    log,
  })
  const health = createHealth({
    version: options.version,
    services: services.map((service) => service.upstream),
    own: services.length === 0 ? options.health : ownHealth,
  })
  const routes = createRouteServing({
    shedder,
    sending,
    requestTimeoutMs,
    bodyTimeoutMs,
    answerLate,
    noteLate,
  })
  let draining = false
  const builtIn = createBuiltIns({
    documents: options.documents,
    overview: options.overview,
    mails: options.mails,
    events: options.events,
    metrics: options.metrics,
    health,
    draining: () => draining,
    // What is known of replicas elsewhere is known by requests: without any, a gateway that is not ready would stay so.
    needsHealth: !anyRemote,
  })

  /** The way of a request. Its order is decided here and nowhere else. */
  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const exchange = new Exchange(req, res, trusted, log)
    try {
      checkFraming(req)
      if (req.method === 'OPTIONS') return await answerOptions(exchange)
      const place = locate(exchange)
      if (place === undefined) return await answerBuiltIn(exchange)
      const route = routeAt(exchange, place)
      // A route is the same in each version: only a path names one.
      if (route?.operation.route === undefined || exchange.target.version !== undefined) chooseVersion(exchange)
      chooseOperation(exchange, route)
      if (tracer !== undefined) exchange.record(tracer, exchange.route!)
      const rejecting = shedder.check(exchange)
      if (rejecting !== undefined) await rejecting
      // Awaited only where there is something to wait for: a known token and a GET go straight on to the service.
      const caller = identify(exchange)
      exchange.caller = caller instanceof Promise ? await caller : caller
      const counting = limiter?.count(exchange)
      if (counting !== undefined) await counting
      const { port, remote, operation } = exchange.route!
      if (remote !== undefined) {
        refuseLookalike(exchange, place)
        requireAccess(operation.access, exchange.caller)
        const forwarded = await remote.forward(exchange, (sent) => {
          // A slow sender's time is not the upstream's.
          exchange.begunMs = performance.now()
          shedder.enter(exchange, sent)
        })
        // A body may stream for as long as it likes: that is no queue.
        shedder.leave(exchange, forwarded.status)
        return await sending.forwarded(exchange, forwarded)
      }
      if (operation.route !== undefined) return await routes.serve(exchange)
      exchange.reach = reachOf(operation, exchange.caller, exchange.params)
      // The body of a request that will be refused is not read (FC-7); whether it is a 404 or a 403, the service knows.
      if (exchange.reach !== 'none' && hasBody(req)) exchange.body = await takeBody(exchange)
      // Not before: clients that send slowly must not take the places of others.
      shedder.enter(exchange)
      // Begun when the whole request is in: a slow sender's time is not the service's.
      exchange.begin(operation.timeoutMs ?? requestTimeoutMs, answerLate)
      watch.add(exchange)
      let reply: Reply
      try {
        reply = await port!(exchange)
      } finally {
        watch.delete(exchange)
      }
      if (exchange.late) return noteLate(exchange, undefined)
      const sent = sending.answer(exchange, reply)
      if (sent !== undefined) await sent
    } catch (error) {
      if (exchange.late) return noteLate(exchange, error)
      if (security !== undefined && error instanceof Problem && error.code === 'INVALID_TOKEN')
        noteToken(exchange, error)
      sending.refuse(exchange, exchange.rateLimits === undefined ? await countRefused(exchange, error) : error)
    } finally {
      if (!exchange.late) {
        shedder.leave(exchange, res.headersSent ? res.statusCode : undefined)
        observe?.(exchange)
      }
    }
  }

  /** The deadline has passed: the caller is answered, whatever the service still does (R-P-7). */
  function answerLate(exchange: Exchange): void {
    sending.refuse(exchange, new Problem('GATEWAY_TIMEOUT', 'The request took too long'))
    shedder.leave(exchange, 504)
    observe?.(exchange)
  }

  /** What was under way is known when the work has ended, which is at once where it can be ended. Who has left is told nothing. */
  function noteLate({ left, log, operation, timeoutMs }: Exchange, error: unknown): void {
    if (!left) logLate(log, operation, `within ${Math.round(timeoutMs)} ms`, error)
  }

  function locate(exchange: Exchange): Place | undefined {
    const target = readTarget(exchange.req.url!, versions !== undefined)
    exchange.target = target
    exchange.path = target.path
    const found = router.route(target.segments)
    if (found === undefined) return undefined
    exchange.params = found.params
    exchange.allow = found.place.allow
    return found.place
  }

  function routeAt({ req: { method } }: Exchange, { routes }: Place): Route | undefined {
    return routes[method as ServedMethod] ?? (method === 'HEAD' ? routes.GET : undefined)
  }

  function chooseOperation(exchange: Exchange, route: Route | undefined): void {
    if (route === undefined) throw new Problem('METHOD_NOT_ALLOWED')
    exchange.route = route
    exchange.operation = route.operation.id
  }

  /** What the service may read in another way than we do must not pass by a rule of ours for something else. */
  function refuseLookalike({ req, path, params, target }: Exchange, { routes }: Place): void {
    if (params.length > 0 && lookalikes!.misleads(routes, req.method!, path, target.segments))
      throw new Problem(
        'VALIDATION_ERROR',
        'The path is ambiguous: it could be read as another path with different access rules',
      )
  }

  function chooseVersion(exchange: Exchange): void {
    if (versions === undefined) return
    const query = readQuery(exchange.target.query)
    exchange.version = versions.choose(exchange.target.version, exchange.req.headers.accept, query)
    exchange.query = withoutVersion(query)
  }

  function identify(exchange: Exchange): Caller | Promise<Caller> {
    const { req, route } = exchange
    const { operation, remote } = route!
    // Where no tokens are verified, credentials are the upstream's own affair, and pass through.
    if (verifier === undefined && remote !== undefined) return ANONYMOUS
    // Clients that add their token to everything must be able to refresh it when it has expired.
    if (!operation.facts.readsToken) return ANONYMOUS
    const { authorization } = req.headers
    if (authorization === undefined) return ANONYMOUS
    const token = bearerToken(authorization)
    // Never anonymous instead: who shows credentials wants to be told that they are of no use.
    if (verifier === undefined) throw new Problem('INVALID_TOKEN', 'This system does not accept tokens')
    return verifier.kept(token) ?? verifyAnew(exchange, token, verifier)
  }

  /**
   * Verifying a signature is the dearest step of a request: an address pays for those that fail, and while its bucket is empty
   * nothing more is verified for it (FC-8). Tokens that were verified before do not come here.
   */
  async function verifyAnew(exchange: Exchange, token: string, { verify }: TokenVerifier): Promise<Caller> {
    await limiter?.requireAddressBudget(exchange)
    try {
      return await verify(token)
    } catch (error) {
      if (error instanceof Problem && (error.code === 'INVALID_TOKEN' || error.code === 'TOKEN_EXPIRED'))
        await limiter?.countUnverified(exchange)
      throw error
    }
  }

  /** Of the bearer's token: what becomes of others, their service knows. */
  function noteToken({ route, address, requestId }: Exchange, { cause }: Problem): void {
    if (route === undefined || !route.operation.facts.readsToken) return
    const reason = cause instanceof Error ? cause.message : undefined
    security!.repeated('token.rejected', address, { address, requestId, operation: route.operation.id, reason })
  }

  function noteLimited({ caller, address, requestId, route }: Exchange, bucket: string): void {
    const account = caller.kind === 'user' ? caller.id : undefined
    const facts = { account, address, requestId, operation: route?.operation.id, bucket }
    security!.repeated('limit.exceeded', `${bucket} ${account ?? address}`, facts)
  }

  function takeBody({ req, res }: Exchange): Promise<Uint8Array> {
    const { method } = req
    if (method === 'GET' || method === 'HEAD' || method === 'DELETE')
      throw new Problem('VALIDATION_ERROR', `${method} requests must not have a body`)
    const coding = req.headers['content-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'identity')
      throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'The body must be sent without Content-Encoding', {
        headers: { 'accept-encoding': 'identity' },
      })
    return readBody(req, res, maxBodyBytes, bodyTimeoutMs)
  }

  /** What is refused before it is known who asks is counted by the address (R-RATE-5). */
  async function countRefused(exchange: Exchange, error: unknown): Promise<unknown> {
    try {
      await limiter?.count(exchange)
      return error
    } catch (limited) {
      return limited
    }
  }

  /**
   * Says which methods a path has. A preflight succeeds whatever is wrong with the request that it announces: if it failed,
   * the browser would report a CORS failure. The request itself then gets the 404, 405, 400 or 429, and the page can read
   * it (FC-17).
   */
  async function answerOptions(exchange: Exchange): Promise<void> {
    let place: Place | undefined
    try {
      if (exchange.req.url === '*') exchange.allow = EVERY_METHOD
      else {
        place = locate(exchange)
        if (place !== undefined) chooseVersion(exchange)
        else await findPage(exchange)
      }
      if (exchange.rateLimits === undefined) await limiter?.count(exchange)
    } catch (error) {
      if (!(error instanceof Problem) || !cors?.isPreflight(exchange.req)) throw error
      if (exchange.rateLimits === undefined) await countRefused(exchange, error)
    }
    sending.allowed(exchange, exchange.allow ?? EVERY_METHOD, isPatched(place))
  }

  async function ownHealth(): Promise<ServiceHealth> {
    const own = await options.health?.()
    const load = shedder.health()
    if (own === undefined) return load
    return { status: own.status === 'healthy' ? load.status : own.status, checks: { ...own.checks, ...load.checks } }
  }

  async function answerBuiltIn(exchange: Exchange): Promise<void> {
    const { method } = exchange.req
    const page = await findPage(exchange)
    if (method !== 'GET' && method !== 'HEAD') throw new Problem('METHOD_NOT_ALLOWED')
    await sending.page(exchange, page)
  }

  async function findPage(exchange: Exchange): Promise<BuiltInPage> {
    const page = await builtIn(exchange.path, exchange.req)
    if (page === undefined) {
      // `/v9/users` may well have been meant: that there is no version 9 says more than that there is nothing.
      chooseVersion(exchange)
      throw new Problem('NOT_FOUND', 'No route matches this path')
    }
    exchange.rateLimits = []
    exchange.allow = 'GET, HEAD, OPTIONS'
    return page
  }

  return {
    handle,
    health,
    inFlightLimits: shedder.limits,
    drain() {
      draining = true
      routes.drain()
    },
  }
}

function contractsOf(services: readonly Mounted[]) {
  return services.map(({ contract }) => contract)
}

/** By a service in this process or behind its door, whose bodies are known. */
function isPatched(place: Place | undefined): boolean {
  const patched = place?.routes.PATCH
  return patched?.port !== undefined && patched.operation.route === undefined
}

const EVERY_METHOD = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ANONYMOUS, type Caller } from '../auth/caller.ts'
import type { TokenVerifier } from '../auth/tokens.ts'
import { Problem } from '../base/errors.ts'
import type { Method } from '../contract/operation.ts'
import { readBody } from '../http/body.ts'
import { checkFraming, hasBody } from '../http/framing.ts'
import type { Log } from '../http/log.ts'
import { problemAnswer } from '../http/problem-answer.ts'
import { respond } from '../http/respond.ts'
import type { Answer, ServiceHealth } from '../service/request.ts'
import { createBuiltIns, type Documents } from './built-ins.ts'
import { callerOf } from './credentials.ts'
import { Exchange } from './exchange.ts'
import { createHealth, type SystemHealth } from './health.ts'
import { readTarget } from './path.ts'
import { readQuery } from './query.ts'
import { createRouter, type Mounted, type Place } from './router.ts'
import { versionsOf, withoutVersion } from './version.ts'

export interface GatewayOptions {
  readonly services: readonly Mounted[]
  /** Without one no token is taken, and every caller is anonymous. */
  readonly verifier: TokenVerifier | undefined
  /** Of the system, for `/health`. */
  readonly version: string
  readonly documents?: Documents
  /** Mails that were caught instead of sent, for `/dev/mails`; never given in production. */
  readonly mails?: () => Promise<readonly object[]>
  /** The health of what belongs to no service. */
  readonly health?: () => Promise<ServiceHealth>
  /** Bytes of a body; 1 MiB. Beyond it: 413. */
  readonly maxBodyBytes?: number
  readonly log: Log
}

export interface Gateway {
  /** Answers a request; never rejects. For `createHttpServer`, or any server of node:http. */
  handle(req: IncomingMessage, res: ServerResponse): Promise<void>
  health(): Promise<SystemHealth>
  /** From now on `/health/ready` says 503; everything else goes on (R-OPS-2). */
  drain(): void
}

/** The one public door of a system (R-GW-1). Throws the Fault ROUTE_CLASH when two services claim one place. */
export function createGateway(options: GatewayOptions): Gateway {
  const { services, verifier, log, maxBodyBytes = 1024 * 1024 } = options
  const router = createRouter(services)
  const versions = versionsOf(services.map((service) => service.contract))
  const health = createHealth({
    version: options.version,
    upstreams: services.map((service) => service.upstream),
    own: options.health,
  })
  let draining = false
  const builtIn = createBuiltIns({
    documents: options.documents,
    mails: options.mails,
    health,
    draining: () => draining,
  })

  /** The way of a request. Its order is decided here and nowhere else. */
  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const exchange = new Exchange(req, res)
    try {
      checkFraming(req)
      if (req.url === '*' && req.method === 'OPTIONS') return answerOptions(exchange, EVERY_METHOD)
      const place = locate(exchange)
      if (place === undefined) return await answerBuiltIn(exchange)
      chooseVersion(exchange)
      if (req.method === 'OPTIONS') return answerOptions(exchange, place.allow)
      chooseOperation(exchange, place)
      // Awaited only where there is something to wait for: a known token and a GET go straight on to the service.
      const caller = identify(exchange)
      exchange.caller = caller instanceof Promise ? await caller : caller
      if (hasBody(req)) exchange.body = await takeBody(exchange)
      answer(exchange, await exchange.route!.upstream.handle(exchange))
    } catch (error) {
      refuse(exchange, error)
    }
  }

  function locate(exchange: Exchange): Place | undefined {
    const target = readTarget(exchange.req.url!)
    exchange.target = target
    exchange.path = target.path
    const found = router.route(target.segments)
    if (found === undefined) return undefined
    exchange.params = found.params
    exchange.allow = found.place.allow
    return found.place
  }

  function chooseOperation(exchange: Exchange, place: Place): void {
    const { method } = exchange.req
    const route = place.routes[(method === 'HEAD' ? 'GET' : method) as Method]
    if (route === undefined) throw new Problem('METHOD_NOT_ALLOWED')
    exchange.route = route
    exchange.operation = route.operation
  }

  function chooseVersion(exchange: Exchange): void {
    const query = readQuery(exchange.target.query)
    exchange.version = versions.choose(exchange.target.version, exchange.req.headers.accept, query)
    exchange.query = withoutVersion(query)
  }

  function identify({ req, operation }: Exchange): Caller | Promise<Caller> {
    // Sign-in and the like have their credentials in the body. Clients that add their token to everything must be able to
    // refresh it when it has expired.
    if (operation.access.public && operation.segments[0] === 'auth') return ANONYMOUS
    return callerOf(req.headers.authorization, verifier)
  }

  function takeBody({ req, res }: Exchange): Promise<Uint8Array> {
    const { method } = req
    if (method === 'GET' || method === 'HEAD' || method === 'DELETE')
      throw new Problem('VALIDATION_ERROR', `${method} takes no body`)
    const coding = req.headers['content-encoding']
    if (coding !== undefined && coding.toLowerCase() !== 'identity')
      throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'Send the body without Content-Encoding')
    return readBody(req, res, maxBodyBytes)
  }

  function answer(exchange: Exchange, { status, headers, body }: Answer): void {
    const head = headOf(exchange)
    if (body !== undefined) head.push('content-type', 'application/json; charset=utf-8')
    // Without a version in the path, `Accept` may have chosen it; Accept goes before the query.
    const varies = exchange.target.version === undefined
    if (varies) head.push('vary', headers.vary === undefined ? 'accept' : `accept, ${headers.vary}`)
    if (headers['cache-control'] === undefined && exchange.caller.kind !== 'anonymous')
      head.push('cache-control', 'no-store')
    for (const name in headers) if (!varies || name !== 'vary') head.push(name, headers[name]!)
    respond(exchange.req, exchange.res, status, head, body)
  }

  function answerOptions(exchange: Exchange, allow: string): void {
    respond(exchange.req, exchange.res, 204, [...headOf(exchange), 'allow', allow], undefined)
  }

  async function answerBuiltIn(exchange: Exchange): Promise<void> {
    const { req, res, path } = exchange
    const page = await builtIn(path)
    if (page === undefined) {
      // `/v9/users` may well have been meant: that there is no version 9 says more than that there is nothing.
      chooseVersion(exchange)
      throw new Problem('NOT_FOUND', 'There is nothing at this path')
    }
    exchange.allow = 'GET, HEAD, OPTIONS'
    if (req.method === 'OPTIONS') return answerOptions(exchange, exchange.allow)
    if (req.method !== 'GET' && req.method !== 'HEAD') throw new Problem('METHOD_NOT_ALLOWED')
    const head = [...headOf(exchange), 'content-type', page.contentType, ...Object.entries(page.headers ?? {}).flat()]
    respond(req, res, page.status, head, page.body)
  }

  function refuse(exchange: Exchange, error: unknown): void {
    const { req, res, requestId, allow, route } = exchange
    // The caller went away, and the service stopped for that: there is nobody to tell.
    if (exchange.abandoned) return
    const problems = route?.contract.problems
    const { status, headers, body } = problemAnswer(error, {
      requestId,
      accept: req.headers.accept,
      problems,
      allow,
      log,
    })
    if (res.headersSent) res.destroy()
    else respond(req, res, status, [...headOf(exchange), ...headers], body)
  }

  /** Headers of every answer. */
  function headOf({ requestId, version }: Exchange): string[] {
    const head = ['x-request-id', requestId, 'x-content-type-options', 'nosniff']
    if (version > 0) for (const part of versions.headers(version)) head.push(part)
    return head
  }

  return {
    handle,
    health,
    drain() {
      draining = true
    },
  }
}

const EVERY_METHOD = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

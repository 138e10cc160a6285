import type { IncomingMessage, ServerResponse } from 'node:http'
import { ANONYMOUS, type Caller } from '../auth/caller.ts'
import type { TokenVerifier } from '../auth/tokens.ts'
import { Problem } from '../base/errors.ts'
import type { Method } from '../contract/operation.ts'
import { readBody } from '../http/body.ts'
import { COMPRESSED_FROM, type Coding, chooseCoding, compress } from '../http/compress.ts'
import { checkFraming, hasBody } from '../http/framing.ts'
import type { Log } from '../http/log.ts'
import { problemAnswer } from '../http/problem-answer.ts'
import { respond } from '../http/respond.ts'
import { SECURITY_HEADERS, STRICT_TRANSPORT } from '../http/security-headers.ts'
import { pushRateLimitHeaders } from '../limits/headers.ts'
import type { Answer, ServiceHealth } from '../service/request.ts'
import { createBuiltIns, type Document, type Documents, type Page } from './built-ins.ts'
import { type CorsOrigins, createCors } from './cors.ts'
import { callerOf } from './credentials.ts'
import { Exchange } from './exchange.ts'
import { createHealth, type SystemHealth } from './health.ts'
import { createLimiter, type LimiterOptions } from './limiter.ts'
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
  /** For `/metrics`; in production never on a public port. */
  readonly metrics?: () => Promise<Document>
  /** The health of what belongs to no service. */
  readonly health?: () => Promise<ServiceHealth>
  /** Bytes of a body; 1 MiB. Beyond it: 413. */
  readonly maxBodyBytes?: number
  /** Without them nobody is counted. */
  readonly limits?: LimiterOptions
  /** From where browsers may use it; nowhere else than its own origin without it. */
  readonly cors?: CorsOrigins | undefined
  /** Tells browsers to come by HTTPS only. */
  readonly strictTransport?: boolean
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
  const limiter = options.limits && createLimiter(contractsOf(services), options.limits)
  const cors = options.cors && createCors(options.cors)
  const constant = options.strictTransport ? [...SECURITY_HEADERS, ...STRICT_TRANSPORT] : SECURITY_HEADERS
  const versions = versionsOf(contractsOf(services))
  const health = createHealth({
    version: options.version,
    upstreams: services.map((service) => service.upstream),
    own: options.health,
  })
  let draining = false
  const builtIn = createBuiltIns({
    documents: options.documents,
    mails: options.mails,
    metrics: options.metrics,
    health,
    draining: () => draining,
  })

  /** The way of a request. Its order is decided here and nowhere else. */
  async function handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const exchange = new Exchange(req, res)
    try {
      checkFraming(req)
      if (req.url === '*' && req.method === 'OPTIONS') return await answerOptions(exchange, EVERY_METHOD)
      const place = locate(exchange)
      if (place === undefined) return await answerBuiltIn(exchange)
      chooseVersion(exchange)
      if (req.method === 'OPTIONS') return await answerOptions(exchange, place.allow)
      chooseOperation(exchange, place)
      // Awaited only where there is something to wait for: a known token and a GET go straight on to the service.
      const caller = identify(exchange)
      exchange.caller = caller instanceof Promise ? await caller : caller
      const counting = limiter?.count(exchange)
      if (counting !== undefined) await counting
      if (hasBody(req)) {
        exchange.body = await takeBody(exchange)
        await limiter?.countBody(exchange)
      }
      const sending = answer(exchange, await exchange.route!.upstream.handle(exchange))
      if (sending !== undefined) await sending
    } catch (error) {
      refuse(exchange, exchange.told === undefined ? await countRefused(exchange, error) : error)
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

  /** What is refused before it is known who asks is counted by the address (R-RATE-5). */
  async function countRefused(exchange: Exchange, error: unknown): Promise<unknown> {
    try {
      await limiter?.count(exchange)
      return error
    } catch (limited) {
      return limited
    }
  }

  function answer(exchange: Exchange, { status, headers, body }: Answer): Promise<void> | undefined {
    const head = headOf(exchange)
    if (body !== undefined) head.push('content-type', 'application/json; charset=utf-8')
    // Without a version in the path, `Accept` may have chosen it; Accept goes before the query.
    const varies = exchange.target.version === undefined
    if (varies) head.push('vary', headers.vary === undefined ? 'accept' : `accept, ${headers.vary}`)
    if (headers['cache-control'] === undefined && exchange.caller.kind !== 'anonymous')
      head.push('cache-control', 'no-store')
    for (const name in headers) if (!varies || name !== 'vary') head.push(name, headers[name]!)
    if (
      body !== undefined &&
      body.length >= COMPRESSED_FROM &&
      !exchange.operation.secret &&
      headers.etag === undefined
    )
      return sendCompressed(exchange, status, head, body, 'gzip')
    send(exchange, status, head, body)
    return undefined
  }

  async function answerOptions(exchange: Exchange, allow: string): Promise<void> {
    if (exchange.told === undefined) await limiter?.count(exchange)
    const head = [...headOf(exchange), 'allow', allow]
    cors?.pushPreflight(head, exchange.req, allow)
    send(exchange, 204, head, undefined)
  }

  async function answerBuiltIn(exchange: Exchange): Promise<void> {
    const { req, path } = exchange
    const page = await builtIn(path)
    if (page === undefined) {
      // `/v9/users` may well have been meant: that there is no version 9 says more than that there is nothing.
      chooseVersion(exchange)
      throw new Problem('NOT_FOUND', 'There is nothing at this path')
    }
    exchange.told = []
    exchange.allow = 'GET, HEAD, OPTIONS'
    if (req.method === 'OPTIONS') return await answerOptions(exchange, exchange.allow)
    if (req.method !== 'GET' && req.method !== 'HEAD') throw new Problem('METHOD_NOT_ALLOWED')
    const head = headOf(exchange, page.headers)
    head.push('content-type', page.contentType)
    if (page.body.length >= COMPRESSED_FROM)
      await sendCompressed(exchange, page.status, head, page.body, 'br', (coding) => compressedPage(page, coding))
    else send(exchange, page.status, head, page.body)
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
    else send(exchange, status, [...headOf(exchange), ...headers], body)
  }

  function send({ req, res }: Exchange, status: number, head: string[], body: string | Uint8Array | undefined): void {
    if (cors?.varies) addVary(head, 'origin')
    respond(req, res, status, head, body)
  }

  /**
   * As the caller likes it. Not for answers with a strong entity tag: it names one sequence of bytes (RFC 9110 8.8.3), and a
   * weak one instead could not be used in If-Match. Nor for secrets, whose length would tell of them (BREACH).
   */
  async function sendCompressed(
    exchange: Exchange,
    status: number,
    head: string[],
    body: string,
    preferred: Coding,
    compressed = (coding: Coding) => compress(body, coding),
  ): Promise<void> {
    addVary(head, 'accept-encoding')
    const coding = chooseCoding(exchange.req.headers['accept-encoding'] as string | undefined, preferred)
    if (coding === undefined) return send(exchange, status, head, body)
    head.push('content-encoding', coding)
    send(exchange, status, head, await compressed(coding))
  }

  /** Headers of every answer; those of `own` go before them. */
  function headOf({ req, requestId, version, told }: Exchange, own: Page['headers'] = NO_HEADERS): string[] {
    const head = ['x-request-id', requestId]
    for (let i = 0; i < constant.length; i += 2)
      if (own === NO_HEADERS || own[constant[i]!] === undefined) head.push(constant[i]!, constant[i + 1]!)
    if (version > 0) for (const part of versions.headers(version)) head.push(part)
    if (told !== undefined && told.length > 0) pushRateLimitHeaders(head, told, Date.now())
    cors?.push(head, req)
    if (own !== NO_HEADERS) for (const name in own) head.push(name, own[name]!)
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

/** A header of its own for each field would be right too; one is what every cache reads. */
function addVary(head: string[], name: string): void {
  for (let i = 0; i < head.length; i += 2)
    if (head[i] === 'vary') {
      head[i + 1] += `, ${name}`
      return
    }
  head.push('vary', name)
}

function contractsOf(services: readonly Mounted[]) {
  return services.map(({ contract }) => contract)
}

/** Documents are not counted, so they must be cheap: each is compressed once. */
const compressedPages = new WeakMap<Page, Map<Coding, Promise<Uint8Array>>>()

function compressedPage(page: Page, coding: Coding): Promise<Uint8Array> {
  const known = compressedPages.get(page) ?? new Map<Coding, Promise<Uint8Array>>()
  compressedPages.set(page, known)
  const made = known.get(coding) ?? compress(page.body, coding)
  known.set(coding, made)
  return made
}

const NO_HEADERS = {}
const EVERY_METHOD = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

import type { Readable } from 'node:stream'
import { Problem } from '../base/errors.ts'
import type { Reply } from '../call/call.ts'
import { logFailure } from '../call/failure-log.ts'
import { acceptedTypes } from '../contract/operation.ts'
import { COMPRESSED_FROM, type Coding, chooseCoding, compress, compressor, isCompressible } from '../http/compress.ts'
import type { Log } from '../http/log.ts'
import { problemAnswer } from '../http/problem-answer.ts'
import { respond } from '../http/respond.ts'
import { respondStream } from '../http/respond-stream.ts'
import { SECURITY_HEADERS, STRICT_TRANSPORT } from '../http/security-headers.ts'
import { pushRateLimitHeaders } from '../limits/headers.ts'
import { firstOf, pushAnswerHead } from './answer-head.ts'
import type { BuiltInPage } from './built-ins.ts'
import type { Cors } from './cors.ts'
import type { Exchange } from './exchange.ts'
import type { AnswerHeaders, Forwarded } from './remote.ts'
import type { Versions } from './version.ts'

export interface SendingOptions {
  readonly cors: Cors | undefined
  /** Undefined: the API has none. */
  readonly versions: Versions | undefined
  readonly strictTransport: boolean
  /** The path below which all of it stands, such as `/backend`; '' for none. */
  readonly prefix: string
  readonly log: Log
}

export interface Sending {
  /** Gives no promise where there is nothing to wait for. */
  answer(exchange: Exchange, reply: Reply): Promise<void> | undefined
  /** A reply of a route, whole. */
  raw(exchange: Exchange, reply: Reply): Promise<void>
  /** The same, whose body is made as it is read. */
  rawStream(exchange: Exchange, reply: Reply, body: Readable): Promise<void>
  forwarded(exchange: Exchange, forwarded: Forwarded): Promise<void>
  page(exchange: Exchange, page: BuiltInPage): Promise<void>
  /** `patches`: PATCH is offered by a service in this process, whose bodies are known. */
  allowed(exchange: Exchange, allow: string, patches: boolean): void
  refuse(exchange: Exchange, error: unknown): void
}

/** How every answer of a gateway goes out: with what all of them say, and as the caller likes it. */
export function createSending({ cors, versions, strictTransport, prefix, log }: SendingOptions): Sending {
  const constant = strictTransport ? [...SECURITY_HEADERS, ...STRICT_TRANSPORT] : SECURITY_HEADERS

  function answer(exchange: Exchange, { status, headers, body }: Reply): Promise<void> | undefined {
    const head = headOf(exchange)
    if (body !== undefined) head.push('content-type', 'application/json; charset=utf-8')
    // Without a version in the path, `Accept` may have chosen it; Accept goes before the query.
    const varies = exchange.target.version === undefined
    if (varies) head.push('vary', headers.vary === undefined ? 'accept' : `accept, ${headers.vary}`)
    if (headers['cache-control'] === undefined && exchange.caller.kind !== 'anonymous')
      head.push('cache-control', 'no-store')
    for (const name in headers) if (!varies || name !== 'vary') head.push(name, placed(prefix, name, headers[name]!))
    if (
      body !== undefined &&
      body.length >= COMPRESSED_FROM &&
      !exchange.route!.operation.secret &&
      // A strong tag names one sequence of bytes (RFC 9110 8.8.3).
      (headers.etag === undefined || headers.etag.startsWith('W/'))
    )
      return sendCompressed(exchange, status, head, body, 'gzip')
    send(exchange, status, head, body)
    return undefined
  }

  async function raw(exchange: Exchange, reply: Reply): Promise<void> {
    const { status, body } = reply
    const head = rawHead(exchange, reply)
    const isSmall = body === undefined || body.length < COMPRESSED_FROM
    if (isSmall || exchange.route!.operation.secret || !isCompressible(reply.headers))
      return send(exchange, status, head, body)
    await sendCompressed(exchange, status, head, body, 'gzip')
  }

  async function rawStream(exchange: Exchange, reply: Reply, body: Readable): Promise<void> {
    const { req, res, log } = exchange
    const head = rawHead(exchange, reply)
    if (cors?.varies) addVary(head, 'origin')
    try {
      await respondStream(req, res, reply.status, head, body)
    } catch (error) {
      // Else it is the caller who went away.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE')
        logFailure(log, exchange.operation, error, undefined)
    }
  }

  /** What its handler says of it goes before what is said of every answer. */
  function rawHead(exchange: Exchange, { headers, cookies = [] }: Reply): string[] {
    const head = headOf(exchange, headers)
    const isPrivate = exchange.caller.kind !== 'anonymous' || exchange.route!.operation.secret
    if (headers['cache-control'] === undefined && isPrivate) head.push('cache-control', 'no-store')
    for (const name in headers) head.push(name, headers[name]!)
    for (const cookie of cookies) head.push('set-cookie', cookie)
    return head
  }

  async function forwarded(exchange: Exchange, { status, headers, body }: Forwarded): Promise<void> {
    const { req, res, requestId, caller, rateLimits } = exchange
    const bodiless = req.method === 'HEAD' || status === 204 || status === 304
    const length = Number(firstOf(headers, 'content-length'))
    // Only what has a length is compressed: what has none may be made as it goes, and is not to wait in a buffer.
    const compressible = status === 200 && !bodiless && length >= COMPRESSED_FROM && isCompressible(headers)
    const accept = req.headers['accept-encoding'] as string | undefined
    const coding = compressible ? chooseCoding(accept, 'gzip') : undefined
    const small = !bodiless && coding === undefined && length <= SMALL_BYTES
    const head = headOf(exchange, headers)
    if (headers['cache-control'] === undefined && caller.kind !== 'anonymous') head.push('cache-control', 'no-store')
    // Who counts here says so here.
    const counted = rateLimits !== undefined && rateLimits.length > 0
    pushAnswerHead(head, headers, (name) => {
      // With a 204 it must not be sent (RFC 9110 8.6).
      if (name === 'content-length') return coding === undefined && !small && status !== 204
      return !counted || !RATE_LIMITS.test(name)
    })
    if (cors?.varies) addVary(head, 'origin')
    if (compressible) addVary(head, 'accept-encoding')
    if (coding !== undefined) head.push('content-encoding', coding)
    try {
      // A small one goes out as one piece, in one write; and where it breaks off, that can still be told.
      if (small) {
        const whole = body.whole()
        respond(req, res, status, head, whole instanceof Promise ? await whole : whole)
      } else if (bodiless) respond(req, res, status, head, undefined)
      else await respondStream(req, res, status, head, body.stream(), { coding: coding && compressor(coding) })
    } catch (error) {
      if (!res.headersSent) throw new Problem('BAD_GATEWAY', undefined, { cause: error })
      // Else it is the caller who went away.
      if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE')
        log.warn({ err: error, requestId }, 'An upstream broke off its answer')
    }
  }

  async function page(exchange: Exchange, page: BuiltInPage): Promise<void> {
    const head = headOf(exchange, page.headers)
    for (const name in page.headers) head.push(name, page.headers[name]!)
    head.push('content-type', page.contentType)
    if (page.body.length >= COMPRESSED_FROM)
      await sendCompressed(exchange, page.status, head, page.body, 'br', (coding) => compressedPage(page, coding))
    else send(exchange, page.status, head, page.body)
  }

  function allowed(exchange: Exchange, allow: string, patches: boolean): void {
    const head = [...headOf(exchange), 'allow', allow]
    if (patches) head.push('accept-patch', ACCEPT_PATCH)
    cors?.pushPreflight(head, exchange.req, allow)
    send(exchange, 204, head, undefined)
  }

  function refuse(exchange: Exchange, error: unknown): void {
    const { req, res, requestId, allow, route } = exchange
    // The caller went away, and the service stopped for that: there is nobody to tell.
    if (exchange.abandoned) return
    const problems = route?.contract.problems
    const { status, headers, body } = problemAnswer(error, {
      requestId,
      operation: route?.operation.id,
      accept: req.headers.accept,
      problems,
      allow,
      log: exchange.late ? undefined : exchange.log,
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
    body: string | Uint8Array,
    preferred: Coding,
    compressed = (coding: Coding) => compress(body, coding),
  ): Promise<void> {
    addVary(head, 'accept-encoding')
    const coding = chooseCoding(exchange.req.headers['accept-encoding'] as string | undefined, preferred)
    if (coding === undefined) return send(exchange, status, head, body)
    head.push('content-encoding', coding)
    send(exchange, status, head, await compressed(coding))
  }

  /** Headers of every answer, without those that `own` has of itself. */
  function headOf({ req, requestId, version, rateLimits }: Exchange, own: AnswerHeaders = NO_HEADERS): string[] {
    const head = ['x-request-id', requestId]
    for (let i = 0; i < constant.length; i += 2)
      if (own === NO_HEADERS || own[constant[i]!] === undefined) head.push(constant[i]!, constant[i + 1]!)
    if (versions !== undefined && version > 0) for (const part of versions.headers(version)) head.push(part)
    if (rateLimits !== undefined && rateLimits.length > 0) pushRateLimitHeaders(head, rateLimits, Date.now())
    cors?.push(head, req)
    return head
  }

  return { answer, raw, rawStream, forwarded, page, allowed, refuse }
}

/** What answers name by a path is below the prefix, too. */
function placed(prefix: string, name: string, value: string): string {
  if (prefix === '') return value
  if (name === 'location') return prefix + value
  return name === 'link' ? value.replaceAll('</', `<${prefix}/`) : value
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

/** Documents are not counted, so they must be cheap: each is compressed once. */
const compressedPages = new WeakMap<BuiltInPage, Map<Coding, Promise<Uint8Array>>>()

function compressedPage(page: BuiltInPage, coding: Coding): Promise<Uint8Array> {
  const known = compressedPages.get(page) ?? new Map<Coding, Promise<Uint8Array>>()
  compressedPages.set(page, known)
  const made = known.get(coding) ?? compress(page.body, coding)
  known.set(coding, made)
  return made
}

const ACCEPT_PATCH = acceptedTypes('PATCH').join(', ')
const SMALL_BYTES = 16 * 1024
const NO_HEADERS = {}
const RATE_LIMITS = /^(?:x-)?ratelimit/

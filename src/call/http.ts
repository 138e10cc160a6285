import type { Backoff } from '../base/backoff.ts'
import { boundedText, TooLong } from '../base/bounded-text.ts'
import { Fault } from '../base/errors.ts'
import type { Trace } from '../observe/trace.ts'
import type { Call, Port, Reply } from './call.ts'
import { CallProblem, problemOf } from './call-problem.ts'
import { idOf } from './context.ts'
import { type GuardedPort, guard } from './guard.ts'
import { TIMEOUT_HEADER, timeoutText } from './timeout-header.ts'

export interface HttpOptions {
  /** An access token, or what gives one: asked before every attempt. Without one the calls are anonymous. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>)
  /** How long a call may take, attempts and rests together; 10,000 ms by default. */
  readonly timeoutMs?: number
  /** How often a failed call is tried again; 2 by default. */
  readonly retries?: number
  /** Bytes of an answer, decompressed; 16 MiB. Beyond it the call fails with BAD_GATEWAY. */
  readonly maxAnswerBytes?: number
  /** Sent with every call. */
  readonly headers?: Readonly<Record<string, string>>
}

const TIMEOUT_MS = 10_000
const RETRIES = 2
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const BACKOFF: Backoff = { baseMs: 100, maxMs: 5_000 }

/**
 * Calls a system over HTTP, with the `fetch` of Node or of a browser. Retries are those of `guard`; a breaker and a bulkhead
 * are for services that call services.
 *
 *     const api = client(users, http('https://api.example.com', { token: () => session.accessToken }))
 */
export function http(baseUrl: string, options: HttpOptions = {}): GuardedPort {
  return guard(httpPort(baseUrl, options), {
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    maxAttempts: 1 + (options.retries ?? RETRIES),
    backoff: BACKOFF,
    breaker: false,
    maxPending: Number.POSITIVE_INFINITY,
  })
}

/** Sends each call once. */
function httpPort(baseUrl: string, options: HttpOptions): Port {
  const base = baseOf(baseUrl)
  const maxAnswerBytes = options.maxAnswerBytes ?? MAX_ANSWER_BYTES
  return async (call) => {
    const url = base + call.path + queryOf(call)
    const headers = headersOf(call, options.headers, await tokenOf(options.token))
    const init = { method: call.method, headers, body: bodyOf(call), signal: call.context.signal }
    return send(call.operation, url, init, maxAnswerBytes)
  }
}

async function send(operation: string, url: string, init: RequestInit, maxAnswerBytes: number): Promise<Reply> {
  let text: string
  let response: Response
  try {
    // A redirect would turn a POST into a GET in silence.
    response = await fetch(url, { ...init, redirect: 'error' })
    // React Native's fetch has no streams, and gives no body to read piece by piece.
    text = response.body === undefined ? await response.text() : await boundedText(response.body, maxAnswerBytes)
  } catch (cause) {
    if (init.signal?.aborted) throw cause
    if (cause instanceof TooLong)
      throw new CallProblem(
        operation,
        502,
        'BAD_GATEWAY',
        `The response of ${operation} is too large: ${cause.message}`,
      )
    const reason = `${operation} could not be reached at ${url.replace(/\?.*/s, '')}: ${reasonOf(cause)}`
    const stage = UNSENT.has(codeOf(cause) ?? '') ? 'unsent' : 'lost'
    throw new CallProblem(operation, 503, 'SERVICE_UNAVAILABLE', reason, { stage, cause })
  }
  const { status } = response
  const headers = Object.fromEntries(response.headers)
  const reply = { status, headers, body: text === '' ? undefined : text }
  if (status >= 300 && status !== 304) throw problemOf(operation, reply)
  return reply
}

/** There was no connection. A browser does not tell. */
const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function codeOf(error: unknown): string | undefined {
  const { code, cause, errors } = error as { code?: string; cause?: unknown; errors?: readonly unknown[] }
  const inner = cause ?? errors?.[0]
  return inner === undefined ? code : codeOf(inner)
}

/** Made before the attempt: a value that no header can hold is the caller's mistake, not the network's. */
function headersOf(call: Call, own: HttpOptions['headers'], token: string | undefined): Headers {
  const { contentType, ifMatch, ifNoneMatch, idempotencyKey, context } = call
  const headers = new Headers(own)
  headers.set('accept', 'application/json')
  if (contentType !== undefined) headers.set('content-type', contentType)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (ifMatch !== undefined) headers.set('if-match', ifMatch)
  if (ifNoneMatch !== undefined) headers.set('if-none-match', ifNoneMatch)
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey)
  // What belongs to no request, such as a browser's call, gets its id and its deadline there: headers of its own would cost a page of
  // another origin a preflight, which fails where they are not allowed.
  const requestId = idOf(context)
  if (requestId !== undefined) {
    headers.set('x-request-id', requestId)
    headers.set(TIMEOUT_HEADER, timeoutText(context.deadline.remainingMs()))
  }
  if (context.trace !== undefined) {
    headers.set('traceparent', traceparentOf(context.trace))
    if (context.trace.state !== undefined) headers.set('tracestate', context.trace.state)
  }
  return headers
}

/** With an id of its own for this step. Browsers make clients too, and have no node:crypto. */
function traceparentOf({ traceId, flags, spanId }: Trace): string {
  if (spanId !== undefined) return `00-${traceId}-${spanId}-${flags}`
  const [id] = globalThis.crypto.getRandomValues(new BigUint64Array(1))
  return `00-${traceId}-${(id || 1n).toString(16).padStart(16, '0')}-${flags}`
}

function bodyOf({ body }: Call): string | Uint8Array<ArrayBuffer> | null {
  if (body === undefined) return null
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body.value)
}

async function tokenOf(token: HttpOptions['token']): Promise<string | undefined> {
  return typeof token === 'function' ? token() : token
}

function queryOf({ query }: Call): string {
  if (query.length === 0) return ''
  return `?${new URLSearchParams(query.map(([name, value]) => [name, value] as [string, string]))}`
}

/** Without its last slash. A path alone is the page's own host, in a browser. */
function baseOf(baseUrl: string): string {
  if (baseUrl !== '' && !baseUrl.startsWith('/')) {
    const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined
    if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash)
      throw new Fault('INVALID_URL', `"${baseUrl}" is not a valid base URL: give one like https://api.example.com`)
  }
  return baseUrl.replace(/\/+$/, '')
}

/** `fetch failed` says nothing: the reason is in the cause, and in one of several where a name has several addresses. */
function reasonOf(error: unknown): string {
  const { message, code, cause, errors } = error as {
    message?: string
    code?: string
    cause?: unknown
    errors?: readonly unknown[]
  }
  const inner = cause ?? errors?.[0]
  if (inner !== undefined) return reasonOf(inner)
  return message || code || String(error)
}

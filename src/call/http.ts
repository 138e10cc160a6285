import { boundedText, TooLong } from '../base/bounded-text.ts'
import { Fault } from '../base/errors.ts'
import { rest, within } from '../resilience/within.ts'
import type { Call, Port, Reply } from './call.ts'
import { CallProblem, problemOf } from './call-problem.ts'
import { OwnContext } from './context.ts'

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
const BACKOFF = { firstMs: 100, mostMs: 5_000 }

/**
 * Calls a system over HTTP, with the `fetch` of Node or of a browser.
 *
 * What may be repeated once bytes were sent (GET, and POST with an idempotency key: R-GW-3) is tried again when the network
 * failed, and on 429, 503 and IDEMPOTENCY_IN_PROGRESS: after `Retry-After`, or after an exponential backoff with full
 * jitter, as long as the deadline allows. Anything else is tried again only where no connection was made.
 *
 *     const api = client(users, http('https://api.example.com', { token: () => session.accessToken }))
 */
export function http(baseUrl: string, options: HttpOptions = {}): Port {
  const base = baseOf(baseUrl)
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  const retries = options.retries ?? RETRIES
  const maxAnswerBytes = options.maxAnswerBytes ?? MAX_ANSWER_BYTES
  return async (call) => {
    const { operation } = call
    const endsAt = performance.now() + timeoutMs
    const late = () =>
      new CallProblem(operation, 504, 'GATEWAY_TIMEOUT', `${operation} did not respond within ${timeoutMs} ms`, {
        stage: 'lost',
      })
    const url = base + call.path + queryOf(call)
    const body = bodyOf(call)
    return within(timeoutMs, late, call.context.signal, async (signal) => {
      for (let attempt = 0; ; attempt++) {
        const headers = headersOf(call, options.headers, await tokenOf(options.token))
        try {
          return await attemptOnce(operation, url, { method: call.method, headers, body, signal }, maxAnswerBytes)
        } catch (error) {
          const waitMs = attempt < retries ? restAfter(error, call, attempt) : undefined
          if (waitMs === undefined || performance.now() + waitMs >= endsAt) throw error
          await rest(waitMs, signal)
        }
      }
    })
  }
}

async function attemptOnce(operation: string, url: string, init: RequestInit, maxAnswerBytes: number): Promise<Reply> {
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

/** How long to rest before the next attempt; undefined when the failure stands. */
function restAfter(error: unknown, call: Call, attempt: number): number | undefined {
  if (!(error instanceof CallProblem) || !mayRepeat(error, call)) return undefined
  const backoffMs = Math.random() * Math.min(BACKOFF.mostMs, BACKOFF.firstMs * 2 ** attempt)
  // The jitter comes on top, so that those who were told the same second do not come back together.
  return (error.retryAfterS ?? 0) * 1000 + backoffMs
}

/** A PUT or DELETE that is sent twice may find what it has done itself: a success becomes 412 or 404 (FC-79). */
function mayRepeat({ stage, status, code }: CallProblem, { method, idempotencyKey }: Call): boolean {
  if (stage === 'unsent') return true
  if (method !== 'GET' && (method !== 'POST' || idempotencyKey === undefined)) return false
  return stage === 'lost' || status === 429 || status === 503 || code === 'IDEMPOTENCY_IN_PROGRESS'
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
  // What belongs to no request gets its id there: a header of its own would cost a page of another origin a preflight.
  if (!(context instanceof OwnContext)) headers.set('x-request-id', context.requestId)
  return headers
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

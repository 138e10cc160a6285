import { boundedText, TooLong } from '../base/bounded-text.ts'
import { Fault } from '../base/errors.ts'
import { rest, within } from '../resilience/within.ts'
import { CallProblem, readRetryAfter } from './call-problem.ts'
import { type CallAnswer, type CallRequest, pathOf, type Transport } from './transport.ts'

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
export function http(baseUrl: string, options: HttpOptions = {}): Transport {
  const base = baseOf(baseUrl)
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  const retries = options.retries ?? RETRIES
  const maxAnswerBytes = options.maxAnswerBytes ?? MAX_ANSWER_BYTES
  return {
    async send(request) {
      const { operation } = request
      const endsAt = performance.now() + timeoutMs
      const late = () =>
        new CallProblem(operation, 504, 'GATEWAY_TIMEOUT', `${operation.id} did not respond within ${timeoutMs} ms`)
      const url = base + pathOf(request) + queryOf(request)
      const body = request.body === undefined ? undefined : JSON.stringify(request.body)
      return within(timeoutMs, late, request.signal, async (signal) => {
        for (let attempt = 0; ; attempt++) {
          const headers = headersOf(request, options.headers, await tokenOf(options.token))
          const init = { method: operation.method, headers, body: body ?? null, signal }
          const outcome = await attemptOnce(request, url, init, maxAnswerBytes)
          const again = attempt < retries && (isRepeatable(request) || wasNotSent(outcome))
          const waitMs = again ? restOf(outcome, attempt) : undefined
          if (waitMs === undefined || performance.now() + waitMs >= endsAt) return settled(outcome)
          await rest(waitMs, signal)
        }
      })
    },
  }
}

/** An answer, or why there is none. */
type Outcome = CallAnswer | { readonly lost: CallProblem }

async function attemptOnce(
  { operation }: CallRequest,
  url: string,
  init: RequestInit,
  maxAnswerBytes: number,
): Promise<Outcome> {
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
        `The response of ${operation.id} is too large: ${cause.message}`,
      )
    const reason = `${operation.id} could not be reached at ${url.replace(/\?.*/s, '')}: ${reasonOf(cause)}`
    return { lost: new CallProblem(operation, 503, 'SERVICE_UNAVAILABLE', reason, { cause }) }
  }
  const answer = { status: response.status, headers: Object.fromEntries(response.headers) }
  if (text === '') return { ...answer, body: undefined }
  try {
    return { ...answer, body: JSON.parse(text) }
  } catch (cause) {
    if (!response.ok) return { ...answer, body: undefined }
    throw new CallProblem(operation, 502, 'BAD_GATEWAY', `${operation.id} returned a body that is not JSON`, { cause })
  }
}

function settled(outcome: Outcome): CallAnswer {
  if ('lost' in outcome) throw outcome.lost
  return outcome
}

function isRepeatable({ operation, idempotencyKey }: CallRequest): boolean {
  return operation.method === 'GET' || (operation.method === 'POST' && idempotencyKey !== undefined)
}

/** A PUT or DELETE that is sent twice may find what it has done itself: a success becomes 412 or 404 (FC-79). */
function wasNotSent(outcome: Outcome): boolean {
  return 'lost' in outcome && UNSENT.has(codeOf(outcome.lost.cause) ?? '')
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

/** How long to rest before the next attempt; undefined when the outcome stands. */
function restOf(outcome: Outcome, attempt: number): number | undefined {
  const backoffMs = Math.random() * Math.min(BACKOFF.mostMs, BACKOFF.firstMs * 2 ** attempt)
  if ('lost' in outcome) return backoffMs
  const { status, headers, body } = outcome
  const retryAfterS = readRetryAfter(headers['retry-after'])
  const again = status === 429 || status === 503 || (status === 409 && isStillRunning(body))
  // The jitter comes on top, so that those who were told the same second do not come back together.
  return again ? (retryAfterS ?? 0) * 1000 + backoffMs : undefined
}

function isStillRunning(body: unknown): boolean {
  return (body as { error?: { code?: unknown } } | undefined)?.error?.code === 'IDEMPOTENCY_IN_PROGRESS'
}

/** Made before the attempt: a value that no header can hold is the caller's mistake, not the network's. */
function headersOf(request: CallRequest, own: HttpOptions['headers'], token: string | undefined): Headers {
  const headers = new Headers(own)
  headers.set('accept', 'application/json')
  if (request.body !== undefined) headers.set('content-type', 'application/json')
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (request.ifMatch !== undefined) headers.set('if-match', request.ifMatch)
  if (request.idempotencyKey !== undefined) headers.set('idempotency-key', request.idempotencyKey)
  return headers
}

async function tokenOf(token: HttpOptions['token']): Promise<string | undefined> {
  return typeof token === 'function' ? token() : token
}

function queryOf({ query }: CallRequest): string {
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

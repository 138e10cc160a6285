import type { Backoff } from '../base/backoff.ts'
import { send } from '../client/attempt.ts'
import { baseOf, queryOf } from '../client/request.ts'
import type { Trace } from '../observe/trace.ts'
import type { Call, Port } from './call.ts'
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
const BACKOFF: Backoff = { baseMs: 100, maxMs: 5_000 }

/**
 * Calls a system over HTTP, with the `fetch` of Node or of a browser. Retries are those of `guard`; a breaker and a bulkhead
 * are for services that call services.
 *
 *     const api = portClient(users, http('https://api.example.com', { token: () => session.accessToken }))
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
  return async (call) => {
    const { operation, method, path, query, context } = call
    const headers = headersOf(call, options.headers, await tokenOf(options.token))
    const { signal } = context
    const attempt = { operation, url: base + path + queryOf(query), method, headers, body: bodyOf(call), signal }
    return send(fetch, attempt, options.maxAnswerBytes)
  }
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

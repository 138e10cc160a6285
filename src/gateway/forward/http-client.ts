import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'

/** A request as it goes to a replica. */
export interface Sent {
  readonly method: string
  /** With the query, as it stands in the request line. */
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: Readable | Uint8Array | undefined
  readonly signal: AbortSignal
}

/** What came of sending it once. */
export type Attempt =
  /** `body` has to be read to its end, or destroyed. */
  | { readonly kind: 'answered'; readonly status: number; readonly headers: string[]; readonly body: Readable }
  /** There was no connection: nothing was sent. */
  | { readonly kind: 'unreached'; readonly cause: unknown }
  /** The connection ended before the answer began. */
  | { readonly kind: 'reset'; readonly cause: unknown }
  /** The signal aborted: there is no time left, or nobody to answer. */
  | { readonly kind: 'late'; readonly cause: unknown }
  /** What came is not HTTP. */
  | { readonly kind: 'garbled'; readonly cause: unknown }

export interface HttpClient {
  /** Never rejects. */
  send(sent: Sent): Promise<Attempt>
  /** Cuts what is under way. */
  close(): Promise<void>
}

export interface HttpClientOptions {
  /** Most connections to one replica; beyond it requests wait, in order. */
  readonly connections: number
  readonly connectTimeoutMs: number
  /** Between two pieces of the answer's body. */
  readonly bodyTimeoutMs: number
}

/** Connections to one origin, kept open between requests. The driver is loaded with the first of them. */
export async function createHttpClient(origin: string, options: HttpClientOptions): Promise<HttpClient> {
  const { Pool } = await import('undici')
  const pool = new Pool(origin, {
    connections: options.connections,
    // One request at a time on each: a second one behind it would share its fate.
    pipelining: 1,
    connect: { timeout: options.connectTimeoutMs },
    // The signal says when the head is late: it counts over all attempts.
    headersTimeout: 0,
    bodyTimeout: options.bodyTimeoutMs,
  })
  return {
    async send({ method, path, headers, body, signal }) {
      try {
        const answer = await pool.request({
          method: method as Dispatcher.HttpMethod,
          path,
          headers,
          body: (body as Uint8Array) ?? null,
          signal,
          responseHeaders: 'raw',
        })
        // Raw, as asked for: the driver's types know only the other form.
        const raw = answer.headers as unknown as string[]
        return { kind: 'answered', status: answer.statusCode, headers: raw, body: answer.body }
      } catch (cause) {
        return { kind: kindOf(cause, signal), cause }
      }
    },
    close: () => pool.destroy(),
  }
}

function kindOf(cause: unknown, signal: AbortSignal): Exclude<Attempt['kind'], 'answered'> {
  if (signal.aborted) return 'late'
  const { code = '', name, syscall } = cause as { code?: string; name?: string; syscall?: string }
  if (UNREACHED.has(code) || syscall === 'connect' || /CERT|TLS|SSL/.test(code)) return 'unreached'
  if (name === 'HTTPParserError' || GARBLED.has(code)) return 'garbled'
  return 'reset'
}

const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])
const GARBLED = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_INVALID_ARG'])

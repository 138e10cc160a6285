import type { IncomingMessage } from 'node:http'

/** From which origins a browser may use the API; `*`: from any. */
export type CorsOrigins = '*' | readonly string[]

export interface Cors {
  /** Answers differ by `Origin`, and must say so. */
  readonly varies: boolean
  /** Adds to the head of any answer what lets a page of an allowed origin read it. */
  push(head: string[], req: IncomingMessage): void
  /** Whether the request is a browser's preflight, from an origin that is allowed. */
  isPreflight(req: IncomingMessage): boolean
  /**
   * Adds the answer to a preflight. `allow` lists the methods of the path. The requested method is allowed even if it is
   * not among them: otherwise the browser would not send the request, and report a CORS failure instead of our 405.
   */
  pushPreflight(head: string[], req: IncomingMessage, allow: string): void
}

/**
 * Cross-origin requests as the Fetch standard has them. Credentials (cookies) are never allowed: tokens travel in a header
 * that no browser adds by itself, so a page of any origin can do no more than its own server could.
 *
 * `headers` are names of headers that pages may send and read in addition to the usual ones.
 */
export function createCors(origins: CorsOrigins, headers: readonly string[] = []): Cors {
  const taken = namesOf(TAKEN, headers)
  const exposed = namesOf(EXPOSED, headers)
  const any = origins === '*'
  const known = new Set(any ? [] : origins)
  const allowed = (req: IncomingMessage): string | undefined => {
    const { origin } = req.headers
    if (origin === undefined) return undefined
    return any ? '*' : known.has(origin) ? origin : undefined
  }
  const isPreflight = (req: IncomingMessage): boolean => {
    const { 'access-control-request-method': method } = req.headers
    return req.method === 'OPTIONS' && METHOD.test(method ?? '') && allowed(req) !== undefined
  }
  return {
    varies: !any,
    push(head, req) {
      const origin = allowed(req)
      if (origin !== undefined)
        head.push('access-control-allow-origin', origin, 'access-control-expose-headers', exposed)
    },
    isPreflight,
    pushPreflight(head, req, allow) {
      if (!isPreflight(req)) return
      const method = req.headers['access-control-request-method']!
      const methods = allow.split(', ').includes(method) ? allow : `${allow}, ${method}`
      head.push('access-control-allow-methods', methods, 'access-control-allow-headers', taken)
      // Browsers keep it for two hours at most; each would be one more counted request.
      head.push('access-control-max-age', '7200')
    },
  }
}

/** The requested method is echoed in a header. */
const METHOD = /^[A-Za-z-]{1,30}$/

/** Joins the names, each once; case makes no difference. */
function namesOf(usual: readonly string[], more: readonly string[]): string {
  const known = new Set(usual.map((name) => name.toLowerCase()))
  return [...usual, ...more.filter((name) => !known.has(name.toLowerCase()))].join(', ')
}

const TAKEN = [
  'Accept',
  'Accept-Language',
  'Authorization',
  'Baggage',
  'Cache-Control',
  'Content-Language',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-Modified-Since',
  'If-None-Match',
  'If-Unmodified-Since',
  'Last-Event-ID',
  'Pragma',
  'Prefer',
  'Range',
  'Traceparent',
  'Tracestate',
  'X-Request-Id',
  'X-Requested-With',
]
const EXPOSED = [
  'Accept-Patch',
  'Allow',
  'API-Version',
  'Content-Disposition',
  'Content-Range',
  'Deprecation',
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Sunset',
  'WWW-Authenticate',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-Request-Id',
]

import type { IncomingMessage } from 'node:http'

/** From which origins a browser may use the API; `*`: from any. */
export type CorsOrigins = '*' | readonly string[]

export interface Cors {
  /** Answers differ by `Origin`, and must say so. */
  readonly varies: boolean
  /** Adds to the head of any answer what lets a page of an allowed origin read it. */
  push(head: string[], req: IncomingMessage): void
  /** Adds what a preflight asks for: it is OPTIONS with `Access-Control-Request-Method`. `allow` are the place's methods. */
  pushPreflight(head: string[], req: IncomingMessage, allow: string): void
}

/**
 * Cross-origin requests as the Fetch standard has them. Credentials (cookies) are never allowed: tokens travel in a header
 * that no browser adds by itself, so a page of any origin can do no more than its own server could.
 */
export function createCors(origins: CorsOrigins): Cors {
  const any = origins === '*'
  const known = new Set(any ? [] : origins)
  const allowed = (req: IncomingMessage): string | undefined => {
    const { origin } = req.headers
    if (origin === undefined) return undefined
    return any ? '*' : known.has(origin) ? origin : undefined
  }
  return {
    varies: !any,
    push(head, req) {
      const origin = allowed(req)
      if (origin !== undefined)
        head.push('access-control-allow-origin', origin, 'access-control-expose-headers', EXPOSED)
    },
    pushPreflight(head, req, allow) {
      if (req.headers['access-control-request-method'] === undefined || allowed(req) === undefined) return
      head.push('access-control-allow-methods', allow, 'access-control-allow-headers', TAKEN)
      // Browsers keep it for two hours at most; each would be one more counted request.
      head.push('access-control-max-age', '7200')
    },
  }
}

const TAKEN = 'Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id'
const EXPOSED = [
  'API-Version',
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
].join(', ')

/** In every answer, names and values in turn. An API's answers are never a page's content, nor a frame's. */
export const SECURITY_HEADERS: readonly string[] = [
  'x-content-type-options',
  'nosniff',
  'x-frame-options',
  'DENY',
  'content-security-policy',
  "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy',
  'no-referrer',
]

/** A year of HTTPS only, in production; over plain HTTP browsers don't heed it. Not for subdomains: they may be others'. */
export const STRICT_TRANSPORT: readonly string[] = ['strict-transport-security', 'max-age=31536000']

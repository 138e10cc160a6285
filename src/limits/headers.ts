import type { BucketRule, Taken } from './token-bucket.ts'

/**
 * What a counted answer says of its bucket: the old fields, and those of the IETF's draft (RateLimit header fields for
 * HTTP). `nowMs` is the time of day.
 */
export function rateLimitHeaders(name: string, rule: BucketRule, taken: Taken, nowMs: number): Record<string, string> {
  const fullInS = Math.ceil(taken.fullInMs / 1000)
  return {
    'x-ratelimit-limit': String(rule.maxRequests),
    'x-ratelimit-remaining': String(taken.remaining),
    'x-ratelimit-reset': String(Math.ceil((nowMs + taken.fullInMs) / 1000)),
    'ratelimit-policy': `"${name}";q=${rule.maxRequests};w=${Math.ceil(rule.windowMs / 1000)}`,
    ratelimit: `"${name}";r=${taken.remaining};t=${fullInS}`,
  }
}

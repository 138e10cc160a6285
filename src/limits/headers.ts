import { Problem } from '../base/errors.ts'
import type { NamedRule } from './buckets.ts'
import type { TakeResult } from './token-bucket.ts'

/** A kind of bucket, with its name in the IETF's fields: `"default";q=100;w=60`. */
export interface Policy extends NamedRule {
  /** Made once: it is sent with every answer. */
  readonly limitText: string
  readonly policyText: string
  readonly item: string
}

export function policyOf(name: string, maxRequests: number, windowMs: number): Policy {
  const policyText = `"${name}";q=${maxRequests};w=${Math.ceil(windowMs / 1000)}`
  return { name, maxRequests, windowMs, limitText: String(maxRequests), policyText, item: `"${name}";r=` }
}

/** The result of one bucket for a request. */
export interface RateLimitResult {
  readonly policy: Policy
  /** What the request wanted to take. */
  readonly cost: number
  readonly taken: TakeResult
}

/** Adds the result of a bucket to those of the others. Throws the Problem RATE_LIMITED, with Retry-After, if it rejected the request. */
export function addResult(results: RateLimitResult[], one: RateLimitResult): void {
  results.push(one)
  if (!one.taken.allowed) throw new Problem('RATE_LIMITED', undefined, { retryAfterS: retryInMs(results) / 1000 })
}

/**
 * Adds to `head` the fields of a response that was counted (R-RATE-2): the tightest bucket in the X-RateLimit fields, which have room
 * for one, all of them in those of the IETF's draft (RateLimit header fields for HTTP). `nowMs` is the time of day.
 */
export function pushRateLimitHeaders(head: string[], results: readonly RateLimitResult[], nowMs: number): void {
  let tightest = results[0]!
  let policies = tightest.policy.policyText
  let items = itemOf(tightest)
  for (let i = 1; i < results.length; i++) {
    const one = results[i]!
    if (isTighter(one.taken, tightest.taken)) tightest = one
    policies += `, ${one.policy.policyText}`
    items += `, ${itemOf(one)}`
  }
  const { policy, taken } = tightest
  head.push(
    'x-ratelimit-limit',
    policy.limitText,
    'x-ratelimit-remaining',
    String(taken.remaining),
    'x-ratelimit-reset',
    String(Math.ceil((nowMs + taken.fullInMs) / 1000)),
    'ratelimit-policy',
    policies,
    'ratelimit',
    items,
  )
}

/** A bucket that rejected the request comes before all that did not, whatever is left in them. */
function isTighter(a: TakeResult, b: TakeResult): boolean {
  if (a.allowed !== b.allowed) return !a.allowed
  return a.remaining < b.remaining
}

function itemOf({ policy, taken }: RateLimitResult): string {
  return `${policy.item}${taken.remaining};t=${Math.ceil(taken.fullInMs / 1000)}`
}

/**
 * The milliseconds after which the same request passes all of these buckets. A bucket that let it pass now may be empty because of
 * it, and then keeps the next one waiting.
 */
function retryInMs(results: readonly RateLimitResult[]): number {
  let longest = 0
  for (const { policy, cost, taken } of results) {
    const { maxRequests, windowMs } = policy
    const spare = Math.floor(((maxRequests - Math.min(cost, maxRequests)) * windowMs) / maxRequests)
    longest = Math.max(longest, taken.allowed ? taken.fullInMs - spare : taken.retryInMs)
  }
  return longest
}

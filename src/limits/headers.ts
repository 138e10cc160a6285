import { Problem } from '../base/errors.ts'
import type { NamedRule } from './buckets.ts'
import type { Taken } from './token-bucket.ts'

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

/** What one bucket said to a request. */
export interface Told {
  readonly policy: Policy
  /** What was asked of it. */
  readonly cost: number
  readonly taken: Taken
}

/** Adds what a bucket said to what the others did. Throws the Problem RATE_LIMITED, with when to come back, if it refused. */
export function tell(told: Told[], one: Told): void {
  told.push(one)
  if (!one.taken.allowed) throw new Problem('RATE_LIMITED', undefined, { retryAfterS: retryInMs(told) / 1000 })
}

/**
 * Adds to `head` what a counted answer says of its buckets (R-RATE-2): the tightest in the old fields, which know but one,
 * all of them in those of the IETF's draft (RateLimit header fields for HTTP). `nowMs` is the time of day.
 */
export function pushRateLimitHeaders(head: string[], told: readonly Told[], nowMs: number): void {
  let tightest = told[0]!
  let policies = tightest.policy.policyText
  let items = itemOf(tightest)
  for (let i = 1; i < told.length; i++) {
    const one = told[i]!
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

/** The one that refused goes before all that did not, whatever is left in them. */
function isTighter(a: Taken, b: Taken): boolean {
  if (a.allowed !== b.allowed) return !a.allowed
  return a.remaining < b.remaining
}

function itemOf({ policy, taken }: Told): string {
  return `${policy.item}${taken.remaining};t=${Math.ceil(taken.fullInMs / 1000)}`
}

/**
 * After so many milliseconds the same request passes all of these buckets. One that let it pass now may be empty by it:
 * then it is that one which keeps the next waiting.
 */
function retryInMs(told: readonly Told[]): number {
  let longest = 0
  for (const { policy, cost, taken } of told) {
    const { maxRequests, windowMs } = policy
    const spare = Math.floor(((maxRequests - Math.min(cost, maxRequests)) * windowMs) / maxRequests)
    longest = Math.max(longest, taken.allowed ? taken.fullInMs - spare : taken.retryInMs)
  }
  return longest
}

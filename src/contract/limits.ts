import { checkList, checkObject, inWords, type KnownMembers, onlyKnown } from './known-members.ts'
import { isCamelCase } from './names.ts'
import type { Report } from './violation.ts'

/**
 * A bucket that an operation takes from, instead of the system's usual one (R-RATE-1): `maxRequests` at once, refilled evenly
 * over `windowMs`. Each user or address has a bucket of its own: `user` is the user, else the client's address; `ip` the
 * address (of IPv6 the /64).
 */
export interface Limit {
  readonly by: 'user' | 'ip'
  readonly maxRequests: number
  readonly windowMs: number
}

/**
 * A kind of bucket whose key only a handler can know, such as the account that a sign-in is for: `unit.limit('account', id)`
 * takes from it. Declared by name in `service({ buckets })`.
 */
export interface BucketSpec {
  readonly maxRequests: number
  readonly windowMs: number
  /** It limits signing in: `RATE_LIMIT_AUTH_MAX` goes before its `maxRequests`. */
  readonly auth?: boolean
}

const LIMIT: KnownMembers<Limit> = { by: true, maxRequests: true, windowMs: true }
const BUCKET: KnownMembers<BucketSpec> = { maxRequests: true, windowMs: true, auth: 'boolean' }

/** Refuses what is no list of limits, and members of them that mean nothing. */
export function checkLimitList(where: string, name: string, limits: unknown): void {
  if (limits === undefined) return
  checkList(where, name, limits)
  for (const [i, limit] of limits.entries()) {
    checkObject(where, `${name}[${i}]`, limit)
    onlyKnown(`${where}: ${name}`, limit, LIMIT)
  }
}

/** Refuses what is no bucket, and members of one that mean nothing. */
export function checkBucketMembers(where: string, buckets: Readonly<Record<string, unknown>>): void {
  for (const [name, bucket] of Object.entries(buckets)) {
    checkObject(where, `buckets.${name}`, bucket)
    onlyKnown(`${where}: buckets.${name}`, bucket, BUCKET)
  }
}

export interface Limited {
  readonly limits: readonly Limit[] | undefined
  readonly cost: number
}

const MAX_WINDOW_MS = 86_400_000

/** Reports the rules that the limits and the cost of an operation break. */
export function checkLimits(id: string, { limits, cost }: Limited, report: Report): void {
  if (!isWhole(cost, 1_000_000)) report('R-RATE-1', id, `costs ${inWords(cost)}`, 'A cost is a whole number from 1')
  if (limits === undefined) return
  if (limits.length === 0) report('R-RATE-1', id, 'has an empty list of `limits`', 'Omit it to keep the default limit')
  const all = new Set<string>()
  for (const limit of limits) {
    const { by, maxRequests } = limit
    const at = `${id}.limits`
    if (all.has(by)) report('R-RATE-1', at, `has two limits by ${by}`, 'Keep one of them')
    all.add(by)
    if (by !== 'user' && by !== 'ip')
      report(
        'R-RATE-1',
        at,
        `has a limit by ${inWords(by)}`,
        'Use `user` or `ip`; for any other key, declare a bucket and call unit.limit() in the handler',
      )
    checkRule(at, limit, report)
    if (isWhole(maxRequests, MAX_REQUESTS) && cost > maxRequests)
      report(
        'R-RATE-1',
        at,
        `allows no call at all: each costs ${inWords(cost)} of ${maxRequests}`,
        'The cost must be at most `maxRequests`',
      )
  }
}

/** Reports the rules that the buckets which handlers take from break. */
export function checkBuckets(buckets: Readonly<Record<string, BucketSpec>>, report: Report): void {
  for (const [name, spec] of Object.entries(buckets)) {
    const at = `buckets.${name}`
    if (!isCamelCase(name)) report('R-RATE-1', at, 'is not in camelCase', 'Name it after its key: `account`')
    checkRule(at, spec, report)
  }
}

const MAX_REQUESTS = 1_000_000_000

function checkRule(at: string, { maxRequests, windowMs }: BucketSpec, report: Report): void {
  if (!isWhole(maxRequests, MAX_REQUESTS))
    report('R-RATE-1', at, `has maxRequests ${inWords(maxRequests)}`, '`maxRequests` must be a whole number from 1')
  if (!isWhole(windowMs, MAX_WINDOW_MS))
    report('R-RATE-1', at, `has the window ${inWords(windowMs)}`, '`windowMs` is in milliseconds, at most a day')
}

function isWhole(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max
}

/** The size of a bucket: `maxRequests` at once, refilled evenly over `windowMs`. */
export interface BucketRule {
  readonly maxRequests: number
  readonly windowMs: number
}

/** The result of taking from a bucket. Times are from now. */
export interface TakeResult {
  readonly allowed: boolean
  /** Whole requests of cost 1 that would pass right now. */
  readonly remaining: number
  /** Until the bucket is full again. */
  readonly fullInMs: number
  /** Until this request would pass; 0 when it did. Infinity when its cost is more than the bucket holds. */
  readonly retryInMs: number
}

/** A bucket as it is kept: what was taken and has not flowed back, at a moment. */
export interface Bucket {
  readonly debt: number
  readonly atMs: number
}

/**
 * Takes `cost` from a bucket, or nothing where that is more than it holds. A token bucket has no window with an edge: over
 * any stretch of time at most the capacity and what flows back meanwhile pass (R-RATE-1).
 *
 * Debt is counted in requests × windowMs, so that one millisecond pays back exactly `maxRequests` of it: whole numbers,
 * no drift. `nowMs` is a whole number; a clock that goes back pays nothing back.
 */
export function take(
  bucket: Bucket | undefined,
  rule: BucketRule,
  cost: number,
  nowMs: number,
): { bucket: Bucket; taken: TakeResult } {
  const { maxRequests, windowMs } = rule
  const capacity = maxRequests * windowMs
  const before = bucket ? debtAt(bucket, rule, nowMs) : 0
  const wanted = cost * windowMs
  const allowed = before + wanted <= capacity
  const debt = allowed ? before + wanted : before
  const atMs = bucket ? Math.max(nowMs, bucket.atMs) : nowMs
  return {
    bucket: { debt, atMs },
    taken: {
      allowed,
      remaining: Math.floor((capacity - debt) / windowMs),
      fullInMs: Math.ceil(debt / maxRequests) + (atMs - nowMs),
      retryInMs: allowed
        ? 0
        : wanted > capacity
          ? Number.POSITIVE_INFINITY
          : Math.ceil((before + wanted - capacity) / maxRequests) + (atMs - nowMs),
    },
  }
}

/** What is still missing from a bucket at a later moment, in requests × windowMs. */
export function debtAt({ debt, atMs }: Bucket, { maxRequests }: BucketRule, nowMs: number): number {
  return Math.max(0, debt - Math.max(0, nowMs - atMs) * maxRequests)
}

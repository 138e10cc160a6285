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
  /** The part of the debt that does not flow back yet: tokens that are leased, and may still be used. None by default. */
  readonly held?: number
}

/**
 * Takes `cost` from a bucket, or nothing where that is more than it holds; then the bucket stays as it is. A token bucket has no window with an edge: over
 * any stretch of time at most the capacity and what flows back meanwhile pass (R-RATE-1).
 *
 * Debt is counted in requests × windowMs, so that one millisecond pays back exactly `maxRequests` of it: whole numbers,
 * no drift. `nowMs` is a whole number; a clock that goes back pays nothing back, and one that has gone back by more than the
 * window, as after a failover to a server whose clock is wrong, holds nobody for longer than that.
 */
export function take(
  bucket: Bucket | undefined,
  rule: BucketRule,
  cost: number,
  nowMs: number,
): { bucket: Bucket; taken: TakeResult } {
  const { maxRequests, windowMs } = rule
  const capacity = maxRequests * windowMs
  // A full bucket owes nothing, whenever that was.
  const keptMs = bucket && bucket.debt > 0 ? Math.min(bucket.atMs, nowMs + windowMs) : nowMs
  const before = bucket ? debtAt(bucket, rule, nowMs) : 0
  const wanted = cost * windowMs
  const allowed = before + wanted <= capacity
  const debt = allowed ? before + wanted : before
  const atMs = Math.max(nowMs, keptMs)
  const changed = bucket === undefined || debt > before || keptMs < bucket.atMs
  return {
    bucket: changed ? bucketOf(debt, atMs, bucket?.held) : bucket,
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
export function debtAt({ debt, atMs, held = 0 }: Bucket, { maxRequests }: BucketRule, nowMs: number): number {
  return Math.max(held, debt - Math.max(0, nowMs - atMs) * maxRequests)
}

/**
 * Sets aside tokens that somebody may use later. Until they are settled none of them flows back: one that did, and was used after
 * that, would be counted when it no longer matters. `take` must have shown that they are there.
 */
export function hold(bucket: Bucket, { windowMs }: BucketRule, tokens: number): Bucket {
  const leased = tokens * windowMs
  return bucketOf(bucket.debt + leased, bucket.atMs, (bucket.held ?? 0) + leased)
}

/** Ends what `hold` has begun: the unused of the tokens are there again, and the used begin to flow back. */
export function settle(
  bucket: Bucket,
  rule: BucketRule,
  { tokens, unused }: { readonly tokens: number; readonly unused: number },
  nowMs: number,
): Bucket {
  const before = bucket.held ?? 0
  const held = Math.max(0, before - tokens * rule.windowMs)
  // A bucket that was dropped meanwhile, and begun anew, holds nothing to give back.
  const returned = Math.min(unused * rule.windowMs, before)
  const debt = Math.max(held, debtAt(bucket, rule, nowMs) - returned)
  return bucketOf(debt, Math.max(nowMs, bucket.atMs), held)
}

/** Most buckets hold nothing, and have no room for it. */
function bucketOf(debt: number, atMs: number, held = 0): Bucket {
  return held === 0 ? { debt, atMs } : { debt, atMs, held }
}

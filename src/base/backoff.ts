/** How long to wait between attempts: it doubles with each, up to a bound. */
export interface Backoff {
  readonly baseMs: number
  readonly maxMs: number
}

/** The longest wait before attempt `attempt + 1`, the first being 0. */
export function backoffMs(attempt: number, { baseMs, maxMs }: Backoff): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30))
}

/**
 * Full jitter: anything from nothing to the longest wait. Callers that failed together don't come back together, as they
 * would with a fixed delay and a little noise.
 */
export function fullJitterMs(attempt: number, backoff: Backoff, random: () => number = Math.random): number {
  return random() * backoffMs(attempt, backoff)
}

/** Jitter in the upper half alone, for what is to be left in peace for a while. */
export function halfJitterMs(attempt: number, backoff: Backoff, random: () => number = Math.random): number {
  return backoffMs(attempt, backoff) * (0.5 + random() / 2)
}

import type { Redis } from '../redis/connection.ts'
import { RedisUnavailable } from '../redis/redis-unavailable.ts'
import { bucketScript, readResults, scriptArguments } from './bucket-script.ts'
import { type Buckets, type Draw, memoryBuckets } from './buckets.ts'
import type { TakeResult } from './token-bucket.ts'

/** Buckets that all processes of a system share, as long as there is a Redis. */
export interface SharedBuckets extends Buckets {
  /** Why this process limits by itself now; undefined while it need not. */
  readonly trouble: string | undefined
  /** Draws since the start that this process decided by itself. */
  readonly fallbacks: number
}

export interface RedisBucketsOptions {
  /** This process's own, for as long as Redis can't be used. */
  readonly own?: Buckets
  /** Called with a line when Redis takes no draws though it is up, when it takes them again, and for unreadable buckets. */
  log?(line: string): void
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

const TAKE = bucketScript()
/** For so long after a failed draw the health says so; without requests nothing would tell that it is over. */
const TROUBLE_MS = 10_000

/**
 * Buckets in Redis (R-RATE-3): each draw is one step and one trip there, of however many buckets. No request fails for want of
 * it: while Redis is gone, slow, full or forbids the script, the buckets of this process decide. They follow every draw, so that
 * they go on from what this process has let through.
 */
export function redisBuckets(redis: Redis, options: RedisBucketsOptions = {}): SharedBuckets {
  const { own = memoryBuckets(), log, now = () => performance.now() } = options
  let fallbacks = 0
  /** What Redis said of the last draw, where it was no. */
  let refusal: { readonly message: string; readonly atMs: number } | undefined
  let toldUnreadable = false

  async function takeThere(draws: readonly Draw[]): Promise<readonly TakeResult[]> {
    // Own buckets follow in any case, and need not wait.
    const here = own.takeEach(draws)
    try {
      const keys = draws.map(({ kind, whose }) => keyOf(redis.prefix, kind, whose))
      const { unreadable, results } = readResults(await redis.run(TAKE, keys, scriptArguments(draws)))
      if (refusal !== undefined) log?.('limits are shared again')
      refusal = undefined
      if (unreadable > 0 && !toldUnreadable) {
        toldUnreadable = true
        log?.(
          'Redis has values that are no buckets under the keys of limits: they count as full. Does something else write there?',
        )
      }
      return results
    } catch (error) {
      noteFailure(error as Error)
      fallbacks += draws.length
      return here
    }
  }

  function noteFailure(error: Error): void {
    // The connection has said so already, and knows when it is over.
    if (error instanceof RedisUnavailable) return
    const { message } = error
    if (refusal === undefined) log?.(`limits can't be shared (Redis: ${message}): this process limits by itself`)
    refusal = { message, atMs: now() }
  }

  return {
    take(kind, whose, cost) {
      if (redis.up) return takeThere([{ kind, whose, cost }]).then(first)
      fallbacks++
      return own.take(kind, whose, cost)
    },
    takeEach(draws) {
      if (redis.up) return takeThere(draws)
      fallbacks += draws.length
      return own.takeEach(draws)
    },
    get trouble() {
      if (!redis.up) return 'Redis does not answer'
      // Not its message: health is public.
      return refusal !== undefined && now() - refusal.atMs < TROUBLE_MS ? 'Redis rejects the draws' : undefined
    },
    get fallbacks() {
      return fallbacks
    },
  }
}

/** With the window, as that is the unit of what is kept: a changed setting starts other buckets. */
function keyOf(prefix: string, { name, windowMs }: Draw['kind'], whose: string): string {
  return `${prefix}limit:${name}:${windowMs}:${whose}`
}

function first(results: readonly TakeResult[]): TakeResult {
  return results[0]!
}

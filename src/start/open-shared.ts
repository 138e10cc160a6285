import { Fault } from '../base/errors.ts'
import { redisBuckets, type SharedBuckets } from '../limits/redis-buckets.ts'
import type { Log } from '../observe/log.ts'
import { placeOf, redisAddress } from '../redis/address.ts'
import type { Redis } from '../redis/connection.ts'
import { within } from '../resilience/within.ts'
import type { Settings } from './settings.ts'

/** What the processes of a system share by way of Redis. */
export interface Shared {
  readonly redis: Redis
  readonly buckets: SharedBuckets
}

/**
 * Connects to the server of REDIS_URL; undefined without one. `name` is that of the system.
 *
 * Fault REDIS_UNREACHABLE (exit code 1) once START_TIMEOUT has passed: a wrong REDIS_URL is found by the deployment, and not by
 * limits that are too generous. A process that has started goes on without Redis, and returns to it.
 */
export async function openShared(
  name: string,
  { redisUrl, startTimeoutMs }: Settings,
  { log, signal }: { log: Log; signal?: AbortSignal | undefined },
): Promise<Shared | undefined> {
  if (redisUrl === undefined) return undefined
  const address = redisAddress(redisUrl)!
  const { connectRedis } = await import('../redis/connection.ts')
  const redis = connectRedis(address, { name, log: (line) => log.warn(line) })
  const unreachable = () =>
    new Fault(
      'REDIS_UNREACHABLE',
      `Redis at ${placeOf(address)} can't be used (${redis.trouble}). Start it, or correct REDIS_URL.`,
      { exitCode: 1 },
    )
  try {
    await within(startTimeoutMs, unreachable, signal, (either) => redis.untilUp(either))
    return { redis, buckets: redisBuckets(redis, { log: (line) => log.warn(line) }) }
  } catch (error) {
    await redis.close()
    throw error
  }
}

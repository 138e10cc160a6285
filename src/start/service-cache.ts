import { createHash } from 'node:crypto'
import { sweeper } from '../base/sweeper.ts'
import { type Cache, createCache } from '../cache/cache.ts'
import { memoryTags } from '../cache/memory-tags.ts'
import { redisTags } from '../cache/redis-tags.ts'
import { noTags } from '../cache/tags.ts'
import type { Contract } from '../contract/contract.ts'
import { boundLeftChanges, dropLeftChanges } from '../data/cache-changes.ts'
import type { Database } from '../data/pool.ts'
import type { Log } from '../observe/log.ts'
import type { Redis } from '../redis/connection.ts'

/** Who else serves the services of this process, and so has to know what changes. */
export interface CacheSetting {
  /** Where versions of tags are, for all processes. */
  readonly redis?: Redis | undefined
  /**
   * `alone`: no other process serves them. `several`: without Redis nothing is cached here (R-CACHE-1), but others may have
   * one. `command`: this process serves nothing, beside others that may.
   */
  readonly processes: 'alone' | 'several' | 'command'
}

/** Nobody reads what a change left in the database for longer than this. */
const SWEEP_MS = 2_000
/** Who keeps nothing looks only whether too much is left, which takes a single row of an index. */
const BOUND_MS = 10_000

/** The cache of a service, which also drops what was changed where Redis could not be told, and by commands. */
export function serviceCache(
  { name }: Pick<Contract, 'name'>,
  database: Database,
  { redis, processes }: CacheSetting,
  log: Log,
): Cache {
  const keepsNothing = redis === undefined && processes !== 'alone'
  const tags = keepsNothing
    ? noTags()
    : redis === undefined
      ? memoryTags()
      : redisTags(redis, {
          space: async () => `${name}:${await idOf(database)}`,
          catchUp: (drop) => dropLeftChanges(database, { drop }),
        })
  const cache = createCache({ tags })
  if (processes === 'command') return cache
  async function sweep(): Promise<void> {
    if (keepsNothing) await boundLeftChanges(database)
    // What is in Redis may be read by a process that keeps nothing itself yet.
    else if (redis !== undefined || cache.figures.entries > 0) await dropLeftChanges(database, cache)
  }
  const everyMs = keepsNothing ? BOUND_MS : SWEEP_MS
  const sweeps = sweeper(sweep, {
    everyMs,
    soonMs: everyMs,
    failed: (error) => log.debug({ err: error, service: name }, 'could not look for changes that the cache has missed'),
  })
  return {
    ...cache,
    get figures() {
      return cache.figures
    },
    async stop() {
      sweeps.stop()
      await cache.stop()
    },
  }
}

/** Two systems of one name may share a Redis, such as those of two stages: a database has a secret of its own. */
async function idOf(database: Database): Promise<string> {
  const [row] = await database.cells(`select value from lintel.secrets where name = 'cursor'`)
  return createHash('sha256').update(`cache ${row![0]}`).digest('base64url').slice(0, 12)
}

/** One line at the start, where contracts say `cached` and nothing is. */
export function warnOfNoCache(contracts: readonly Contract[], { redis, processes }: CacheSetting, log: Log): void {
  if (redis !== undefined || processes !== 'several') return
  const cached = contracts.filter(({ served }) => served.some(({ facts }) => facts.cached !== undefined))
  if (cached.length === 0) return
  log.warn(
    `REDIS_URL is not set and several processes may serve ${cached.map(({ name }) => name).join(' and ')}: nothing is cached here, ` +
      'and processes that have it see what is written here up to 5 s later',
  )
}

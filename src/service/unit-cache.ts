import { Fault } from '../base/errors.ts'
import { handled } from '../base/handled.ts'
import type { Cache } from '../cache/cache.ts'
import type { Context } from '../call/call.ts'
import { isTag, TAG_IN_WORDS } from '../contract/cached.ts'
import type { Contract } from '../contract/contract.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Transaction } from '../data/open-transaction.ts'
import { recordedRead } from './recorded-read.ts'

export interface CacheOptions {
  /** Seconds until it is loaded again at the latest; 3,600 by default. */
  readonly ttlS?: number
  /** What drops it: those of resources that are `cached` (`product:prd_…`, `products`), and any of your own. */
  readonly tags?: readonly string[]
}

/** What a handler keeps for the next one, in the cache of its service (R-CACHE-1). */
export interface UnitCache {
  /**
   * The value under the key, as JSON has it; else what `load` resolves to, which is kept. Of many who miss it at once, one
   * loads. Once the transaction has written something, `load` is called each time and its value kept for nobody: it may show
   * what is not committed.
   *
   *     const rate = await unit.cache.get('rate:eur', { ttlS: 60, tags: ['rates'] }, () => fetchRate('eur'))
   */
  get<T>(key: string, options: CacheOptions, load: () => Promise<T>): Promise<T>
  /** Drops what has the tag when the transaction commits, on every replica, before the answer is sent. */
  invalidate(tag: string): void
}

const HOUR_S = 3_600
const LONGEST_S = 7 * 86_400
const MOST_TAGS = 50

/** `cache` is undefined where nothing is kept. */
export function unitCache(
  cache: Cache | undefined,
  contract: Contract,
  tx: Transaction,
  context: Pick<Context, 'bound' | 'span'>,
): UnitCache {
  async function get<T>(key: string, { ttlS = HOUR_S, tags = [] }: CacheOptions, load: () => Promise<T>): Promise<T> {
    tx.assertOpen()
    check(contract, key, ttlS, tags)
    if (cache === undefined || tx.hasWritten()) return load()
    const loaded = async () => {
      const value = await load()
      const body = JSON.stringify(value)
      // JSON has no undefined; and what this transaction has written meanwhile, others must not see.
      return { head: '', body: body ?? '', isPrivate: body === undefined || tx.hasWritten() }
    }
    const isOver = () => context.bound?.isOver === true
    const read = { key: `handler ${key}`, what: 'of a handler', how: { tags, ttlMs: ttlS * 1_000, isOver } }
    const { body } = await recordedRead(cache, context.span, read, loaded)
    return (body === '' ? undefined : JSON.parse(body)) as T
  }

  return {
    get: (key, options, load) => handled(get(key, options, load)),
    invalidate(tag) {
      tx.assertOpen()
      if (!isTag(tag)) throw wrong(`cache.invalidate() has the tag "${tag}": expected ${TAG_IN_WORDS}`)
      tx.drop(tag)
    },
  }
}

function check(contract: Contract, key: string, ttlS: number, tags: readonly string[]): void {
  if (key.length === 0 || key.length > 500)
    throw wrong('cache.get() has an empty key, or one of more than 500 characters')
  if (!Number.isInteger(ttlS) || ttlS < 1 || ttlS > LONGEST_S)
    throw wrong(`cache.get('${key}') has the ttlS ${ttlS}: expected a whole number of seconds, at most 7 days`)
  if (tags.length > MOST_TAGS) throw wrong(`cache.get('${key}') has ${tags.length} tags: expected at most ${MOST_TAGS}`)
  for (const tag of tags) {
    if (!isTag(tag)) throw wrong(`cache.get('${key}') has the tag "${tag}": expected ${TAG_IN_WORDS}`)
    const resource = Object.values<AnyResource>(contract.resources).find(
      ({ name, plural }) => tag === plural || tag.startsWith(`${name}:`),
    )
    if (resource !== undefined && resource.cached === undefined)
      throw wrong(
        `cache.get('${key}') has the tag "${tag}", which no write drops: give the resource "${resource.name}" \`cached: { get: false }\` in the contract`,
      )
  }
}

function wrong(message: string): Fault {
  return new Fault('CACHE_ARGUMENT', message)
}

import { type KnownMembers, onlyKnown } from './known-members.ts'

/**
 * Which reads of a resource are answered from the cache (R-CACHE-1), and for how long. An entry is dropped when a write has
 * changed its row, so that nobody who has seen a write's answer reads an older value; the times are for what changes unseen.
 */
export interface CachedOptions {
  /** GET of one; true by default. False: writes drop the tags of this resource all the same, for what handlers keep. */
  readonly get?: boolean
  /** GET of many, dropped by each write of any of them; false by default. */
  readonly list?: boolean
  /** Seconds until an entry is read again at the latest; 3,600 by default. */
  readonly ttlS?: number
  /** Tags beside its own, for `cache.invalidate(tag)`: what else its answers depend on. */
  readonly tags?: readonly string[]
  /**
   * Seconds for which clients may keep an answer without asking again: `Cache-Control: max-age`. It is not dropped there by a
   * write. Without it they ask each time, and get 304 where nothing has changed.
   */
  readonly maxAgeS?: number
}

export interface Cached {
  readonly get: boolean
  readonly list: boolean
  readonly ttlS: number
  readonly tags: readonly string[]
  readonly maxAgeS: number | undefined
}

const MEMBERS: KnownMembers<CachedOptions> = {
  get: 'boolean',
  list: 'boolean',
  ttlS: true,
  tags: 'list',
  maxAgeS: true,
}

export function cachedOf(where: string, given: boolean | CachedOptions | undefined): Cached | undefined {
  if (given === undefined || given === false) return undefined
  const options = given === true ? {} : given
  onlyKnown(`${where}: cached`, options, MEMBERS)
  const { get = true, list = false, ttlS = 3_600, tags = [], maxAgeS } = options
  return { get, list, ttlS, tags, maxAgeS }
}

/** How an operation is cached: what every room goes by. */
export interface CachedRead {
  readonly ttlMs: number
  readonly maxAgeS: number | undefined
  /** Those of the resource's own choice; beside the tag of the row, or of all rows. */
  readonly tags: readonly string[]
}

export function cachedRead(cached: Cached | undefined, verb: string): CachedRead | undefined {
  if (cached === undefined || !(verb === 'get' ? cached.get : verb === 'list' && cached.list)) return undefined
  return { ttlMs: cached.ttlS * 1_000, maxAgeS: cached.maxAgeS, tags: cached.tags }
}

/** `user:usr_…`, the tag of one row, and the key of what is kept of it. */
export function rowTag({ name }: { readonly name: string }, id: string): string {
  return `${name}:${id}`
}

/** `users`, the tag of all lists. */
export function listTag({ plural }: { readonly plural: string }): string {
  return plural
}

export const TAG_IN_WORDS = '1 to 200 printable characters without spaces and commas, such as `prices` or `rate:eur`'

export function isTag(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x2b\x2d-\x7e]{1,200}$/.test(value) && value !== '*'
}

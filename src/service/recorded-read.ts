import type { Cache, Loaded, Reading } from '../cache/cache.ts'
import type { Kept } from '../cache/kept.ts'
import { recorded, type Span } from '../observe/span.ts'

/** A value that is read by way of the cache. */
export interface CachedRead {
  readonly key: string
  /** What its span is called by, if it has one: keys hold what clients send. */
  readonly what: string
  readonly how: Reading
}

/** Reads by way of the cache: as a part of `span`, with a part of its own where the database is read. */
export function recordedRead(
  cache: Cache,
  span: Span | undefined,
  { key, what, how }: CachedRead,
  load: () => Promise<Loaded>,
): Promise<Kept> {
  if (span === undefined) return cache.read(key, how, load)
  const read = span.child(`cache get ${what}`, 'internal')
  return recorded(read, () => cache.read(key, how, () => recorded(read.child(`cache fill ${what}`, 'internal'), load)))
}

import { createHash } from 'node:crypto'
import type { Cache, Loaded, Reading } from '../cache/cache.ts'
import type { Kept } from '../cache/kept.ts'
import type { Call } from '../call/call.ts'
import { listTag, rowTag } from '../contract/cached.ts'
import type { Operation } from '../contract/operation.ts'
import type { ApiVersions, Surface } from '../contract/versions.ts'
import { recordedRead } from './recorded-read.ts'

/** The cached reads of one operation in one version, where it has some. */
export interface CachedReads {
  /** Finished text of one row, all of it or some `fields`. */
  one(call: Call, id: string, fields: readonly string[] | undefined, load: () => Promise<Loaded>): Promise<Kept>
  /** Finished text of a page, whose links say how it was asked for. */
  page(call: Call, load: () => Promise<Loaded>): Promise<Kept>
}

export interface CachedReadsOptions {
  readonly contract: ApiVersions
  readonly surface: Surface
  readonly version: number
  /** As `Reading.isChecked`. */
  readonly isChecked: boolean
}

/**
 * Only what is the same for everybody who may see it is `cached` in a contract (contract/cached-rules.ts), and access is
 * decided before anything is read here: the caller need not be part of the key (R-CACHE-4).
 */
export function cachedReads(
  cache: Cache | undefined,
  operation: Operation,
  { contract, surface, version, isChecked }: CachedReadsOptions,
): CachedReads | undefined {
  const { cached } = operation.facts
  const { resource } = operation
  if (cache === undefined || cached === undefined || resource === undefined) return undefined
  const shape = `v${version} ${shapeOf(contract, operation, surface)}`
  const readingFor = ({ context }: Call, tag: string, isSame?: Reading['isSame']): Reading => ({
    tags: [tag, ...cached.tags],
    ttlMs: cached.ttlMs,
    isOneOfMany: operation.verb === 'list',
    isOver: () => context.bound?.isOver === true,
    isChecked,
    isSame,
  })
  return {
    one(call, id, fields, load) {
      const tag = rowTag(resource, id)
      const key = `${tag} ${shape}${fields === undefined ? '' : ` ${fields.join(',')}`}`
      return recordedRead(cache, call.context.span, { key, what: resource.name, how: readingFor(call, tag) }, load)
    },
    page(call, load) {
      const tag = listTag(resource)
      // A service that has no such version answers in its newest one, and its links name the one that was asked for.
      const key = `${tag} ${shape} v${call.version} ${call.path} ${JSON.stringify(call.query)}`
      const how = readingFor(call, tag, isSamePage)
      return recordedRead(cache, call.context.span, { key, what: resource.plural, how }, load)
    },
  }
}

/** An estimate of the total changes without a write. */
function isSamePage(a: Kept, b: Kept): boolean {
  return (a.head === b.head && a.body === b.body) || a.body.includes('"totalIsEstimate":true')
}

/** Old and new code may run side by side, and see the same row in two ways: each has its own entries. */
function shapeOf({ older }: ApiVersions, { id, answer, key }: Operation, surface: Surface): string {
  const steps = Object.values(older).map(({ shapes }) => key !== undefined && shapes[key]?.down.toString())
  return createHash('sha256')
    .update(JSON.stringify([id, answer, surface.answer, steps]))
    .digest('base64url')
    .slice(0, 12)
}

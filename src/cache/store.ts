import type { Entry } from './kept.ts'

/** Entries of this process, bounded by the memory that they take. */
export interface Store {
  get(key: string): Entry | undefined
  set(key: string, entry: Entry): void
  delete(key: string): void
  clear(): void
  readonly bytes: number
  readonly size: number
}

/** What an entry takes beside its texts: the objects, and its places in maps. */
const OVERHEAD_BYTES = 256
/** One entry may take no more than this part of the whole. */
const LARGEST_PART = 16

interface Sized {
  readonly entry: Entry
  readonly bytes: number
}

/**
 * Two generations, as in base/bounded-cache.ts, but by bytes: a hit in the young one writes nothing, a hit in the old one moves
 * up, and a full young one becomes the old one. A character counts as two bytes, which is the most that it takes.
 */
export function createStore(maxBytes: number): Store {
  const half = maxBytes / 2
  let young = new Map<string, Sized>()
  let old = new Map<string, Sized>()
  let youngBytes = 0
  let oldBytes = 0

  function put(key: string, sized: Sized): void {
    if (youngBytes + sized.bytes > half) {
      old = young
      oldBytes = youngBytes
      young = new Map()
      youngBytes = 0
    }
    young.set(key, sized)
    youngBytes += sized.bytes
  }

  function remove(key: string): void {
    const inYoung = young.get(key)
    if (inYoung !== undefined) {
      young.delete(key)
      youngBytes -= inYoung.bytes
    }
    const inOld = old.get(key)
    if (inOld !== undefined) {
      old.delete(key)
      oldBytes -= inOld.bytes
    }
  }

  return {
    get(key) {
      const sized = young.get(key)
      if (sized !== undefined) return sized.entry
      const older = old.get(key)
      if (older === undefined) return undefined
      remove(key)
      put(key, older)
      return older.entry
    },
    set(key, entry) {
      remove(key)
      const bytes = OVERHEAD_BYTES + 2 * (key.length + entry.stamp.length + entry.head.length + entry.body.length)
      if (bytes <= maxBytes / LARGEST_PART) put(key, { entry, bytes })
    },
    delete: remove,
    clear() {
      young = new Map()
      old = new Map()
      youngBytes = 0
      oldBytes = 0
    },
    get bytes() {
      return youngBytes + oldBytes
    },
    get size() {
      return young.size + old.size
    },
  }
}

import { Fault, Problem } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import { createFlights } from './flights.ts'
import { type Entry, type Kept, readEntry, writeEntry } from './kept.ts'
import { createStore } from './store.ts'
import type { Look, Tags, TagsState } from './tags.ts'

/** The cache of one service in one process: finished text under keys, dropped by tags. */
export interface Cache {
  /** What is kept under the key, else what `load` reads, which is then kept. Fails only as `load` fails. */
  read(key: string, how: Reading, load: () => Promise<Loaded>): Promise<Kept>
  /**
   * To be called before what the tags stand for changes, and `end` of what it resolves to after that, however it went. In
   * between nothing of them is read from the cache; whoever calls `read` after the end never gets what was before.
   */
  change(tags: ReadonlySet<string>): Promise<Change> | Change
  /** Drops what has these tags, as after a change that somebody else has made; resolves with whether it is done. */
  drop(tags: readonly string[]): Promise<boolean> | boolean
  readonly figures: CacheFigures
  stop(): Promise<void>
}

export interface Reading {
  readonly tags: readonly string[]
  readonly ttlMs: number
  /**
   * One of many that clients can think of, such as lists by filter: kept outside this process only when it is read again, and
   * if it is short. Else one client could fill a Redis that others need.
   */
  readonly isOneOfMany?: boolean
  /** The caller's time is over: their failure is nobody else's. */
  readonly isOver: () => boolean
  /**
   * For development and tests: at a hit the database is read too, and where it says something else the read fails with
   * CACHE_STALE. So a write that does not say what it changes is found by the first test that reads it.
   */
  readonly isChecked?: boolean | undefined
  /** For that check: whether two readings are the same. By their text, unless given. */
  readonly isSame?: ((a: Kept, b: Kept) => boolean) | undefined
}

export interface Loaded extends Kept {
  /** For nobody but the caller who has loaded it: it is neither kept nor shared. */
  readonly isPrivate?: boolean
}

export interface Change {
  /**
   * Whether every process that has such entries knows. If not, the tags must be written into the database with the change
   * itself: the others find them there (data/cache-raises.ts).
   */
  readonly isKnown: boolean
  /** `uncertain`: nobody knows whether it was made, or is yet to be. Resolves in bounded time. */
  end(outcome: 'over' | 'uncertain'): Promise<unknown> | unknown
}

/** Since the start. */
export interface CacheFigures {
  readonly hits: number
  readonly misses: number
  /** Of the misses, those that waited for another's reading of the database. */
  readonly shared: number
  /** Entries that were there, and no longer good. */
  readonly stale: number
  /** Read past the cache, because a tag was being changed. */
  readonly changing: number
  /** Read past the cache, because versions could not be known: Redis is away or slow. */
  readonly unknown: number
  /** Readings that were not kept: a change has overtaken them, or they were nobody else's. */
  readonly refused: number
  readonly bytes: number
  readonly entries: number
  readonly state: TagsState
}

export interface CacheOptions {
  readonly tags: Tags
  /** Memory for entries in this process; 32 MiB. */
  readonly maxBytes?: number
}

/** A writer that dies in between has changed nothing for longer than this, or it is seen. */
const CHANGE_MS = 5_000
/** So long a COMMIT whose answer was lost may yet arrive. */
const UNCERTAIN_MS = 60_000
/** Of what is `isOneOfMany`, outside this process. */
const LONGEST_OF_MANY_BYTES = 64 * 1024
/** Keys hold what clients send. */
const LONGEST_KEY = 1_000

export function createCache({ tags, maxBytes = 32 * 2 ** 20 }: CacheOptions): Cache {
  const store = createStore(maxBytes)
  /** Entries that are kept here, and outside when they are read again. */
  const readOnce = new WeakSet<Entry>()
  const flights = createFlights<Loaded>(({ isPrivate }) => isPrivate !== true)
  const counts = { hits: 0, misses: 0, shared: 0, stale: 0, changing: 0, unknown: 0, refused: 0 }

  /** An entry that is good by these versions, from here or from outside. */
  function goodEntry(key: string, ttlMs: number, look: Look): Entry | undefined {
    if (look.kind !== 'known') return undefined
    const { stamp, text } = look
    const entry = store.get(key)
    if (entry !== undefined && isGood(entry, stamp)) return entry
    if (entry !== undefined) {
      counts.stale++
      store.delete(key)
    }
    if (text === null) return undefined
    const read = readEntry(text, ttlMs)
    if (read === undefined || !isGood(read, stamp)) return undefined
    store.set(key, read)
    return read
  }

  async function read(key: string, how: Reading, load: () => Promise<Loaded>): Promise<Kept> {
    if (key.length > LONGEST_KEY) return load()
    const own = store.get(key)
    let look = await tags.look(how.tags, own === undefined ? key : undefined)
    let entry = goodEntry(key, how.ttlMs, look)
    // Another process may have read it again since.
    if (entry === undefined && own !== undefined && tags.state.kind === 'redis') {
      look = await tags.look(how.tags, key)
      entry = goodEntry(key, how.ttlMs, look)
    }
    if (look.kind !== 'known') {
      counts[look.kind]++
      return load()
    }
    if (entry !== undefined) {
      counts.hits++
      if (how.isOneOfMany && readOnce.delete(entry)) keepOutside(key, entry)
      return how.isChecked ? checked(key, entry, how, load) : entry
    }
    counts.misses++
    // Versions belong to the flight: whoever comes after a change must not get what was read before it.
    const { value, isOwn } = await flights.share(`${look.stamp} ${key}`, load, how.isOver)
    if (isOwn) keep(key, look, how, value)
    else counts.shared++
    return value
  }

  function keep(key: string, { stamp }: Known, how: Reading, loaded: Loaded): void {
    const { tags: names, ttlMs } = how
    if (loaded.isPrivate || !tags.mayBe(names, stamp)) {
      counts.refused++
      return
    }
    const entry = { stamp, untilMs: performance.now() + ttlMs, head: loaded.head, body: loaded.body }
    store.set(key, entry)
    if (!how.isOneOfMany) keepOutside(key, entry)
    else if (Buffer.byteLength(entry.body) <= LONGEST_OF_MANY_BYTES) readOnce.add(entry)
  }

  function keepOutside(key: string, entry: Entry): void {
    const ttlMs = Math.max(1, Math.ceil(entry.untilMs - performance.now()))
    tags.keep(key, () => writeEntry(entry), ttlMs)
  }

  async function checked(key: string, entry: Entry, how: Reading, load: () => Promise<Loaded>): Promise<Kept> {
    const { isSame = sameText } = how
    let fresh: Loaded | undefined
    try {
      fresh = await load()
    } catch (error) {
      if (how.isOver()) throw error
      // A database that cannot be asked says nothing of the entry.
      if (!(error instanceof Problem && error.code === 'NOT_FOUND')) return entry
    }
    if (fresh !== undefined && (fresh.isPrivate || isSame(fresh, entry))) return entry
    const look = await tags.look(how.tags, undefined)
    if (look.kind !== 'known' || look.stamp !== entry.stamp) return fresh ?? load()
    store.delete(key)
    throw new Fault(
      'CACHE_STALE',
      `What the cache has under "${key}" is not what the database says. Something has changed it without saying so: ` +
        `write with changeEach, call tx.changed(resource, id) beside other SQL of your own, or cache.invalidate(tag) for one of ${how.tags.map((tag) => `"${tag}"`).join(', ')}.`,
    )
  }

  function change(names: ReadonlySet<string>): Promise<Change> | Change {
    const list = [...names]
    const by = newId('chg')
    const changeOf = (isKnown: boolean): Change => ({
      isKnown,
      end(outcome) {
        if (outcome === 'over') return tags.raise(list, by)
        // Not taken off: it ends by itself, and until then nothing is kept that the change may yet overtake.
        return tags.mark(list, by, UNCERTAIN_MS)
      },
    })
    const marked = tags.mark(list, by, CHANGE_MS)
    return marked instanceof Promise ? marked.then(changeOf) : changeOf(marked)
  }

  return {
    read,
    change,
    drop: (names) => tags.raise(names, ''),
    get figures() {
      return { ...counts, bytes: store.bytes, entries: store.size, state: tags.state }
    },
    stop: () => tags.stop(),
  }
}

type Known = Look & { kind: 'known' }

function isGood(entry: Entry, stamp: string): boolean {
  return entry.stamp === stamp && entry.untilMs > performance.now()
}

function sameText(a: Kept, b: Kept): boolean {
  return a.head === b.head && a.body === b.body
}

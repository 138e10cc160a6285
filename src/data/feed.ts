import { createRest } from '../base/rest.ts'
import type { Held } from './connections.ts'
import { type StoredEvent, storedEventOf } from './outbox.ts'
import type { Database } from './pool.ts'
import { type Place, placeBehind } from './readers.ts'

/** The outbox, read in the order of its positions by whoever keeps a place. */
export interface Feed {
  /**
   * How far everything is committed or rolled back that had a position when it was called. Waits for transactions that may have events in
   * between, as long as those take; undefined where the signal aborts first, or `withinMs` have passed. Calls share the asking.
   */
  settle(signal: AbortSignal, withinMs?: number): Promise<Settled | undefined>
  /** What was found last, whoever asked. */
  readonly latest: Settled | undefined
  /** The next events behind a place, in order. Rejects with LogChanged when the place is not one of this log. */
  page(place: Place, upTo: Settled, options: PageOptions): Promise<Page>
  /** Both: the next events of whatever type; empty when there is none, or the signal aborts. */
  read(place: Place, limit: number, signal: AbortSignal): Promise<StoredEvent[]>
  /** The place behind which events stand that were written at this time or later; the last one where there are none. */
  placeAt(since: string, upTo: Settled): Promise<Place>
  /** The transaction that holds up reading, once that has taken more than a second. */
  readonly heldUp: HeldUp | undefined
  /** Nobody comes back any more. */
  stop(): void
}

export interface Settled {
  readonly position: bigint
  /** Of the server: after a crash it may give positions again that were lost with it. */
  readonly startedAt: string
}

export interface PageOptions {
  /** All of them without it. */
  readonly types?: readonly string[] | undefined
  readonly limit: number
  /** How many positions are looked at for types that are wanted; `WIDEST`. */
  readonly window?: number | undefined
}

export interface Page {
  readonly events: readonly StoredEvent[]
  /** Behind everything that was looked at, also what was not wanted. */
  readonly place: Place
  /** Whether that is all that is settled. */
  readonly isLast: boolean
}

export interface HeldUp {
  /** Of the server process. */
  readonly pid: number
  /** As its connection calls itself. */
  readonly application: string
  /** Since it began. */
  readonly openMs: number
}

/** Another event stands at the place than the one that was read there, or none: the database was restored, or its sequence set back. */
export class LogChanged extends Error {
  constructor({ position, eventId }: Place) {
    super(`the outbox has no event ${eventId} at position ${position}: it is not the log that was read`)
  }
}

/** How far positions have been given; `last_value` of the sequence itself would run ahead of that, and back again. */
const GIVEN = `select coalesce(pg_sequence_last_value('lintel.outbox_position_seq'), 0), pg_postmaster_start_time(), pg_is_in_recovery()`

/** Transactions that have written to the outbox, or may be about to: a statement holds this lock from its parsing on. */
const WRITERS = `select virtualtransaction, pid from pg_locks
where locktype = 'relation' and mode = 'RowExclusiveLock' and granted and relation = 'lintel.outbox'::regclass
  and database = (select oid from pg_database where datname = current_database())`

const HOLDER = `select pid, application_name, extract(epoch from now() - xact_start) * 1000 from pg_stat_activity
where pid = any($1::int[]) order by xact_start limit 1`

/** So many positions are looked at in some 50 ms. */
export const WIDEST = 250_000
/** Where each event is wanted, `limit` bounds the look. */
const ENDLESS = 1n << 62n
const UP_TO = `(select least($2::bigint, first.position + $3) from (
  select position from lintel.outbox where position > $1 order by position limit 1) first)`

const READ = `select position, id, type, aggregate_id, created_at, data, headers from lintel.outbox
where position > $1 and position <= ${UP_TO} and ($4::text[] is null or type = any($4)) order by position limit $5`

/** Whether the place is still one of this log, and the last event that READ looks at. */
const FRAME = `select pg_postmaster_start_time(), exists (select from lintel.outbox where position = $1 and id = $4),
  last.position, last.id
from (values (1)) one left join lateral (
  select position, id from lintel.outbox where position > $1 and position <= ${UP_TO} order by position desc limit 1) last on true`

/** Whether a position is in front of all partitions: what stood there was dropped when its time was over. */
const IS_DROPPED = `select $1 < min((regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \\('(\\d+)'\\)$$))[1]::bigint)
from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'lintel.outbox'::regclass and not i.inhdetachpending`

const FIRST_SINCE = `select position - 1 from lintel.outbox where created_at >= $1 and position <= $2 order by position limit 1`
const LAST = `select position, id from lintel.outbox where position <= $1 order by position desc limit 1`

/** Writers take a millisecond or two. */
const SHORTEST_REST_MS = 2
const LONGEST_REST_MS = 50
const HELD_UP_MS = 1_000
const AT_ONCE_MS = 250
const COMING_BACK_MS = 2_000

/**
 * Positions are given before the commit, so "after the last one" would pass over what commits late. But what was given
 * before a moment is committed or rolled back once every transaction has ended that held the lock of a writer right after
 * that moment. So: how far positions have been given; then who writes; then, when those are gone, what stands there. Three
 * statements, for each has to see what was committed before it. The first two share one connection, and what they say is of use only
 * to what the same run of the server answers.
 *
 * `held` is called once for each transaction that keeps readers waiting for longer than a second.
 */
export function createFeed(database: Database, held: (by: HeldUp) => void = () => {}): Feed {
  let heldUp: HeldUp | undefined
  let underWay: Promise<unknown> | undefined
  /** Begins when the one under way has ended, which may have asked too early for those who come now. */
  let coming: Promise<Settled | undefined> | undefined
  let waiting = 0
  let leftAtMs = 0
  let endedAtMs = 0
  let latest: Settled | undefined
  let isStopped = false

  async function settle(signal: AbortSignal, withinMs?: number): Promise<Settled | undefined> {
    waiting++
    let timer: NodeJS.Timeout | undefined
    let abort: (() => void) | undefined
    const left = new Promise<undefined>((resolve) => {
      const leaveIn = (ms: number) => {
        timer = setTimeout(resolve, ms, undefined)
      }
      // What is there at once is still worth having.
      abort = () => leaveIn(AT_ONCE_MS)
      if (withinMs !== undefined) leaveIn(Math.max(withinMs, AT_ONCE_MS))
      if (signal.aborted) abort()
      signal.addEventListener('abort', abort, { once: true })
    })
    try {
      coming ??= next()
      return await Promise.race([coming, left])
    } finally {
      clearTimeout(timer)
      if (--waiting === 0) leftAtMs = performance.now()
      signal.removeEventListener('abort', abort!)
    }
  }

  async function next(): Promise<Settled | undefined> {
    await underWay?.catch(() => {})
    // Not again and again while events are written: what comes meanwhile is asked about together.
    const earlyMs = endedAtMs + SHORTEST_REST_MS - performance.now()
    if (earlyMs > 0) await createRest().take(earlyMs)
    coming = undefined
    const own = settleOnce()
    underWay = own
    return own.finally(() => {
      endedAtMs = performance.now()
    })
  }

  async function settleOnce(): Promise<Settled | undefined> {
    return onConnection(async (connection) => {
      const [positions, open] = await Promise.all([connection.send(GIVEN, []), writersOf(connection)])
      const [[given, startedAt, isStandby]] = positions.cells as [[string, string, string]]
      // Nothing there says who writes.
      if (isStandby === 't') throw new Error('the outbox cannot be read on a standby')
      if (!(await gone(connection, open))) return undefined
      latest = { position: BigInt(given), startedAt }
      return latest
    }).finally(() => {
      heldUp = undefined
    })
  }

  const writersOf = async (connection: Held): Promise<ReadonlyMap<string, number>> =>
    new Map((await connection.send(WRITERS, [])).cells.map(([transaction, pid]) => [transaction!, Number(pid)]))

  /** Resolves when those who wrote have ended; false when nobody waits for that any more: who reads in turns of a second comes back. */
  async function gone(connection: Held, open: ReadonlyMap<string, number>): Promise<boolean> {
    const sinceMs = performance.now()
    let left = open
    for (let restMs = SHORTEST_REST_MS; left.size > 0; restMs = Math.min(restMs * 2, LONGEST_REST_MS)) {
      if (performance.now() - sinceMs > HELD_UP_MS) await note(connection, [...left.values()])
      await createRest().take(restMs)
      if (waiting === 0 && (isStopped || performance.now() - leftAtMs > COMING_BACK_MS)) return false
      const now = await writersOf(connection)
      left = new Map([...left].filter(([transaction]) => now.has(transaction)))
    }
    return true
  }

  async function note(connection: Held, pids: readonly number[]): Promise<void> {
    const [holder] = (await connection.send(HOLDER, [pids])).cells
    if (!holder) return
    const [pid, application, openMs] = holder
    const isKnown = heldUp?.pid === Number(pid)
    heldUp = { pid: Number(pid), application: application!, openMs: Math.round(Number(openMs)) }
    if (!isKnown) held(heldUp)
  }

  async function onConnection<T>(work: (connection: Held) => Promise<T>): Promise<T> {
    const connection = await database.acquire()
    try {
      return await work(connection)
    } catch (error) {
      database.outage.note(error)
      throw database.faults.problemOf(error)
    } finally {
      connection.release()
    }
  }

  const page: Feed['page'] = (place, { position: upTo, startedAt }, { types, limit, window = WIDEST }) =>
    onConnection(async (connection) => {
      const most = types === undefined ? ENDLESS : BigInt(window)
      const range = [place.position, `${upTo}`, `${most}`]
      const [frame, found] = await Promise.all([
        connection.send(FRAME, [...range, place.eventId ?? null]),
        connection.send(READ, [...range, types ?? null, limit]),
      ])
      const [started, stands, last, lastId] = frame.cells[0]!
      if (started !== startedAt) throw new Error('the server was started anew while the outbox was read')
      if (place.eventId !== undefined && stands !== 't') {
        const [[isDropped]] = (await connection.send(IS_DROPPED, [place.position])).cells as [[string]]
        if (isDropped !== 't') throw new LogChanged(place)
      }
      const events = found.cells.map(storedEventOf)
      if (events.length === limit) return { events, place: placeBehind(events.at(-1)!), isLast: false }
      if (last == null) return { events, place, isLast: true }
      const isLast = upTo - BigInt(place.position) <= most
      return { events, place: { position: last, eventId: lastId! }, isLast }
    })

  return {
    settle,
    page,
    async read(place, limit, signal) {
      const settled = await settle(signal)
      return settled === undefined ? [] : [...(await page(place, settled, { limit })).events]
    },
    async placeAt(since, { position }) {
      const [first] = await database.cells(FIRST_SINCE, [since, `${position}`])
      if (first) return { position: first[0]!, eventId: undefined }
      const [last] = await database.cells(LAST, [`${position}`])
      return last ? { position: last[0]!, eventId: last[1]! } : { position: '0', eventId: undefined }
    },
    get latest() {
      return latest
    },
    get heldUp() {
      return heldUp
    },
    stop() {
      isStopped = true
    },
  }
}

import { createRest } from '../base/rest.ts'
import type { Held } from './connections.ts'
import { eventOf, RFC_3339, type StoredEvent } from './outbox.ts'
import type { Database } from './pool.ts'
import type { Place } from './readers.ts'
import type { Cells } from './row.ts'

/** The outbox, read in the order of its positions by whoever keeps a place. */
export interface Feed {
  /**
   * The next events behind a place, in order; empty when there is none. Waits for transactions that may have events in
   * between, as long as those take. Rejects with LogChanged when the place is not one of this log.
   */
  read(place: Place, limit: number, signal: AbortSignal): Promise<StoredEvent[]>
  /** The transaction that holds up reading, once that has taken more than a second. */
  readonly heldUp: HeldUp | undefined
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

/** From the event of the place on, so that it is seen whether that still stands there. */
const READ = `select position, pg_postmaster_start_time(),
  id, type, aggregate_id, to_char(created_at, ${RFC_3339}), data, headers from lintel.outbox
where position >= $1 order by position limit $2`

/** Writers take a millisecond or two. */
const SHORTEST_REST_MS = 2
const LONGEST_REST_MS = 50
const HELD_UP_MS = 1_000

/**
 * Positions are given before the commit, so "after the last one" would pass over what commits late. But what was given
 * before a moment is committed or rolled back once every transaction has ended that held the lock of a writer right after
 * that moment. So: how far positions have been given; then who writes; then, when those are gone, what stands there. Three
 * statements, for each has to see what was committed before it. They share one connection: after a crash a server may give
 * positions again that were lost with it, and what was learnt before says nothing of those.
 *
 * `held` is called once for each transaction that keeps readers waiting for longer than a second.
 */
export function createFeed(database: Database, held: (by: HeldUp) => void = () => {}): Feed {
  let heldUp: HeldUp | undefined

  /**
   * Where nobody writes, the three answers are enough, of one write. Else who wrote is asked about again until they are gone, and
   * what stands there is read once more. Undefined where the signal aborts meanwhile.
   */
  async function readSettled(connection: Held, place: Place, limit: number, signal: AbortSignal) {
    const writers = async () =>
      new Map((await connection.send(WRITERS, [])).cells.map(([transaction, pid]) => [transaction!, Number(pid)]))
    const rows = async () => (await connection.send(READ, [place.position, limit + 1])).cells
    const answers = [connection.send(GIVEN, []), writers(), rows()] as const
    const [positions, open, standing] = await Promise.all(answers)
    const [[given, startedAt, isStandby]] = positions.cells as [[string, string, string]]
    // Nothing there says who writes.
    if (isStandby === 't') throw new Error('the outbox cannot be read on a standby')
    // Nothing new: what is read is whether the place is still one of this log.
    const isNew = BigInt(given) > BigInt(place.position)
    let found = standing
    if (isNew && open.size > 0) {
      if (!(await gone(connection, open, writers, signal))) return undefined
      found = await rows()
    }
    if (found.some(([, started]) => started !== startedAt))
      throw new Error('the server was started anew while the outbox was read')
    const upTo = BigInt(isNew ? given : place.position)
    return found.filter(([position]) => BigInt(position!) <= upTo)
  }

  /** Resolves when those who wrote have ended; false when the signal aborts first. */
  async function gone(
    connection: Held,
    open: ReadonlyMap<string, number>,
    writers: () => Promise<ReadonlyMap<string, number>>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const sinceMs = performance.now()
    let left = open
    for (let restMs = SHORTEST_REST_MS; left.size > 0; restMs = Math.min(restMs * 2, LONGEST_REST_MS)) {
      if (performance.now() - sinceMs > HELD_UP_MS) await note(connection, [...left.values()])
      await createRest().take(restMs, signal)
      if (signal.aborted) return false
      const now = await writers()
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

  return {
    async read(place, limit, signal) {
      const connection = await database.acquire()
      try {
        const cells: Cells[] | undefined = await readSettled(connection, place, limit, signal)
        if (cells === undefined) return []
        const events = cells.map(([position, , ...columns]) => ({ position: position!, ...eventOf(columns) }))
        if (place.eventId === undefined) return events.slice(0, limit)
        if (events[0]?.position !== place.position || events[0].id !== place.eventId) throw new LogChanged(place)
        return events.slice(1)
      } catch (error) {
        database.outage.note(error)
        throw database.faults.problemOf(error)
      } finally {
        heldUp = undefined
        connection.release()
      }
    },
    get heldUp() {
      return heldUp
    },
  }
}

import type { Held } from './connections.ts'
import { type StoredEvent, storedEventOf } from './outbox.ts'
import type { Database } from './pool.ts'
import { type Place, placeBehind } from './readers.ts'
import { createSettling, type HeldUp, type Settled, type Settling } from './settling.ts'

/** The outbox, read in the order of its positions by whoever keeps a place. */
export interface Feed extends Omit<Settling, 'forget'> {
  /** The next events behind a place, in order. Rejects with LogChanged when the place is not one of this log. */
  page(place: Place, upTo: Settled, options: PageOptions): Promise<Page>
  /** Both: the next events of whatever type; empty when there is none, or the signal aborts. */
  read(place: Place, limit: number, signal: AbortSignal): Promise<StoredEvent[]>
  /** The place behind which events stand that were written at this time or later; the last one where there are none. */
  placeAt(since: string, upTo: Settled): Promise<Place>
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

/** Another event stands at the place than the one that was read there, or none: the database was restored, or its sequence set back. */
export class LogChanged extends Error {
  constructor({ position, eventId }: Place) {
    super(`the outbox has no event ${eventId} at position ${position}: it is not the log that was read`)
  }
}

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

/** The statements that say what is settled are of use only to what the same run of the server answers. */
export function createFeed(database: Database, held: (by: HeldUp) => void = () => {}): Feed {
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
      if (started !== startedAt) {
        settling.forget()
        throw new Error('the server was started anew while the outbox was read')
      }
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

  const settling = createSettling(onConnection, held)
  return {
    settle: settling.settle,
    page,
    async read(place, limit, signal) {
      const settled = await settling.settle(signal)
      return settled === undefined ? [] : [...(await page(place, settled, { limit })).events]
    },
    async placeAt(since, { position }) {
      const [first] = await database.cells(FIRST_SINCE, [since, `${position}`])
      if (first) return { position: first[0]!, eventId: undefined }
      const [last] = await database.cells(LAST, [`${position}`])
      return last ? { position: last[0]!, eventId: last[1]! } : { position: '0', eventId: undefined }
    },
    get latest() {
      return settling.latest
    },
    get heldUp() {
      return settling.heldUp
    },
  }
}

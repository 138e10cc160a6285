import { noteStatement } from '../base/failure.ts'
import type { Access } from '../contract/access.ts'
import type { AnyResource } from '../contract/resource.ts'
import type { Cause } from '../observe/statement-log.ts'
import { boundedCheck, CHECK_MS } from '../resilience/bounded-check.ts'
import { Deadline } from '../resilience/deadline.ts'
import { createAlone } from './alone.ts'
import { isoTime } from './columns.ts'
import { createConnections, type Held } from './connections.ts'
import { type Faults, faultsOf, unavailable } from './faults.ts'
import type { ForetoldInsert } from './foretold.ts'
import { createLanes, type Lanes, TICK_MS } from './lanes.ts'
import { createOutage, type Outage } from './outage.ts'
import type { Cells, Row } from './row.ts'
import { isBlocked } from './sharing.ts'
import { createSlowTexts } from './slow-texts.ts'
import { type Asker, type Statement, waitUntilMs } from './statement.ts'
import type { Step, TextResult } from './text-query.ts'
import { pinned } from './tls.ts'
import type { ClientConfig } from './wire.ts'

/** Something that statements can be sent to: the reading connections, or a transaction. */
export interface Queryable {
  /** Rows as text, column by column. Statements are prepared once per connection; `values` go as parameters. */
  cells(text: string, values?: readonly unknown[]): Promise<Cells[]>
  /** Rows as objects, for hand-written SQL: numbers, booleans, JSON and times (RFC 3339) are parsed, the rest is text. */
  query<T extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<T[]>
}

/** A transaction, to those who write in it. */
export interface Writable extends Queryable {
  /**
   * Says that hand-written SQL changes a row: what the cache has of it is dropped when the transaction commits. What `insert`,
   * `change` and `remove` write is known without it.
   */
  changed(resource: AnyResource, id: string): void
  /** Whether an access rule admits whoever this is done for, as the row's owner too; everybody without it. */
  admits?(access: Access, row: Row, by: 'as caller' | 'as service'): boolean
  /** Publishes an event of the contract with the row. */
  publish?(type: string, row: Row): void
  /** Takes an insert that need not be sent before COMMIT, as its row is known already; false where it has to be sent now. */
  atCommit?(insert: ForetoldInsert): boolean
  /**
   * Deletes or changes the rows that would go or change with one that is deleted, each with its event (R-EVT-7); undefined where
   * there can be none.
   */
  cascade?(resource: AnyResource): ((id: string) => Promise<void>) | undefined
}

export interface Database extends Queryable {
  readonly name: string
  /** What errors of its statements mean. */
  readonly faults: Faults
  /** Reads that may take longer, such as lists and counts: planned for their values, and apart from single reads. */
  readonly slow: ListReads
  /**
   * A connection for one unit of work, to be released. Waits at most `acquireTimeoutMs` for one to be free, and not as long as
   * the deadline: SERVICE_UNAVAILABLE. Units of one `share` leave some to others.
   */
  acquire(deadline?: Deadline, share?: string): Promise<Held>
  /**
   * Runs statements as one transaction, among others: in one batch (`Held.sendBatch`). Undefined where that takes a connection of its own:
   * now or by the deadline it might keep others waiting.
   */
  runBatch(steps: readonly Step[], deadline?: Deadline): Promise<readonly string[]> | undefined
  /** What keeps it from being of use though its server answers. */
  readonly outage: Outage
  /** Milliseconds that an empty query takes; rejects when it is not answered, in time (`CHECK_MS.dependency`). */
  ping(): Promise<number>
  /** What is under way, and what waits for a connection. */
  load(): DatabaseLoad
  /** The same database for a request, whose ids its statements are reported with; undefined where they are not reported. */
  readonly onBehalfOf?: ((cause: Cause) => CausedDatabase) | undefined
  close(): Promise<void>
}

export interface CausedDatabase extends Database {
  /** May change on the way: what an event's transaction is for is known once it has found the event. */
  cause: Cause | undefined
}

export interface ListReads extends Queryable {
  cells(text: string, values?: readonly unknown[], reading?: ListReading): Promise<Cells[]>
}

/** For whom a list is read, whose share it takes and whose deadline bounds it. */
export interface ListReading {
  readonly asker: Asker | undefined
  /** It goes through much of a table: nobody should wait behind it. */
  readonly isLong: boolean
}

export interface DatabaseLoad {
  /** Statements on the connections that all single reads share. */
  readonly reads: Load
  /** The same of lists. */
  readonly lists: Load
  /** Statements that run alone. */
  readonly alone: Load
  /** Connections in use for transactions and for statements that run alone, and how many wait for one. */
  readonly connections: Load
}

interface Load {
  readonly running: number
  readonly waiting: number
}

export interface DatabaseOptions {
  /** Connections for transactions, and for statements that run alone; 11 by default. Transactions leave one of them free. */
  poolSize?: number
  /** Connections that all single reads share; 2 by default. */
  readLanes?: number
  /** Connections that all lists share; 2 by default. With 0 they go over those of single reads. */
  listLanes?: number
  /** How long a transaction waits for a connection; 5,000. */
  acquireTimeoutMs?: number
  /** What errors mean to callers of its service. */
  faults?: Faults
  log?: (message: string) => void
  /** Why nothing may be written any more, where that is so: transactions then get SERVICE_UNAVAILABLE. */
  lost?: (() => string | undefined) | undefined
}

/**
 * Times arrive in UTC with the ISO style whatever the server is set to; nothing runs for ever. Compiling a plan to machine code
 * costs more than any statement of a service is worth: that of the constraints took 4 s on a busy machine, and 3 ms without.
 */
const SESSION =
  '-c timezone=UTC -c datestyle=ISO -c jit=off -c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000'
const ALONE_SESSION = `${SESSION} -c statement_timeout=15000`
/** What takes longer runs again, alone. */
const LANE_SESSION = `${SESSION} -c statement_timeout=1000`

/**
 * Lists are planned for their values, each time: which index is right depends on whose list it is and what it is filtered
 * by. Left to itself, PostgreSQL may take one plan for all values from the sixth use on: 3 ms became 210 (FC-111). A plan
 * costs 0.1 to 0.2 ms of its CPU.
 *
 * And for few rows rather than for few blocks of disk: by its own costs PostgreSQL would sooner go through 210 rows that lie
 * side by side, of which it expects 21 to be the user's, than fetch 21 that an index names and that lie apart. Where it is
 * wrong about that, as with a user whose orders are all old, it goes through the whole table.
 */
const LIST_SETTINGS = {
  plan_cache_mode: 'force_custom_plan',
  seq_page_cost: '0.1',
  random_page_cost: '0.1',
}
const LIST_SESSION = `${LANE_SESSION}${settingsAs((name, value) => ` -c ${name}=${value}`)}`
const LIST_ALONE = settingsAs((name, value) => `set local ${name} = ${value}; `)

/** PostgreSQL answers so many in about a millisecond. */
const READS_IN_ROW = 64
/** So long a batch among others may take. */
const BATCH_MS = 2_000
const CONNECT_MS = 5_000
/**
 * Of the connections for transactions, how many may have those that are known to take long, and how many those that kept a lane
 * waiting: where these wait for a locked table, searches of others don't (FC-110).
 */
const ALONE_PLACES = 2

/** Opens a database. Connections are made at first use. */
export function openDatabase(name: string, url: string, options: DatabaseOptions = {}): Database {
  const { poolSize = 11, readLanes = 2, listLanes = 2, acquireTimeoutMs = 5_000, log } = options
  const config: ClientConfig = {
    connectionString: pinned(url),
    application_name: `lintel:${name}`,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    pipeline: true,
  }
  const faults = options.faults ?? faultsOf()
  const outage = createOutage({ lost: options.lost })
  const problemOf = (error: unknown) => {
    outage.note(error)
    return faults.problemOf(error, true)
  }
  const slow = createSlowTexts()
  const connections = createConnections({
    size: poolSize,
    config: { ...config, options: ALONE_SESSION },
    lost: (error) => log?.(`${name}: idle connection lost: ${error.message}`),
  })
  const places = Math.min(ALONE_PLACES, poolSize)
  const newAlone = () => createAlone({ connections, places, slow, problemOf })
  const [searches, late] = [newAlone(), newAlone()]
  const lanesOf = (size: number, session: string, crowd: number) =>
    createLanes({ size, crowd, config: { ...config, options: session }, slow, elsewhere: late.run, problemOf })
  const reads = lanesOf(readLanes, LANE_SESSION, READS_IN_ROW)
  const lists = listLanes === 0 ? reads : lanesOf(listLanes, LIST_SESSION, 1)

  // One timer for all that waits, and none while nothing does.
  let ticking: NodeJS.Timeout | undefined
  const tick = () => {
    const busy = [reads, lists, searches, late, connections].map((one) => one.tick())
    if (busy.includes(true)) return
    clearInterval(ticking)
    ticking = undefined
  }
  const watch = () => {
    ticking ??= setInterval(tick, TICK_MS).unref()
  }

  const sender =
    (lanes: Lanes, settings: string) => (text: string, values: readonly unknown[], reading?: ListReading) =>
      new Promise<TextResult>((resolve, reject) => {
        const statement: Statement = {
          text,
          values,
          asker: reading?.asker,
          settings,
          sentOver: undefined,
          prepared: true,
          settled: false,
          resolve,
          reject,
        }
        watch()
        if (reading?.isLong) searches.run(statement)
        else lanes.send(statement)
      })
  const sendRead = sender(reads, '')

  return {
    name,
    faults,
    outage,
    ...queryable(sendRead),
    slow: queryable(sender(lists, LIST_ALONE)),
    acquire(deadline, share) {
      const { lost: gone } = outage
      if (gone !== undefined) return Promise.reject(unavailable(new Error(gone)))
      watch()
      return connections.forTransaction(share, waitUntilMs(deadline, acquireTimeoutMs))
    },
    runBatch(steps, deadline) {
      if (outage.lost !== undefined || slow.has(steps[0]!.text)) return undefined
      // What has little time is cancelled when it is over, which takes a connection of its own.
      if (deadline !== undefined && deadline.remainingMs() < BATCH_MS) return undefined
      watch()
      return connections.share(steps)?.catch((error) => {
        if (isBlocked(error)) slow.add(steps[0]!.text)
        throw error
      })
    },
    ping: boundedCheck(CHECK_MS.dependency, async () => {
      const start = performance.now()
      // Ends what the bound leaves under way.
      const asker = { key: 'ping', deadline: Deadline.after(2 * CHECK_MS.dependency), signal: undefined }
      await sendRead('select 1', [], { asker, isLong: false })
      return performance.now() - start
    }),
    load() {
      const [of, and] = [searches.load(), late.load()]
      const alone = { running: of.running + and.running, waiting: of.waiting + and.waiting }
      return { reads: reads.load(), lists: lists.load(), alone, connections: connections.load() }
    },
    async close() {
      await Promise.all([connections.close(), reads.close(), lists.close()])
      clearInterval(ticking)
    },
  }
}

function settingsAs(write: (name: string, value: string) => string): string {
  return Object.entries(LIST_SETTINGS)
    .map(([name, value]) => write(name, value))
    .join('')
}

/** The two ways of asking, over one way of sending. */
export function queryable(
  send: (text: string, values: readonly unknown[], reading?: ListReading) => Promise<TextResult>,
): ListReads {
  return {
    async cells(statement, values = [], reading) {
      try {
        return (await send(statement, values, reading)).cells
      } catch (error) {
        noteStatement(error, statement)
        throw error
      }
    },
    async query<T extends object>(statement: string, values: readonly unknown[] = []) {
      let result: TextResult
      try {
        result = await send(statement, values)
      } catch (error) {
        noteStatement(error, statement)
        throw error
      }
      return rowsOf<T>(result)
    },
  }
}

/** Rows as objects, as `Queryable.query` gives them. */
export function rowsOf<T extends object>({ cells, fields }: TextResult): T[] {
  let i = 0
  try {
    return cells.map((row) => {
      const value: Record<string, unknown> = {}
      for (i = 0; i < fields.length; i++) value[fields[i]!.name] = parse(fields[i]!.dataTypeID, row[i] ?? null)
      return value as T
    })
  } catch (error) {
    throw new Error(`the column ${fields[i]!.name} ${(error as Error).message}`, { cause: error })
  }
}

const INT8 = 20
const NUMBERS = new Set([21, 23, 26, 700, 701, 1700, INT8])
const JSONS = new Set([114, 3802])
const TIMESTAMPTZ = 1184
const BOOL = 16

function parse(type: number, value: string | null): unknown {
  if (value === null) return null
  if (NUMBERS.has(type)) return Number(value)
  if (type === BOOL) return value === 't'
  if (JSONS.has(type)) return JSON.parse(value)
  if (type === TIMESTAMPTZ) return isoTime(value)
  return value
}

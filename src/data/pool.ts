import type { Socket } from 'node:net'
import pg from 'pg'
import { noteStatement } from '../base/failure.ts'
import { isoTime } from './columns.ts'
import { type Faults, faultsOf, unavailable } from './faults.ts'
import { createOutage, type Outage } from './outage.ts'
import type { Cells } from './row.ts'
import { sendText, type TextResult } from './text-query.ts'

/** Something that statements can be sent to: the reading connections, or a transaction. */
export interface Queryable {
  /** Rows as text, column by column. Statements are prepared once per connection; `values` go as parameters. */
  cells(text: string, values?: readonly unknown[]): Promise<Cells[]>
  /** Rows as objects, for hand-written SQL: numbers, booleans, JSON and times (RFC 3339) are parsed, the rest is text. */
  query<T extends object = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<T[]>
}

export interface Database extends Queryable {
  readonly name: string
  /** What errors of its statements mean. */
  readonly faults: Faults
  /** Reads that may take long, such as lists and counts: on connections of their own, so that they hold up no other. */
  readonly slow: Queryable
  /** A connection for one unit of work, to be released. Waits at most `acquireTimeoutMs` for one to be free. */
  acquire(): Promise<Held>
  /** What keeps it from being of use though its server answers. */
  readonly outage: Outage
  /** Milliseconds that an empty query takes. */
  ping(): Promise<number>
  close(): Promise<void>
}

export interface Held {
  send: Send
  release(): void
}

export interface DatabaseOptions {
  /** Connections for transactions; 10 by default. */
  poolSize?: number
  /** Connections for lists; 2 by default. */
  slowLanes?: number
  /** How long a transaction waits for a connection. */
  acquireTimeoutMs?: number
  /** What errors mean to callers of its service. */
  faults?: Faults
  log?: (message: string) => void
  /** Why nothing may be written any more, where that is so: transactions then get SERVICE_UNAVAILABLE. */
  lost?: (() => string | undefined) | undefined
}

/** Times arrive in UTC with the ISO style whatever the server is set to; nothing runs for ever. */
const SESSION =
  '-c timezone=UTC -c datestyle=ISO -c statement_timeout=15000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=30000'

/**
 * Lists are planned for their values, each time: which index is right depends on whose list it is and what it is filtered
 * by. Left to itself, PostgreSQL may take one plan for all values from the sixth use on: 3 ms became 210 (FC-111). A plan
 * costs 0.1 to 0.2 ms of its CPU. Compiling a plan to machine code costs more than any page of a list is worth.
 *
 * And for few rows rather than for few blocks of disk: by its own costs PostgreSQL would sooner go through 210 rows that lie
 * side by side, of which it expects 21 to be the user's, than fetch 21 that an index names and that lie apart. Where it is
 * wrong about that, as with a user whose orders are all old, it goes through the whole table.
 */
const LIST_SESSION = `${SESSION} -c plan_cache_mode=force_custom_plan -c jit=off -c seq_page_cost=0.1 -c random_page_cost=0.1`

/** Opens a database. Connections are made at first use. */
export function openDatabase(name: string, url: string, options: DatabaseOptions = {}): Database {
  const config: pg.ClientConfig & { pipeline: boolean } = {
    connectionString: url,
    options: SESSION,
    application_name: `lintel:${name}`,
    connectionTimeoutMillis: options.acquireTimeoutMs ?? 5000,
    keepAlive: true,
    pipeline: true,
  }
  const pool = new pg.Pool({ ...config, max: options.poolSize ?? 10, idleTimeoutMillis: 60_000 })
  // An idle client whose server died says so here; unheard, it would end the process.
  pool.on('error', (error) => options.log?.(`${name}: idle connection lost: ${error.message}`))
  // The same between the pool's hands and ours: a goodbye may come in one packet with the end of the login.
  pool.on('connect', (client) => client.on('error', () => {}))
  const faults = options.faults ?? faultsOf()
  const outage = createOutage({ lost: options.lost })
  const quick = lane(config, faults, outage)
  const slow = Array.from({ length: options.slowLanes ?? 2 }, () =>
    lane({ ...config, options: LIST_SESSION }, faults, outage),
  )
  let turn = 0
  return {
    name,
    faults,
    outage,
    ...queryable(quick.send),
    slow: queryable((statement, values) => slow[turn++ % slow.length]!.send(statement, values)),
    async acquire() {
      const { lost: gone } = outage
      if (gone !== undefined) throw unavailable(new Error(gone))
      const client = await pool.connect().catch((error) => {
        throw faults.problemOf(error)
      })
      let broken: Error | undefined
      const lost = (error: Error) => {
        broken = error
      }
      client.on('error', lost)
      const cork = corker()
      return {
        send(statement, values) {
          cork(client)
          return sendText(client, statement, values, nameOf(statement))
        },
        release() {
          client.off('error', lost)
          client.release(broken)
        },
      }
    },
    async ping() {
      const start = performance.now()
      await quick.send('select 1', [])
      return performance.now() - start
    },
    async close() {
      await Promise.all([pool.end(), quick.close(), ...slow.map((one) => one.close())])
    },
  }
}

export type Send = (text: string, values: readonly unknown[]) => Promise<TextResult>

/** The two ways of asking, over one way of sending. */
export function queryable(send: Send): Queryable {
  return {
    async cells(statement, values = []) {
      try {
        return (await send(statement, values)).cells
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
      const { cells, fields } = result
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
    },
  }
}

const names = new Map<string, string>()
/** Filters and sorts combine freely: past this many, statements go unnamed rather than fill the server's memory. */
const MAX_NAMES = 1000

function nameOf(statement: string): string | undefined {
  let name = names.get(statement)
  if (name === undefined && names.size < MAX_NAMES) {
    name = `l${names.size}`
    names.set(statement, name)
  }
  return name
}

/** One pipelined connection that is made again after it was lost. */
function lane(config: pg.ClientConfig & { pipeline: boolean }, faults: Faults, outage: Outage) {
  let current: Promise<pg.Client> | undefined
  let connected: pg.Client | undefined
  const cork = corker()

  function connect(): Promise<pg.Client> {
    const client = new pg.Client(config)
    const opening = client.connect().then(() => {
      if (current === opening) connected = client
      return client
    })
    const gone = () => {
      // A lost connection says so when it fails and once more when it ends: by then another may be in its place.
      if (current !== opening) return
      current = undefined
      connected = undefined
    }
    client.on('error', gone)
    client.on('end', gone)
    opening.catch(gone)
    return opening
  }

  return {
    async send(statement: string, values: readonly unknown[]) {
      try {
        current ??= connect()
        const client = connected ?? (await current)
        cork(client)
        return await sendText(client, statement, values, nameOf(statement))
      } catch (error) {
        outage.note(error)
        throw faults.problemOf(error, true)
      }
    },
    async close() {
      const client = await current?.catch(() => undefined)
      await client?.end()
    },
  }
}

/** Everything that one turn of the event loop asks goes out in one write. */
function corker() {
  let corked = false
  return (client: pg.ClientBase) => {
    if (corked) return
    corked = true
    const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
    stream.cork()
    setImmediate(() => {
      corked = false
      stream.uncork()
    })
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

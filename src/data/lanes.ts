import pg from 'pg'
import { turns } from '../resilience/turns.ts'
import { unavailable } from './faults.ts'
import type { SlowTexts } from './slow-texts.ts'
import { isRepeatable, rejectStatement, resolveStatement, type Statement, waitUntilMs } from './statement.ts'
import { nameOf, TextQuery } from './text-query.ts'
import { type ClientConfig, cancel, createCork, destroy } from './wire.ts'

/**
 * A few pipelined connections that many statements share, each in the order in which they were sent. A statement that keeps
 * a lane waiting has that lane to itself: nothing new is sent over it, and what stands behind goes elsewhere (FC-110).
 */
export interface Lanes {
  send(statement: Statement): void
  /** To be called every `TICK_MS` while something is under way; false when nothing is. */
  tick(): boolean
  load(): { readonly running: number; readonly waiting: number }
  /** Resolves when what was under way has ended. */
  close(): Promise<void>
}

export interface LanesOptions {
  readonly size: number
  /** How many statements fill a lane, so that another takes the next. Where each takes long, 1. */
  readonly crowd: number
  /** With a statement_timeout of about a second. */
  readonly config: ClientConfig
  readonly slow: SlowTexts
  /** Takes statements that would keep a lane waiting. */
  elsewhere(statement: Statement): void
  /** What an error means to whoever waits for the statement. */
  problemOf(error: unknown): unknown
}

export const TICK_MS = 100
/** A lane without an answer for so many ticks, 100 to 200 ms, keeps what comes behind it waiting. */
const STUCK_TICKS = 2
/** Its server has not even ended a statement that had its second: it is frozen, or out of reach. */
const SILENT_TICKS = 20
/** How often a lane is given up because all are stuck: where the whole server is slow, new connections would not help it. */
const GIVE_UP_EVERY_MS = 1_000
const MOST_WAITING = 1_000
/** Where no request is to be answered. */
const LONGEST_MS = 15_000
const CANCEL_MS = 1_000
const CLOSE_MS = 2_000

/** A connection; one that is lost or given up is replaced by another lane, never connected again. */
interface Lane {
  client: pg.Client | undefined
  connected: boolean
  cork: (() => void) | undefined
  /** What it owes an answer, in this order. What has got one elsewhere stays in its place. */
  readonly under: Statement[]
  /** Ticks since its last answer. */
  still: number
}

export function createLanes({ size, crowd, config, slow, elsewhere, problemOf }: LanesOptions): Lanes {
  const lanes: Lane[] = Array.from({ length: size }, newLane)
  /** What no lane is free for. */
  let waiting: { readonly statement: Statement; readonly untilMs: number }[] = []
  let gaveUpAtMs = Number.NEGATIVE_INFINITY
  let closed = false

  function send(statement: Statement): void {
    if (slow.has(statement.text)) {
      elsewhere(statement)
      return
    }
    const lane = openLane()
    if (closed) rejectStatement(statement, unavailable(new Error('the database is closed')))
    else if (lane === undefined) wait(statement)
    else {
      statement.sentOver = lane
      lane.under.push(statement)
      if (lane.connected) submit(lane, statement)
      else if (lane.client === undefined) connect(lane)
    }
  }

  /**
   * The first lane that is not stuck, while it has room: what goes out in one write costs both sides less than what is spread
   * over several. Else the one with the least to do.
   */
  function openLane(): Lane | undefined {
    let best: Lane | undefined
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[i]!
      if (lane.still >= STUCK_TICKS) continue
      if (lane.under.length < crowd) return lane
      if (best === undefined || lane.under.length < best.under.length) best = lane
    }
    return best
  }

  function wait(statement: Statement): void {
    if (waiting.length >= MOST_WAITING) {
      rejectStatement(statement, unavailable(new Error('too many reads wait for a connection')))
      return
    }
    statement.sentOver = undefined
    waiting.push({ statement, untilMs: waitUntilMs(statement.asker?.deadline, LONGEST_MS) })
  }

  function sendWaiting(): void {
    if (waiting.length === 0) return
    const all = waiting
    waiting = []
    for (const { statement } of all) if (!statement.settled) send(statement)
  }

  function connect(lane: Lane): void {
    const client = new pg.Client(config)
    lane.client = client
    lane.cork = createCork(client)
    const gone = (error?: Error) => {
      replace(lane)
      // What was never sent; the rest hears of it from the driver.
      if (lane.connected) return
      destroy(client)
      // Whatever keeps it from connecting, such as a database that takes no connections (55000), is no fault of the statement.
      const problem = unavailable(error ?? new Error('Connection terminated'))
      for (const statement of lane.under.splice(0)) fail(lane, statement, problem)
    }
    // Whichever comes first: a lost connection says so when it fails and once more when it ends.
    client.on('error', gone)
    client.on('end', gone)
    client.connect().then(() => {
      lane.connected = true
      lane.still = 0
      for (const statement of lane.under) submit(lane, statement)
      sendWaiting()
    }, gone)
  }

  function submit(lane: Lane, statement: Statement): void {
    lane.cork!()
    const { text, values } = statement
    const query: TextQuery = new TextQuery(text, values as unknown[], (error) => {
      const wasStuck = lane.still >= STUCK_TICKS
      lane.still = 0
      if (lane.under[0] === statement) lane.under.shift()
      else lane.under.splice(lane.under.indexOf(statement), 1)
      // It takes no more, though its end may come late; what is under way hears of that from the driver.
      if (error !== null && GOODBYES.has((error as { code?: string }).code!)) replace(lane)
      if (error) fail(lane, statement, error)
      else {
        // It was only late.
        slow.delete(text)
        if (turns.areShort) turns.later('result', () => resolveStatement(statement, query))
        else resolveStatement(statement, query)
      }
      if (wasStuck) sendWaiting()
    })
    if (values.length > 0 && statement.prepared) query.name = nameOf(text)
    lane.client!.query(query as unknown as pg.Submittable)
  }

  function fail(lane: Lane, statement: Statement, error: unknown): void {
    if (!isNeeded(lane, statement)) return
    if ((error as { code?: string }).code === QUERY_CANCELED) {
      // By the lane's statement_timeout: it has done nothing, and may take its time where nobody waits behind it.
      slow.add(statement.text)
      elsewhere(statement)
    } else if (statement.prepared && UNPREPARED.has((error as { code?: string }).code!)) {
      // It was never executed: the one whose turn it was to prepare it failed, or the connection's plan is out of date.
      statement.prepared = false
      send(statement)
    } else rejectStatement(statement, problemOf(error))
  }

  function tick(): boolean {
    let busy = waiting.length > 0
    for (const lane of [...lanes]) {
      if (lane.under.length === 0) lane.still = 0
      else {
        busy = true
        lane.still++
        if (lane.still >= STUCK_TICKS) unblock(lane)
      }
    }
    if (waiting.length > 0) relieve(performance.now())
    return busy
  }

  function unblock(lane: Lane): void {
    if (lane.connected && lane.still === STUCK_TICKS) slow.add(lane.under[0]!.text)
    const isSilent = lane.connected && lane.still >= SILENT_TICKS
    // The first of a lane is under way, and has a second.
    const moving = lane.under.slice(lane.connected && !isSilent ? 1 : 0)
    for (const statement of moving) if (isNeeded(lane, statement) && isRepeatable(statement)) send(statement)
    if (!lane.connected) lane.under.splice(0, lane.under.length, ...lane.under.filter((one) => one.sentOver === lane))
    else if (isSilent || !lane.under.some((one) => isNeeded(lane, one))) giveUp(lane)
  }

  /** While all lanes are stuck. */
  function relieve(nowMs: number): void {
    const late = waiting.filter(({ untilMs }) => untilMs <= nowMs)
    if (late.length > 0) waiting = waiting.filter(({ untilMs }) => untilMs > nowMs)
    for (const { statement } of late)
      rejectStatement(statement, unavailable(new Error('no connection was free in time')))
    if (nowMs - gaveUpAtMs < GIVE_UP_EVERY_MS) return
    const lane = lanes.find(
      ({ connected, under }) => connected && under.every((one) => one.settled || isRepeatable(one)),
    )
    if (lane === undefined) return
    gaveUpAtMs = nowMs
    const first = lane.under[0]!
    if (isNeeded(lane, first)) elsewhere(first)
    giveUp(lane)
  }

  function isNeeded(lane: Lane, statement: Statement): boolean {
    return statement.sentOver === lane && !statement.settled
  }

  /** Nobody waits for what it has under way, or would in vain. */
  function giveUp(lane: Lane): void {
    const client = lane.client!
    cancel(client, config, CANCEL_MS)
    destroy(client)
    replace(lane)
  }

  function replace(lane: Lane): void {
    const place = lanes.indexOf(lane)
    if (place < 0) return
    lanes[place] = newLane()
    sendWaiting()
  }

  return {
    send,
    tick,
    load: () => ({ running: lanes.reduce((sum, { under }) => sum + under.length, 0), waiting: waiting.length }),
    async close() {
      closed = true
      for (const { statement } of waiting.splice(0))
        rejectStatement(statement, unavailable(new Error('the database is closed')))
      const clients = lanes.flatMap(({ client }) => client ?? [])
      const timer = setTimeout(() => {
        for (const client of clients) destroy(client)
      }, CLOSE_MS)
      await Promise.all(clients.map((client) => client.end()))
      clearTimeout(timer)
    },
  }
}

const QUERY_CANCELED = '57014'
/** The server ends the connection: admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped. */
const GOODBYES: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P04'])
/** The prepared statement is not there (invalid_sql_statement_name), or its columns have changed (feature_not_supported). */
const UNPREPARED: ReadonlySet<string> = new Set(['26000', '0A000'])

function newLane(): Lane {
  return { client: undefined, connected: false, cork: undefined, under: [], still: 0 }
}

import pg from 'pg'
import { unavailable } from './faults.ts'
import { nameOf, TextQuery, type TextResult } from './text-query.ts'
import { type ClientConfig, cancel, createCork, destroy } from './wire.ts'

export type Send = (text: string, values: readonly unknown[]) => Promise<TextResult>

/** A connection for one unit of work. */
export interface Held {
  readonly send: Send
  /** Gives it back. */
  release(): void
  /**
   * Gives it back with a statement under way or a transaction open, which is cancelled and rolled back. A server that does not
   * answer to that within a second loses the connection. Nothing can be sent over it any more.
   */
  abandon(): void
}

/** Connections that are one's own for a while: for transactions, and for what would keep others waiting. */
export interface Connections {
  /**
   * Resolves when one is free. Rejects with SERVICE_UNAVAILABLE when as many wait as may, and when none is free by `untilMs`,
   * by the clock of `performance.now()`.
   */
  acquire(purpose: Purpose, untilMs: number): Promise<Held>
  /** To be called every `TICK_MS` while something is under way; false when nothing is. */
  tick(): boolean
  load(): { readonly running: number; readonly waiting: number }
  close(): Promise<void>
}

/** Where there are two or more, transactions leave one to single statements: those are bounded by a second or a deadline. */
export type Purpose = 'transaction' | 'statement'

export interface ConnectionsOptions {
  readonly size: number
  readonly config: ClientConfig
  /** What an error means to whoever waits for a connection. */
  problemOf(error: unknown): unknown
  lost?: ((error: Error) => void) | undefined
}

const IDLE_MS = 60_000
const MOST_WAITING = 1_000
const CANCEL_MS = 1_000
/** What has been silent for longer than any statement may take: its server is frozen, or out of reach. */
const SILENT_MS = 20_000
const CLOSE_MS = 2_000

interface Connection {
  readonly client: pg.Client
  readonly cork: () => void
  purpose: Purpose | undefined
  /** Statements without an answer. */
  under: number
  /** When the oldest of them was sent, or the one before it was answered. */
  heardAtMs: number
  broken: Error | undefined
  /** Nobody holds it, and the server has not said yet that its work is undone. */
  abandonedAtMs: number | undefined
}

interface Waiter {
  readonly purpose: Purpose
  readonly untilMs: number
  resolve(held: Held): void
  reject(error: unknown): void
}

export function createConnections({ size, config, problemOf, lost }: ConnectionsOptions): Connections {
  const all = new Set<Connection>()
  const idle: Connection[] = []
  const waiters: Waiter[] = []
  const ending = new Map<pg.Client, Promise<void>>()
  const mostTransactions = Math.max(1, size - 1)
  let transactions = 0
  let opening = 0
  let sweep: NodeJS.Timeout | undefined
  let closed = false
  let empty: (() => void) | undefined

  function acquire(purpose: Purpose, untilMs: number): Promise<Held> {
    if (closed) return Promise.reject(unavailable(new Error('the database is closed')))
    if (idle.length > 0 && mayHold(purpose)) return Promise.resolve(hold(idle.pop()!, purpose))
    if (waiters.length >= MOST_WAITING) return Promise.reject(unavailable(new Error('too many wait for a connection')))
    return new Promise((resolve, reject) => {
      waiters.push({ purpose, untilMs, resolve, reject })
      serve()
    })
  }

  function mayHold(purpose: Purpose): boolean {
    return purpose === 'statement' || transactions < mostTransactions
  }

  /** Gives what is free to those who wait, and opens what is missing. */
  function serve(): void {
    for (let i = 0; i < waiters.length && idle.length > 0; ) {
      const { purpose, resolve } = waiters[i]!
      if (!mayHold(purpose)) i++
      else {
        waiters.splice(i, 1)
        resolve(hold(idle.pop()!, purpose))
      }
    }
    while (!closed && opening < waiters.length && all.size + opening < size) open()
  }

  function open(): void {
    opening++
    const client = new pg.Client(config)
    const connection: Connection = {
      client,
      cork: createCork(client),
      purpose: undefined,
      under: 0,
      heardAtMs: 0,
      broken: undefined,
      abandonedAtMs: undefined,
    }
    const gone = (error = new Error('Connection terminated')) => {
      connection.broken ??= error
      const place = idle.indexOf(connection)
      if (place < 0) return
      idle.splice(place, 1)
      lost?.(error)
      drop(connection)
    }
    client.on('error', gone)
    client.on('end', gone)
    const failed = (error: Error) => {
      opening--
      destroy(client)
      waiters.shift()?.reject(problemOf(error))
      serve()
      if (opening + all.size === 0) empty?.()
    }
    client.connect().then(() => {
      // A goodbye may come in one packet with the end of the login.
      if (connection.broken) return failed(connection.broken)
      opening--
      all.add(connection)
      free(connection)
    }, failed)
  }

  function hold(connection: Connection, purpose: Purpose): Held {
    connection.purpose = purpose
    if (purpose === 'transaction') transactions++
    let isHeld = true
    const give = (back: (connection: Connection) => void) => {
      if (!isHeld) return
      isHeld = false
      if (purpose === 'transaction') transactions--
      connection.purpose = undefined
      back(connection)
    }
    return {
      send(text, values) {
        if (isHeld) return send(connection, text, values)
        return Promise.reject(new Error('the connection was given back: no further statement can run on it'))
      },
      release: () => give((one) => (one.under > 0 ? abandon(one) : free(one))),
      abandon: () => give(abandon),
    }
  }

  function send(connection: Connection, text: string, values: readonly unknown[]): Promise<TextResult> {
    connection.cork()
    if (connection.under++ === 0) connection.heardAtMs = performance.now()
    return new Promise((resolve, reject) => {
      const query: TextQuery = new TextQuery(text, values as unknown[], (error) => {
        connection.under--
        connection.heardAtMs = performance.now()
        if (error) reject(error)
        else resolve(query)
      })
      if (values.length > 0) query.name = nameOf(text)
      connection.client.query(query as unknown as pg.Submittable)
    })
  }

  function free(connection: Connection): void {
    if (connection.broken || closed) {
      drop(connection)
      return
    }
    connection.heardAtMs = performance.now()
    idle.push(connection)
    serve()
    sweep ??= setTimeout(sweepIdle, IDLE_MS).unref()
  }

  function sweepIdle(): void {
    const sinceMs = performance.now() - IDLE_MS / 2
    for (const one of [...idle]) {
      if (one.heardAtMs > sinceMs) continue
      idle.splice(idle.indexOf(one), 1)
      drop(one)
    }
    sweep = idle.length === 0 ? undefined : setTimeout(sweepIdle, IDLE_MS).unref()
  }

  async function abandon(connection: Connection): Promise<void> {
    connection.abandonedAtMs = performance.now()
    // Nothing may be sent before the server has heard of the cancellation: it would be what is cancelled.
    if (connection.under > 0 && !connection.broken) await cancel(connection.client, config, CANCEL_MS)
    const rolledBack =
      !connection.broken &&
      (await send(connection, 'rollback', []).then(
        () => true,
        () => false,
      ))
    connection.abandonedAtMs = undefined
    if (rolledBack) free(connection)
    else drop(connection)
  }

  function drop(connection: Connection): void {
    if (!all.delete(connection)) return
    const { client } = connection
    if (connection.broken || connection.under > 0) destroy(client)
    else
      ending.set(
        client,
        client.end().then(() => void ending.delete(client)),
      )
    serve()
    if (opening + all.size === 0) empty?.()
  }

  function tick(): boolean {
    const nowMs = performance.now()
    for (let i = 0; i < waiters.length; ) {
      if (waiters[i]!.untilMs > nowMs) i++
      else waiters.splice(i, 1)[0]!.reject(unavailable(new Error('no connection was free in time')))
    }
    for (const one of all) {
      const isSilent = one.under > 0 && nowMs - one.heardAtMs > SILENT_MS
      const staysAway = one.abandonedAtMs !== undefined && nowMs - one.abandonedAtMs > CANCEL_MS
      // Its statements fail, and whoever holds it gives it back.
      if (isSilent || staysAway) destroy(one.client)
    }
    return waiters.length > 0 || all.size > idle.length
  }

  return {
    acquire,
    tick,
    load: () => ({ running: all.size - idle.length, waiting: waiters.length }),
    async close() {
      closed = true
      clearTimeout(sweep)
      for (const waiter of waiters.splice(0)) waiter.reject(unavailable(new Error('the database is closed')))
      for (const one of idle.splice(0)) drop(one)
      const timer = setTimeout(() => {
        for (const { client } of all) destroy(client)
        for (const client of ending.keys()) destroy(client)
      }, CLOSE_MS)
      if (opening + all.size > 0)
        await new Promise<void>((resolve) => {
          empty = resolve
        })
      await Promise.all(ending.values())
      clearTimeout(timer)
    },
  }
}

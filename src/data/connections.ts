import pg from 'pg'
import type { Problem } from '../base/errors.ts'
import { noteStatement } from '../base/failure.ts'
import { createFairQueue } from '../resilience/fair-queue.ts'
import { unavailable } from './faults.ts'
import { createGrouping, type Gathered } from './grouping.ts'
import { BOUNDS } from './sharing.ts'
import { nameOf, type Step, TextBatch, TextQuery, type TextResult } from './text-query.ts'
import { type ClientConfig, type Cork, cancel, createCork, destroy } from './wire.ts'

export type Send = (text: string, values: readonly unknown[]) => Promise<TextResult>

/** A connection for one unit of work. */
export interface Held {
  readonly send: Send
  /**
   * Sends statements in one go (`TextBatch`); resolves with their tags. Outside of BEGIN they commit together or not at all. Rejects
   * with what the first that fails makes of its error.
   */
  sendBatch(steps: readonly Step[]): Promise<readonly string[]>
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
   * Resolves when one is free for a transaction. Where there are two or more, transactions leave one to single statements.
   * Those of one `share` have three quarters of the rest at most, and take turns with others: where all of them wait for
   * one lock, the others go on (FC-110). Without a share, each stands for itself. Rejects with SERVICE_UNAVAILABLE when as many
   * wait as may, and when none is free by `untilMs`, by the clock of `performance.now()`.
   */
  forTransaction(share: string | undefined, untilMs: number): Promise<Held>
  /** The same for a single statement, which is bounded by a second or a deadline. Whoever asks sees to it that few do at once. */
  forStatement(untilMs: number): Promise<Held>
  /**
   * Sends a batch that is a transaction over one of a few connections that such batches share, so that those of one turn go out in one
   * write, and statements of one kind as one. Nothing in it waits long: it fails by `isOfSharing` instead, and has done nothing. Undefined where
   * it has to take a connection of its own.
   */
  share(steps: readonly Step[]): Promise<readonly string[]> | undefined
  /** To be called every `TICK_MS` while something is under way; false when nothing is. */
  tick(): boolean
  load(): { readonly running: number; readonly waiting: number }
  close(): Promise<void>
}

export interface ConnectionsOptions {
  readonly size: number
  readonly config: ClientConfig
  lost?: ((error: Error) => void) | undefined
}

/** PostgreSQL does so many in about a millisecond. */
const SHARED_CROWD = 16
/** A batch that takes longer waits for its disk. Those of several connections wait together, those of one after each other. */
const QUICK_BATCH_MS = 0.5
const IDLE_MS = 60_000
/** A quarter of them may be of one share. */
const MOST_WAITING = 4_000
const CANCEL_MS = 1_000
/** What has been silent for longer than any statement may take: its server is frozen, or out of reach. */
const SILENT_MS = 20_000
const CLOSE_MS = 2_000

interface Connection {
  readonly client: pg.Client
  readonly cork: Cork
  /** Statements without an answer. */
  under: number
  /** What goes out at the end of this turn, as few statements. */
  gathered: Gathered[]
  /** When the oldest of them was sent, or the one before it was answered. */
  heardAtMs: number
  broken: Error | undefined
  bounds: keyof typeof BOUNDS
  /** Nobody holds it, and the server has not said yet that its work is undone. */
  abandonedAtMs: number | undefined
}

interface Waiter {
  /** Whose place among transactions it has; undefined for a single statement. */
  readonly key: unknown
  readonly untilMs: number
  resolve(held: Held): void
  reject(error: unknown): void
}

export function createConnections({ size, config, lost }: ConnectionsOptions): Connections {
  const all = new Set<Connection>()
  const idle: Connection[] = []
  /** Whose turn it is: the next that is free is theirs. */
  const next: Waiter[] = []
  const ending = new Map<pg.Client, Promise<void>>()
  const shared: Connection[] = []
  const grouping = createGrouping()
  /** What a batch takes lately, on average. */
  let batchMs = 0
  const places = Math.max(1, size - 1)
  const ofOneShare = Math.max(1, Math.floor((places * 3) / 4))
  const transactions = createFairQueue<Waiter>({ places, share: ofOneShare, waiting: MOST_WAITING })
  let opening = 0
  let sweep: NodeJS.Timeout | undefined
  let closed = false
  let empty: (() => void) | undefined

  function acquire(key: unknown, untilMs: number): Promise<Held> {
    if (closed) return Promise.reject(closedProblem())
    return new Promise((resolve, reject) => {
      const waiter = { key, untilMs, resolve, reject }
      if (key === undefined) next.push(waiter)
      else if (!transactions.add(key, waiter)) reject(unavailable(new Error('too many wait for a connection')))
      serve()
    })
  }

  /** Gives what is free to those who wait, and opens what is missing. */
  function serve(): void {
    for (let one = transactions.take(); one !== undefined; one = transactions.take()) next.push(one)
    while (next.length > 0 && idle.length > 0) {
      const { key, resolve } = next.shift()!
      resolve(hold(takeIdle('own')!, key))
    }
    while (!closed && opening < next.length && all.size + opening < size) open()
  }

  /** One that is used so already, if there is. */
  function takeIdle(bounds: Connection['bounds']): Connection | undefined {
    const place = idle.findLastIndex((one) => one.bounds === bounds)
    const connection = place < 0 ? idle.pop() : idle.splice(place, 1)[0]
    if (connection === undefined || connection.bounds === bounds) return connection
    connection.bounds = bounds
    // Goes out with the first statement, and what it cannot bound must not run.
    const steps = BOUNDS[bounds].map((text) => ({ text, values: [] }))
    sendBatch(connection, steps).catch(() => destroy(connection.client))
    return connection
  }

  /** It is no longer its turn. */
  function refuse({ key, reject }: Waiter, problem: Problem): void {
    leave(key)
    reject(problem)
  }

  function leave(key: unknown): void {
    if (key !== undefined) transactions.done(key)
  }

  function open(): void {
    opening++
    const client = new pg.Client(config)
    const connection: Connection = {
      client,
      cork: createCork(client, () => sendGathered(connection)),
      under: 0,
      gathered: [],
      heardAtMs: 0,
      broken: undefined,
      bounds: 'own',
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
      // Whatever it was, such as a database that takes no connections (55000), the statement is not to blame.
      const first = next.shift()
      if (first !== undefined) refuse(first, unavailable(error))
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

  function hold(connection: Connection, key: unknown): Held {
    let isHeld = true
    const give = (back: (connection: Connection) => void) => {
      if (!isHeld) return
      isHeld = false
      leave(key)
      back(connection)
    }
    const givenBack = () =>
      Promise.reject(new Error('the connection was given back: no further statement can run on it'))
    return {
      send: (text, values) => (isHeld ? send(connection, text, values) : givenBack()),
      sendBatch: (steps) => (isHeld ? sendBatch(connection, steps) : givenBack()),
      release: () => give((one) => (one.under > 0 ? abandon(one) : free(one))),
      abandon: () => give(abandon),
    }
  }

  function send(connection: Connection, text: string, values: readonly unknown[]): Promise<TextResult> {
    return new Promise((resolve, reject) => {
      const query: TextQuery = new TextQuery(text, values as unknown[], (error) => {
        heard(connection)
        if (error) reject(error)
        else resolve(query)
      })
      if (values.length > 0) query.name = nameOf(text)
      submit(connection, query)
    })
  }

  function sendBatch(
    connection: Connection,
    steps: readonly Step[],
    answered?: (sinceHeardMs: number) => void,
  ): Promise<readonly string[]> {
    return new Promise((resolve, reject) => {
      const batch: TextBatch = new TextBatch(steps, (error) => {
        answered?.(performance.now() - connection.heardAtMs)
        heard(connection)
        if (error === null) return resolve(batch.tags)
        const { text, failed } = batch.failed
        noteStatement(error, text)
        reject(failed === undefined ? error : failed(error))
      })
      submit(connection, batch)
    })
  }

  function share(steps: readonly Step[]): Promise<readonly string[]> | undefined {
    const connection = sharedOne()
    if (connection === undefined) return undefined
    if (!grouping.takes(steps)) return sendShared(connection, steps)
    connection.cork()
    return new Promise((resolve, reject) => connection.gathered.push({ step: steps[0], resolve, reject }))
  }

  function sendGathered(connection: Connection): void {
    const { gathered } = connection
    if (gathered.length === 0) return
    connection.gathered = []
    grouping.send(gathered, (steps) => sendShared(connection, steps))
  }

  function sendShared(connection: Connection, steps: readonly Step[]): Promise<readonly string[]> {
    const sentMs = performance.now()
    const sent = sendBatch(connection, steps, (sinceHeardMs) => {
      // Of those that stood behind another: what an empty connection takes is mostly the way there and back.
      if (performance.now() - sentMs > sinceHeardMs) batchMs += (sinceHeardMs - batchMs) / 16
    })
    const done = () => {
      const place = shared.indexOf(connection)
      if (connection.under > 0 || connection.gathered.length > 0 || place < 0) return
      shared.splice(place, 1)
      free(connection)
    }
    sent.then(done, done)
    return sent
  }

  /** The first that has room; where batches are slow, the one with the least to do. Whoever waits for a connection comes first. */
  function sharedOne(): Connection | undefined {
    if (closed || next.length > 0) return undefined
    const isQuick = batchMs < QUICK_BATCH_MS
    let best: Connection | undefined
    for (const one of shared) {
      if (one.broken || one.under >= SHARED_CROWD) continue
      // What goes out in one write costs both sides less.
      if (isQuick || one.gathered.length > 0) return one
      if (best === undefined || one.under < best.under) best = one
    }
    const connection = shared.length < ofOneShare ? takeIdle('shared') : undefined
    if (connection === undefined) return best
    shared.push(connection)
    return connection
  }

  function submit(connection: Connection, query: object): void {
    // Nobody else adds to a transaction: PostgreSQL begins, and locks are held for less, while this process does the rest of its turn.
    connection.cork(connection.bounds === 'own' ? 'event' : 'turn')
    if (connection.under++ === 0) connection.heardAtMs = performance.now()
    connection.client.query(query as pg.Submittable)
  }

  function heard(connection: Connection): void {
    connection.under--
    connection.heardAtMs = performance.now()
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
    const isLate = ({ untilMs }: Waiter) => untilMs <= nowMs
    for (const { reject } of transactions.removeIf(isLate)) reject(lateProblem())
    for (const waiter of next.filter(isLate)) {
      next.splice(next.indexOf(waiter), 1)
      refuse(waiter, lateProblem())
    }
    serve()
    for (const one of all) {
      const isSilent = one.under > 0 && nowMs - one.heardAtMs > SILENT_MS
      const staysAway = one.abandonedAtMs !== undefined && nowMs - one.abandonedAtMs > CANCEL_MS
      // Its statements fail, and whoever holds it gives it back.
      if (isSilent || staysAway) destroy(one.client)
    }
    return waiting() > 0 || all.size > idle.length
  }

  const waiting = () => next.length + transactions.load().waiting

  return {
    forTransaction: (share, untilMs) => acquire(share ?? Symbol('its own'), untilMs),
    forStatement: (untilMs) => acquire(undefined, untilMs),
    share,
    tick,
    load: () => ({ running: all.size - idle.length, waiting: waiting() }),
    async close() {
      closed = true
      clearTimeout(sweep)
      for (const { reject } of transactions.removeIf(() => true)) reject(closedProblem())
      for (const waiter of next.splice(0)) refuse(waiter, closedProblem())
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

/** Made anew each time: the log knows of each which statement it is about. */
const lateProblem = () => unavailable(new Error('no connection was free in time'))
const closedProblem = () => unavailable(new Error('the database is closed'))

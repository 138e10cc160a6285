import { setTimeout as delay } from 'node:timers/promises'
import { urlFor } from '../../src/data/connection.ts'
import { type TestNats, testNats } from '../../src/testing/nats.ts'
import { ADMIN, startClients } from './clients.ts'
import { commitEvents, madeUp } from './made-up.ts'
import { dieAt, type Point } from './points.ts'
import { type Replica, replica } from './replica.ts'
import { postgresServer, type Server } from './servers.ts'
import { booksOf, rest, type Tally, tally } from './tally.ts'

/** Kills, and pauses, from outside. For the carrier on PostgreSQL, that is the carrier too. */
export type Outside = 'replica' | 'postgres' | 'carrier' | 'pause'

export interface StormOptions {
  readonly carrier: 'postgres' | 'nats'
  readonly clients: number
  /** Between two orders of a client. */
  readonly pauseMs: number
  /** Ends when each point was died at, each kill from outside was done once, and there were so many in all; */
  readonly kills: number
  /** or after so long. */
  readonly timeoutMs: number
  readonly points: readonly Point[]
  /** In turns, one whenever about so many orders more were acknowledged. */
  readonly outside: readonly Outside[]
  readonly everyOrders: number
  /** So many aggregates more have events, which are written straight into the outbox. */
  readonly aggregates: number
  say(line: string): void
}

export interface StormResult extends Tally {
  readonly kills: number
  /** How often each was what a process died of. */
  readonly by: Readonly<Record<string, number>>
}

/** Servers of a test's own with two replicas of the system on them. */
export interface World {
  readonly postgres: Server
  readonly nats: TestNats | undefined
  readonly replicas: readonly Replica[]
  stop(): Promise<void>
}

export interface WorldOptions {
  readonly carrier: 'postgres' | 'nats'
  readonly replicas?: number
  arm?(): Readonly<Record<string, string>>
  died?(at: Point | undefined): void
  ended?(words: string): void
}

export async function openWorld(options: WorldOptions): Promise<World> {
  const { carrier, replicas: count = 2, arm = () => ({}), died = () => {} } = options
  const undo: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const postgres = await postgresServer()
    undo.push(postgres.stop)
    const nats = carrier === 'nats' ? await testNats() : undefined
    if (nats) undo.push(nats.stop)
    else if (carrier === 'nats') throw new Error('there is no nats-server on PATH')
    const env = {
      DATABASE_URL: postgres.url,
      ...(nats && { NATS_URL: nats.url }),
      LINTEL_ADMIN_EMAIL: ADMIN.email,
      LINTEL_ADMIN_PASSWORD: ADMIN.password,
    }
    const replicas: Replica[] = []
    for (let i = 0; i < count; i++) {
      const one = await replica({ env, arm, died, ...(options.ended && { ended: options.ended }) })
      replicas.push(one)
      undo.push(one.stop)
    }
    return { postgres, nats, replicas, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Clients order while processes are killed; then everything comes to rest, and is counted. */
export async function storm(options: StormOptions): Promise<StormResult> {
  const { carrier, kills, points, outside, everyOrders, aggregates, say } = options
  const by: Record<string, number> = {}
  let sum = 0
  const died = (of: string) => {
    by[of] = (by[of] ?? 0) + 1
    sum++
    say(`${carrier}: kill ${sum} of ${kills}: ${of}`)
  }
  const left = [...points]
  const arming = arms(points, left)
  let phase: 'before' | 'storm' | 'after' = 'before'
  const world = await openWorld({
    carrier,
    arm: () => (phase === 'after' ? {} : arming(phase === 'storm')),
    died(at) {
      const place = at ? left.indexOf(at) : -1
      if (place >= 0) left.splice(place, 1)
      if (phase === 'storm') died(at ?? 'a replica')
    },
  })
  const { postgres, nats, replicas } = world
  const strike: Record<Outside, () => Promise<void> | void> = {
    replica() {
      const up = replicas.filter((one) => one.up)
      up[Math.floor(Math.random() * up.length)]?.kill()
    },
    async postgres() {
      died('PostgreSQL')
      await postgres.kill()
    },
    async carrier() {
      if (!nats) return strike.postgres()
      died('NATS')
      await nats.kill()
      await nats.start()
    },
    pause() {
      const one = replicas[Math.floor(Math.random() * replicas.length)]!
      say(`${carrier}: a replica is paused for longer than its leases`)
      one.pause()
      setTimeout(one.resume, PAUSE_MS)
    },
  }
  try {
    await Promise.all(replicas.map((one) => one.ready()))
    const end = performance.now() + options.timeoutMs
    const clients = await startClients(replicas, { count: options.clients, pauseMs: options.pauseMs })
    const writing = writeMadeUp(urlFor(postgres.url, 'lintel_orders'), aggregates)
    phase = 'storm'
    for (const one of replicas) one.toggle()
    let next = clients.orders.size + everyOrders
    for (let turn = 0; sum < kills || left.length > 0 || turn < outside.length; ) {
      if (clients.wrong.length > 0 || performance.now() > end) break
      await delay(20)
      if (clients.orders.size < next || (sum >= kills && turn >= outside.length)) continue
      next = clients.orders.size + Math.random() * 2 * everyOrders
      await strike[outside[turn++ % outside.length]!]()
    }
    phase = 'after'
    for (const one of replicas) one.toggle()
    say(`${carrier}: ${clients.orders.size} orders, ${sum} kills; the clients end`)
    await Promise.all([clients.stop(), writing])
    const books = booksOf(postgres.url)
    await rest(books, (line) => say(`${carrier}: ${line}`))
    return { ...(await tally(books, clients)), kills: sum, by }
  } finally {
    await world.stop()
  }
}

/** Longer than any lease. */
const PAUSE_MS = 15_000

/** What the next process dies at: points that nothing has died at go first; then, two times of three, any, at some time. */
function arms(points: readonly Point[], left: readonly Point[]) {
  const given: Point[] = []
  return (armed: boolean): Record<string, string> => {
    const point = left.find((one) => !given.includes(one)) ?? left[0]
    if (point) {
      given.push(point)
      return dieAt(point, { armed })
    }
    if (points.length === 0 || Math.random() < 1 / 3) return {}
    const any = points[Math.floor(Math.random() * points.length)]!
    return dieAt(any, { armed, nth: 1 + Math.floor(Math.random() * 100) })
  }
}

const EVENTS_EACH = 4
const AT_ONCE = 50

/** Events of many aggregates, one after another of each, straight into the outbox: written again until they are there. */
async function writeMadeUp(url: string, aggregates: number): Promise<void> {
  for (let nth = 1; nth <= EVENTS_EACH; nth++)
    for (let from = 0; from < aggregates; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, aggregates - from) }, (_, i) => madeUp(`${from + i}`))
      const written = () =>
        commitEvents(url, some).then(
          () => true,
          () => false,
        )
      while (!(await written())) await delay(100)
    }
}

import { ADMIN, startClients } from './clients.ts'
import { dieAt, POINTS, type Point } from './points.ts'
import { type Replica, replica } from './replica.ts'
import { findNatsServer, type NatsServer, natsServer, postgresServer, type Server } from './servers.ts'
import { booksOf, rest, type Tally, tally } from './tally.ts'

export interface StormOptions {
  readonly carrier: 'postgres' | 'nats'
  readonly clients: number
  readonly pauseMs: number
  /** Ends when each point was died at, and so many kills were done in all. */
  readonly kills: number
  readonly points: readonly Point[]
  /** Kills from outside, in turns, one whenever so many orders more were acknowledged. */
  readonly outside: readonly ('system' | 'postgres' | 'carrier')[]
  readonly everyOrders: number
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
  readonly nats: NatsServer | undefined
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
    const nats = carrier === 'nats' ? await natsServer(await natsCommand()) : undefined
    if (nats) undo.push(nats.stop)
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

async function natsCommand(): Promise<string> {
  const command = await findNatsServer()
  if (!command) throw new Error('there is no nats-server on PATH')
  return command
}

/** Clients order while processes are killed; then everything comes to rest, and is counted. */
export async function storm(options: StormOptions): Promise<StormResult> {
  const { carrier, clients: count, pauseMs, kills, points, outside, everyOrders, say } = options
  const by: Record<string, number> = {}
  let sum = 0
  const died = (of: string) => {
    by[of] = (by[of] ?? 0) + 1
    sum++
    say(`${carrier}: kill ${sum} of ${kills}: ${of}`)
  }
  const left = [...points]
  const armed: Point[] = []
  let storming = false
  /** Points that nothing has died at go first, then any, in half of the cases. */
  const arm = (): Record<string, string> => {
    if (!storming) return {}
    const point = left.find((one) => !armed.includes(one)) ?? left[0]
    if (point) {
      armed.push(point)
      return dieAt(point)
    }
    if (points.length === 0 || Math.random() < 0.5) return {}
    return dieAt(points[Math.floor(Math.random() * points.length)]!, 1 + Math.floor(Math.random() * 60))
  }
  const world = await openWorld({
    carrier,
    arm,
    died(at) {
      const place = at ? left.indexOf(at) : -1
      if (place >= 0) left.splice(place, 1)
      died(at ?? 'system')
    },
  })
  try {
    const { postgres, nats, replicas } = world
    await Promise.all(replicas.map((one) => one.ready()))
    const clients = await startClients(replicas, { count, pauseMs })
    storming = true
    // From now on every start is armed: these were not.
    if (points.length > 0) for (const one of replicas) one.kill()
    let turn = 0
    for (let next = everyOrders; sum < kills || left.length > 0; ) {
      if (clients.wrong.length > 0) break
      await new Promise((resolve) => setTimeout(resolve, 20))
      if (clients.orders.size < next || outside.length === 0) continue
      next = clients.orders.size + Math.random() * 2 * everyOrders
      const what = outside[turn++ % outside.length]!
      if (what === 'system') {
        const up = replicas.filter((one) => one.up)
        up[Math.floor(Math.random() * up.length)]?.kill()
      } else if (what === 'carrier' && nats) {
        died('carrier')
        await nats.kill()
      } else {
        died(what === 'carrier' ? 'carrier (PostgreSQL)' : 'PostgreSQL')
        await postgres.kill()
      }
    }
    storming = false
    say(`${carrier}: ${clients.orders.size} orders; ${sum} kills are done, the clients end`)
    // What is armed still might go on dying while everything is to come to rest.
    for (const one of replicas) one.kill()
    await clients.stop()
    const books = booksOf(postgres.url)
    await rest(books, say)
    return { ...(await tally(books, clients)), kills: sum, by }
  } finally {
    await world.stop()
  }
}

export { POINTS }

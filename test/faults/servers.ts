import { once } from 'node:events'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { processesNaming } from '../../src/embedded/processes.ts'

/** A server that can be killed, and comes back at the same address with what it had stored. */
export interface Server {
  readonly url: string
  /** `kill -9` of all its processes; resolves when it answers again. */
  kill(): Promise<void>
  stop(): Promise<void>
}

export interface PostgresServer extends Server {
  /** `kill -9` of all its processes; connections are refused until `start`, which resolves when it answers again. */
  end(): Promise<void>
  start(): Promise<void>
  /** Stops all its processes (SIGSTOP): connections stay, and nothing answers. */
  freeze(): Promise<void>
  thaw(): Promise<void>
}

/** PostgreSQL with a cluster of its own in a temporary folder, durable as in production. */
export async function postgresServer(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lt-faults-'))
  const open = () => startEmbeddedPostgres({ dataDir: folder, settings: { max_connections: '300' } })
  let server: EmbeddedPostgres = await open()
  const door = await openDoor(() => socketOf(server.url))
  const signalAll = async (name: NodeJS.Signals) => {
    const { dev, ino } = await stat(join(folder, 'postgres'), { bigint: true })
    for (const pid of processesNaming(`lintel-${dev.toString(16)}-${ino.toString(16)}-db`)) signal(pid, name)
  }
  const end = async () => {
    await signalAll('SIGKILL')
    await server.died
    await server.stop()
  }
  const start = async () => {
    server = await open()
  }
  return {
    end,
    start,
    get url() {
      const { username, password, pathname } = new URL(server.url)
      return `postgres://${username}:${password}@127.0.0.1:${door.port}${pathname}`
    },
    freeze: () => signalAll('SIGSTOP'),
    thaw: () => signalAll('SIGCONT'),
    async kill() {
      await end()
      await start()
    },
    async stop() {
      door.close()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

type Place = { path: string } | { host: string; port: number }

function socketOf(url: string): Place {
  const { hostname, port } = new URL(url)
  const host = decodeURIComponent(hostname)
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port: Number(port) }
}

/** One address for a server that is somewhere else after each start; while it is away, connections end at once. */
async function openDoor(place: () => Place): Promise<{ port: number; close(): void }> {
  const open = new Set<Socket>()
  const door = createServer((from) => {
    const to = connect(place())
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      open.add(one)
      one.setNoDelay(true)
      one.on('error', () => {})
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(door, 'listening')
  return {
    port: (door.address() as { port: number }).port,
    close() {
      door.close()
      for (const socket of open) socket.destroy()
    },
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {} // ended meanwhile
}

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/data/embedded/postgres.ts'
import { processesNaming } from '../../src/data/embedded/processes.ts'

/** A server that can be killed, and comes back at the same address with what it had stored. */
export interface Server {
  readonly url: string
  /** `kill -9` of all its processes; resolves when it answers again. */
  kill(): Promise<void>
  stop(): Promise<void>
}

/** PostgreSQL with a cluster of its own in a temporary folder, durable as in production. */
export async function postgresServer(): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'lt-faults-'))
  const open = () => startEmbeddedPostgres({ dataDir: folder, settings: { max_connections: '300' } })
  let server: EmbeddedPostgres = await open()
  const door = await openDoor(() => socketOf(server.url))
  return {
    get url() {
      const { username, password, pathname } = new URL(server.url)
      return `postgres://${username}:${password}@127.0.0.1:${door.port}${pathname}`
    },
    async kill() {
      const { dev, ino } = await stat(join(folder, 'postgres'), { bigint: true })
      for (const pid of processesNaming(`lintel-${dev.toString(16)}-${ino.toString(16)}-db`)) kill9(pid)
      await server.died
      await server.stop()
      server = await open()
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

/** The path of `nats-server`; undefined where there is none on PATH. */
export async function findNatsServer(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'nats-server')
    if ((await stat(path).catch(() => undefined))?.isFile()) return path
  }
  return undefined
}

export interface NatsServer extends Server {
  /** Where it stores; to be changed only in between, by `kill(change)`. */
  readonly store: string
  kill(meanwhile?: () => Promise<void>): Promise<void>
}

export async function natsServer(command: string): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lt-nats-'))
  const store = join(folder, 'store')
  const port = await freePort()
  let child: ChildProcess | undefined
  const atExit = () => child?.kill('SIGKILL')
  process.once('exit', atExit)

  async function open(): Promise<void> {
    await mkdir(store, { recursive: true })
    child = spawn(command, ['-js', '-sd', store, '-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
    for (let i = 0; !(await answers(port)); i++) {
      if (i > 500 || child.exitCode !== null) throw new Error('nats-server did not start')
      await delay(20)
    }
  }
  async function end(): Promise<void> {
    const ended = once(child!, 'exit')
    child!.kill('SIGKILL')
    await ended
  }

  await open()
  return {
    url: `nats://127.0.0.1:${port}`,
    store,
    async kill(meanwhile) {
      await end()
      await meanwhile?.()
      await open()
    },
    async stop() {
      process.off('exit', atExit)
      await end()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Whether a server takes connections. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}

function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // ended meanwhile
}

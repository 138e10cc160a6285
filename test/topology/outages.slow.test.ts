import { setTimeout as delay } from 'node:timers/promises'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect as connectToNats } from '@nats-io/transport-node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CALL_TRANSPORTS } from '../../src/door/far-service.ts'
import { redisAddress } from '../../src/redis/address.ts'
import { openClient } from '../../src/redis/client.ts'
import system from '../../system.ts'
import { type PostgresServer, postgresServer } from '../faults/servers.ts'
import { type PartedSystem, startParts } from '../system-parts.ts'
import { bodyOf, until } from '../system-process.ts'
import { failuresOf, type Outcome, shown } from './clients.ts'
import { NOT_COMPARED } from './compare.ts'
import { startLoad } from './load.ts'
import { atRest } from './published.ts'
import { type SharedServers, sharedServers } from './topologies.ts'

const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' }
const LASTS_MS = 4_000

/** Set before the tests of each transport. */
let shared: SharedServers | undefined
let postgres: PostgresServer
let running: PartedSystem

const gateway = () => running.parts.gateway![0]!.url
const isHealthy = async () => (await bodyOf(await fetch(`${gateway()}/health`))).status === 'healthy'
const nats = () => shared!.nats
const redis = () => shared!.redis

interface Outage {
  readonly what: string
  readonly begin: () => Promise<void> | void
  readonly end: () => Promise<void> | void
  /** Whether requests go on as if nothing were. */
  readonly unnoticed: boolean
  /** What `/health` of the gateway comes to say of a server that is frozen. */
  readonly health?: object
  /** Status of `/health/ready` then, at the gateway and at every door. */
  readonly ready?: number
}

const DOWN = { status: 'down', message: expect.any(String) }

/** What is said of a PostgreSQL that is away, however it is. */
const WITHOUT_DATABASE = {
  health: {
    status: 'unhealthy',
    checks: { database: DOWN, users: { status: 'down', message: '0 of 2 replicas are up: each of 2 is unhealthy' } },
  },
  ready: 503,
}

const OUTAGES: readonly Outage[] = [
  { what: 'Redis ended', begin: () => redis().kill(), end: () => redis().start(), unnoticed: true },
  {
    what: 'Redis frozen',
    begin: () => redis().freeze(),
    end: () => redis().thaw(),
    unnoticed: true,
    health: {
      status: 'degraded',
      checks: { cache: DOWN, limits: DOWN, users: { status: 'up' }, orders: { status: 'up' } },
    },
    ready: 200,
  },
  { what: 'Redis emptied', begin: flushRedis, end: () => {}, unnoticed: true },
  { what: 'NATS ended', begin: () => nats().kill(), end: () => nats().start(), unnoticed: true },
  {
    what: 'NATS frozen',
    begin: () => nats().freeze(),
    end: () => nats().thaw(),
    unnoticed: true,
    health: { status: 'degraded', checks: { queue: DOWN, users: { status: 'up' }, orders: { status: 'up' } } },
    ready: 200,
  },
  { what: 'NATS without its stream', begin: deleteStream, end: () => {}, unnoticed: true },
  {
    what: 'PostgreSQL frozen',
    begin: () => postgres.freeze(),
    end: () => postgres.thaw(),
    unnoticed: false,
    ...WITHOUT_DATABASE,
  },
  {
    what: 'PostgreSQL ended',
    begin: () => postgres.end(),
    end: () => postgres.start(),
    unnoticed: false,
    ...WITHOUT_DATABASE,
  },
  { what: 'PostgreSQL killed and restarted', begin: () => postgres.kill(), end: () => {}, unnoticed: false },
]

describe.each(CALL_TRANSPORTS)(
  'R-OPS-5 R-EVT-2 R-RATE-3 R-CACHE-3: under load across processes over %s',
  (transport) => {
    const table: string[] = []
    beforeAll(async () => {
      shared = await sharedServers()
      if (shared === undefined) return console.warn(NOT_COMPARED)
      postgres = await postgresServer()
      running = await startParts(system, {
        server: postgres.url,
        replicas: { users: 2 },
        env: {
          ...shared.env,
          LINTEL_CALL_TRANSPORT: transport,
          REQUEST_TIMEOUT: '3',
          ADMIN_PORT: '0',
          LINTEL_ADMIN_EMAIL: ADMIN.email,
          LINTEL_ADMIN_PASSWORD: ADMIN.password,
        },
      })
    }, 180_000)
    afterAll(async () => {
      console.log([`over ${transport} | statuses while it lasts | longest | healthy again`, ...table].join('\n'))
      await running?.stop()
      await postgres?.stop()
      await shared?.stop()
    })

    test.each(OUTAGES)(
      '$what: every request is answered in time, and all is well again by itself',
      { timeout: 180_000 },
      async ({ what, begin, end, unnoticed, health, ready }) => {
        if (shared === undefined) return
        const load = await startLoad(gateway(), ADMIN, { clients: 4, pauseMs: 60 })
        await delay(1_000)
        const beganMs = performance.now()
        await begin()
        const told = health && expect.poll(toldOfItself, { timeout: 20_000 }).toMatchObject({ health, ready: [ready] })
        await Promise.all([delay(LASTS_MS), told])
        await end()
        const endedMs = performance.now()
        await until(isHealthy)
        const healthyMs = performance.now()
        await delay(1_000)
        await load.stop()
        const during = load.outcomes.filter(({ atMs }) => atMs >= beganMs && atMs <= endedMs)
        const longestMs = Math.max(...during.map(({ ms }) => ms))
        table.push(
          `${what} | ${statusesOf(during)} | ${longestMs.toFixed(0)} ms | ${((healthyMs - endedMs) / 1000).toFixed(1)} s`,
        )

        const failures = failuresOf(load)
        // A machine that takes a second for a request as it is reaches the deadline of three without an outage.
        const before = load.outcomes.filter(({ atMs }) => atMs < beganMs)
        const isBusy = before.some(({ ms }) => ms > 1_000)
        const noticed = isBusy ? failures.filter(({ status }) => status !== 504) : failures
        if (unnoticed) expect(noticed.length, shown(noticed)).toBe(0)
        const wrong = failures.filter(({ status }) => status !== 503 && status !== 504)
        expect(wrong.length, shown(wrong)).toBe(0)
        // The deadline, and the second that a COMMIT may take longer (R-P-7); the rest is for a busy machine.
        expect(longestMs).toBeLessThan(3_000 + 1_000 + 2_000)
        expect(healthyMs - endedMs).toBeLessThan(20_000)
        expect(failures.filter(({ atMs }) => atMs > healthyMs + 500).length, shown(failures)).toBe(0)
        expect(during.length).toBeGreaterThan(4)
        await atRest(running)
      },
    )

    test.each([
      { which: 'users are frozen', frozen: 2 },
      { which: 'one of two replicas of users is frozen', frozen: 1 },
    ])(
      'R-ORD-3 R-CALL-3: $which: orders are placed by what is known of the buyer, and the breaker opens, half-opens and closes',
      { timeout: 180_000 },
      async ({ which, frozen }) => {
        if (shared === undefined) return
        const load = await startLoad(gateway(), ADMIN, { clients: 2, pauseMs: 50, kinds: ['keyed write'] })
        await atRest(running)
        // Processes that are cold are as slow as one that is frozen.
        await until(() => load.outcomes.length >= 20)
        const warmMs = performance.now()
        await until(() => load.outcomes.filter(({ atMs }) => atMs > warmMs).length >= 40)
        const users = running.parts.users!.slice(0, frozen)
        const seen = new Set<number>()
        const watching = watchBreakers(seen)
        const beganMs = performance.now()
        for (const { process } of users) process!.signalGroup('SIGSTOP')
        try {
          await until(() => seen.has(2))
          await delay(LASTS_MS)
        } finally {
          for (const { process } of users) process!.signalGroup('SIGCONT')
        }
        const endedMs = performance.now()
        await until(async () => (await breakers()).every((state) => state === 0))
        await load.stop()
        await watching.stop()
        const during = load.outcomes.filter(({ atMs }) => atMs >= beganMs && atMs <= endedMs)
        const usualMs = p99Of(load.outcomes.filter(({ atMs, ms }) => atMs > warmMs && atMs + ms < beganMs))
        const p99Ms = p99Of(during)
        table.push(
          `${which}: orders | ${statusesOf(during)} | p99 ${p99Ms.toFixed(0)} ms, before ${usualMs.toFixed(0)} ms | breakers ${[...seen].join(', ')}`,
        )
        expect(during.filter(({ status }) => status !== 201 && status !== 503).length, shown(failuresOf(load))).toBe(0)
        // The 800 ms of its call, and the order itself: 1.2 s at p99 (docs/guide/processes.md) but where orders take long as it is.
        expect(p99Ms).toBeLessThan(800 + Math.max(1_000, usualMs))
        expect([...seen].sort()).toEqual([0, 1, 2])
      },
    )
  },
)

function p99Of(outcomes: readonly Outcome[]): number {
  const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b)
  return times[Math.floor(times.length * 0.99)]!
}

async function flushRedis(): Promise<void> {
  const client = await openClient(redisAddress(redis().url)!, { name: 'test', timeoutMs: 2_000, lost: () => {} })
  await client.send(['FLUSHALL'])
  client.destroy()
}

async function deleteStream(): Promise<void> {
  const connection = await connectToNats({ servers: nats().url })
  await (await jetstreamManager(connection)).streams.delete(system.name)
  await connection.close()
}

/** Of calls from orders to each replica of users, as its metrics say: 0 closed, 1 half-open, 2 open. */
async function breakers(): Promise<number[]> {
  const [, port] = await running.parts.orders![0]!.process!.line(/metrics are at port (\d+)/)
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return [...text.matchAll(/^lintel_circuit_breaker_state\{[^}]*called="users"[^}]*\} (\d)$/gm)].map(([, state]) =>
    Number(state),
  )
}

/** Looks so often that no state is missed that lasts as long as a call is given. */
function watchBreakers(seen: Set<number>) {
  let watching = true
  const watched = (async () => {
    while (watching) {
      for (const state of await breakers()) seen.add(state)
      await delay(10)
    }
  })()
  return {
    stop() {
      watching = false
      return watched
    },
  }
}

/** What `/health` of the gateway says, and the statuses of `/health/ready` of every process. */
async function toldOfItself() {
  const get = (url: string) => fetch(url, { signal: AbortSignal.timeout(5_000) })
  const all = Object.values(running.parts).flat()
  const [health, ...ready] = await Promise.all([
    get(`${gateway()}/health`).then(bodyOf),
    ...all.map(async ({ url }) => (await get(`${url}/health/ready`)).status),
  ])
  return { health, ready: [...new Set(ready)] }
}

function statusesOf(outcomes: readonly Outcome[]): string {
  const counts = new Map<number, number>()
  for (const { status } of outcomes) counts.set(status, (counts.get(status) ?? 0) + 1)
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ')
}

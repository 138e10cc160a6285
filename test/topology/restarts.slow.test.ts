import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/data/connection.ts'
import { CALL_TRANSPORTS } from '../../src/door/far-service.ts'
import system from '../../system.ts'
import { testAuthority } from '../certificates.ts'
import { type PartedSystem, startParts, urlSetting } from '../system-parts.ts'
import { type Balancer, openBalancer } from './balancer.ts'
import { failuresOf, shown } from './clients.ts'
import { NOT_COMPARED } from './compare.ts'
import { type Load, startLoad } from './load.ts'
import { type SharedServers, sharedServers } from './topologies.ts'

const authority = await testAuthority()
const identity = await authority.issue('IP:127.0.0.1')
const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' }

describe.each(CALL_TRANSPORTS)(
  'R-OPS-2: under load over %s, with connections that are kept and new ones',
  (transport) => {
    let shared: SharedServers | undefined
    let running: PartedSystem
    let balancer: Balancer
    let load: Load
    beforeAll(async () => {
      shared = await sharedServers()
      if (shared === undefined) return console.warn(NOT_COMPARED)
      running = await startParts(system, {
        replicas: { users: 2, orders: 2, gateway: 2 },
        // A tenth of it is how long a process that ends still takes connections.
        env: {
          ...shared.env,
          LINTEL_CALL_TRANSPORT: transport,
          SHUTDOWN_TIMEOUT: '10',
          LINTEL_ADMIN_EMAIL: ADMIN.email,
          LINTEL_ADMIN_PASSWORD: ADMIN.password,
        },
      })
      balancer = await openBalancer(running.parts.gateway!)
    }, 180_000)
    afterEach(() => load?.stop())
    afterAll(async () => {
      balancer?.close()
      await running?.stop()
      await shared?.stop()
    })

    const begin = async () => {
      load = await startLoad(balancer.url, ADMIN, { clients: 4, pauseMs: 60 })
    }

    const time = { timeout: 400_000 }
    test(
      'a rolling restart of every process, three times over, fails no request, while the doors change to TLS',
      time,
      async ({ skip }) => {
        skip(shared === undefined)
        await begin()
        const beganMs = performance.now()
        for (const step of toTls(running)) await running.restartAll(step)
        await load.stop()
        console.log(
          `18 restarts over ${transport} in ${((performance.now() - beganMs) / 1000).toFixed(0)} s: ${load.outcomes.length} requests`,
        )
        const failures = failuresOf(load)
        expect(failures.length, shown(failures, logged(running))).toBe(0)
        expect(load.outcomes.length).toBeGreaterThan(300)
        await expectKept(load, running)
      },
    )

    test.each([
      ['users', 'writes without a key'],
      ['orders', 'writes without a key'],
      ['gateway', 'requests'],
    ] as const)(
      'kill -9 of one of two replicas of %s: at most %s fail, and no more than were under way',
      { timeout: 180_000 },
      async (name, mayFail) => {
        if (shared === undefined) return
        await begin()
        await delay(2_000)
        const [killed] = running.parts[name]!
        const killedAtMs = performance.now()
        await killed!.kill()
        await delay(4_000)
        await killed!.start()
        await delay(1_000)
        await load.stop()
        const failures = failuresOf(load)
        // Sent before it was gone; logins are writes without a key too.
        const excused = failures.filter(
          ({ kind, atMs }) =>
            (mayFail === 'requests' || kind === 'write' || kind === 'login') && atMs < killedAtMs + 250,
        )
        console.log(
          `kill -9 of ${name} over ${transport}: ${excused.length} of ${load.outcomes.length} requests failed`,
        )
        expect(failures.length - excused.length, shown(failures, logged(running))).toBe(0)
        expect(excused.length).toBeLessThanOrEqual(8)
        await expectKept(load, running)
      },
    )
  },
)

/** The settings of each part for each step from http:// to https:// between processes, as docs/guide/deploy.md has them. */
function toTls({ parts }: PartedSystem): ((part: string) => Record<string, string>)[] {
  const services = Object.keys(parts).filter((name) => name !== 'gateway')
  const secure = (name: string) => parts[name]!.map(({ url }) => url.replace('http:', 'https:')).join()
  return [
    (part) => ({
      NODE_EXTRA_CA_CERTS: authority.ca,
      ...(part !== 'gateway' && {
        LINTEL_DOOR_CERT_FILE: identity.cert,
        LINTEL_DOOR_KEY_FILE: identity.key,
        LINTEL_DOOR_PLAIN: 'both',
      }),
    }),
    (part) =>
      Object.fromEntries(services.filter((name) => name !== part).map((name) => [urlSetting(name), secure(name)])),
    (part) => (part === 'gateway' ? {} : { LINTEL_DOOR_PLAIN: 'false' }),
  ]
}

function logged({ parts }: PartedSystem): string[] {
  return Object.values(parts).flatMap((replicas) => replicas.flatMap(({ lines }) => lines))
}

/** Whatever was acknowledged is there. */
async function expectKept({ orders, carts }: Load, { databases }: PartedSystem): Promise<void> {
  const database = await connect(databases.orders!)
  try {
    for (const [table, ids] of [
      ['orders', [...orders.values()]],
      ['carts', carts],
    ] as const) {
      const { rows } = await database.query(
        `select count(*)::int as found from ${table} where id = any(select lintel.uuid(unnest($1::text[])))`,
        [ids],
      )
      expect(rows[0], table).toEqual({ found: ids.length })
    }
  } finally {
    await database.end()
  }
}

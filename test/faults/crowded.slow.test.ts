import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { connect } from '../../src/data/connection.ts'
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts'
import { testNats } from '../../src/testing/nats.ts'
import { testSystem } from '../../src/testing/system.ts'
import { bodyOf, logIn, post } from '../system-process.ts'
import { ADMIN } from './clients.ts'
import { CONSUMERS } from './effects.ts'
import system from './system.ts'
import { natsTest } from './with-nats.ts'

const WRITERS = 64
const ORDERS_EACH = 3

/** Writers order while PostgreSQL has no connection left, which comes and goes; each tries with its key until it has an answer. */
async function survivesCrowd(env: Record<string, string>): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'lt-crowded-'))
  const postgres = await startEmbeddedPostgres({ dataDir, durable: false, settings: { max_connections: '60' } })
  const admin = { LINTEL_ADMIN_EMAIL: ADMIN.email, LINTEL_ADMIN_PASSWORD: ADMIN.password }
  const running = await testSystem(system, postgres.url, { ...env, ...admin })
  const { orders, effects } = running.databases as Record<string, string>
  const crowd: pg.Client[] = []
  const rows = async (url: string, sql: string) => {
    const client = await connect(url)
    try {
      return (await client.query<{ id: string }>(sql)).rows.map(({ id }) => id)
    } finally {
      await client.end()
    }
  }
  try {
    const { url } = running
    const headers = await logIn(url, ADMIN.email, ADMIN.password)
    const { id: user } = await bodyOf(await fetch(`${url}/users/me`, { headers }))
    const tea = { sku: 'tea', name: 'Tea', category: 'x', price: 1, stock: 1_000_000 }
    const { id: productId } = await bodyOf(await post(`${url}/products`, tea, headers))
    let full: unknown
    for (let i = 0; i < 60 && full === undefined; i++)
      await connect(orders!).then(
        (client) => crowd.push(client),
        (error) => {
          full = error
        },
      )
    expect(String((full as Error).cause ?? full)).toMatch(/too many clients|connection slots/)
    const acknowledged: string[] = []
    const refusals = new Set<number>()
    let answers = 0
    const write = async (writer: number) => {
      for (let i = 0; i < ORDERS_EACH; ) {
        const key = { 'idempotency-key': `${writer}-${i}` }
        const answer = await post(
          `${url}/users/${user}/orders`,
          { items: [{ productId, quantity: 1 }] },
          { ...headers, ...key },
        )
        const body = await bodyOf(answer)
        if (answer.status === 201) {
          acknowledged.push(body.id)
          i++
        } else refusals.add(answer.status)
        // When all have had two answers, of whatever kind, there is room again.
        if (++answers > 2 * WRITERS) for (const one of crowd.splice(0)) await one.end()
      }
    }
    await Promise.all(Array.from({ length: WRITERS }, (_, i) => write(i)))
    // 409: its first attempt is under way.
    expect([...refusals].filter((status) => ![409, 503, 504].includes(status))).toEqual([])
    expect(new Set(acknowledged).size).toBe(WRITERS * ORDERS_EACH)
    const wanted = acknowledged.toSorted()
    const created = `select aggregate_id as id from lintel.outbox where type = 'order.created' order by 1`
    expect((await rows(orders!, created)).toSorted()).toEqual(wanted)
    const had = (name: string) =>
      rows(effects!, `select aggregate_id as id from effects where consumer = '${name}' and type = 'order.created'`)
    for (const name of CONSUMERS) {
      await expect.poll(async () => (await had(name)).length, { timeout: 30_000 }).toBe(wanted.length)
      expect((await had(name)).toSorted()).toEqual(wanted)
    }
  } finally {
    for (const one of crowd) await one.end()
    await running.stop()
    await postgres.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

const NAME =
  'R-EVT-2: 64 writers, while max_connections is reached: each order that is acknowledged has its event, and each event its effect, once'

test(`${NAME}, on PostgreSQL`, () => survivesCrowd({}), 180_000)

natsTest(
  `${NAME}, on NATS`,
  async () => {
    const nats = (await testNats())!
    try {
      await survivesCrowd({ NATS_URL: nats.url })
    } finally {
      await nats.stop()
    }
  },
  180_000,
)

import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFailed, test } from 'vitest'
import { connect, urlFor } from '../src/data/connection.ts'
import { processesNaming } from '../src/embedded/processes.ts'
import { findRunningPostgres } from '../src/embedded/running.ts'
import { freePort } from '../src/testing/free-port.ts'
import { bodyOf, clusterName, launcher, logIn, post, type SystemProcess, until } from './system-process.ts'

const KILLS = 6
const WRITERS = 4
const STOCK = 100_000
const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' }
const { launch, folder } = launcher()

test('R-EVT-2, R-IDEM-1: kill -9 at any moment loses nothing acknowledged and does nothing twice', async () => {
  const dataDir = await folder()
  const env = {
    LINTEL_DATA_DIR: dataDir,
    PORT: String(await freePort()),
    LINTEL_ADMIN_EMAIL: ADMIN.email,
    LINTEL_ADMIN_PASSWORD: ADMIN.password,
    RATE_LIMIT_MAX: '1000000',
  }
  let system = launch('lintel', { args: ['start'], env })
  const url = await system.url()
  const headers = await logIn(url, ADMIN.email, ADMIN.password)
  const me = await bodyOf(await fetch(`${url}/users/me`, { headers }))
  const chai = { sku: 'chai', name: 'Chai', category: 'Tea', price: 18, stock: STOCK }
  const product = await bodyOf(await post(`${url}/products`, chai, headers))

  /** By the key, the order that the system has said to have taken. */
  const acknowledged = new Map<string, string>()
  let begun = 0
  let writing = true
  let kills = 0
  onTestFailed(() => {
    const { lines, stderr } = system
    console.error(`after ${kills} kills, ${acknowledged.size} of ${begun}:\n${lines.slice(-20).join('\n')}\n${stderr}`)
  })
  const order = (key: string) => {
    const body = { items: [{ productId: product.id, quantity: 1 }] }
    return post(`${url}/users/${me.id}/orders`, body, { ...headers, 'idempotency-key': key })
  }
  /** Does what a careful client does: the same key until it is known what became of it. */
  const write = async () => {
    while (writing) {
      const key = `order-${++begun}`
      while (!acknowledged.has(key)) {
        const answer = await order(key).then(
          async (response) => ({ status: response.status, body: await bodyOf(response) }),
          () => undefined,
        )
        if (answer?.status === 201) acknowledged.set(key, answer.body.id)
        // Nobody there, there no longer, not there yet, or the first attempt has not ended.
        else if (answer && ![409, 503].includes(answer.status)) throw new Error(JSON.stringify(answer))
        else await up(system).then(() => delay(20))
      }
    }
  }
  const writers = Array.from({ length: WRITERS }, write)
  const failed = Promise.all(writers)

  while (kills < KILLS) {
    const enough = acknowledged.size + Math.random() * 60
    await Promise.race([failed, until(() => acknowledged.size >= enough)])
    // By turns the process alone, and everything: then the database server too has to recover.
    const others = ++kills % 2 === 0 ? processesNaming((await clusterName(dataDir))!) : []
    for (const pid of [system.pid, ...others]) kill9(pid)
    await system.ended
    system = launch('lintel', { args: ['start'], env })
    await system.url()
  }
  writing = false
  await failed

  expect(acknowledged.size).toBe(begun)
  const client = await connect(urlFor((await findRunningPostgres(dataDir))!, 'lintel_orders'))
  const ids = `select lintel.typeid('ord', id) as id from orders`
  const rows = async (sql: string) => (await client.query(sql)).rows.map(({ id }) => id as string).sort()
  const orders = [...acknowledged.values()].sort()
  expect(await rows(ids)).toEqual(orders)
  expect(await rows(`select aggregate_id as id from lintel.outbox where type = 'order.created'`)).toEqual(orders)
  const [{ stock }] = (await client.query('select stock from products')).rows
  expect(stock).toBe(STOCK - begun)
  await client.end()

  for (const [key, id] of acknowledged) {
    const answer = await order(key)
    expect([answer.status, answer.headers.get('idempotency-replayed'), (await bodyOf(answer)).id]).toEqual([
      201,
      'true',
      id,
    ])
  }
}, 300_000)

function kill9(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {} // ended meanwhile
}

/** The system that is being started when it is ended now. */
async function up(system: SystemProcess): Promise<void> {
  await system.url().catch(() => {})
}

import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { freePort } from '../src/testing/free-port.ts'
import { testNats } from '../src/testing/nats.ts'
import shop from '../system.ts'
import { databasesOf } from './system-parts.ts'
import { bodyOf, launcher, post, until } from './system-process.ts'

const { launch, folder } = launcher()
const ADMIN = { email: 'admin@example.com', password: 'correct horse battery' }
const nats = await testNats()
if (nats === undefined) console.warn('PARTS OVER NATS ARE NOT TESTED: no nats-server on PATH')

const CARRIERS: [name: string, settings: Record<string, string>][] = [['PostgreSQL', {}]]
if (nats !== undefined) CARRIERS.push(['NATS', { NATS_URL: nats.url }])

let databases: Awaited<ReturnType<typeof databasesOf>>
beforeAll(async () => {
  databases = await databasesOf(shop)
})
afterAll(async () => {
  await nats?.stop()
  await databases.drop()
})

test.each(CARRIERS)(
  'R-P-3 R-EVT-1: a gateway with one service in its process, the other service and a second gateway in theirs: events go between them over %s, a logout holds everywhere, a stop is clean',
  {
    timeout: 180_000,
  },
  async (_, carrier) => {
    const LINTEL_DATA_DIR = await folder()
    const { email: LINTEL_ADMIN_EMAIL, password: LINTEL_ADMIN_PASSWORD } = ADMIN
    const env = { ...databases.env, LINTEL_ADMIN_EMAIL, LINTEL_ADMIN_PASSWORD, LINTEL_DATA_DIR, ...carrier }
    const port = String(await freePort())
    const ORDERS_URL = `http://127.0.0.1:${port}`
    const mixed = launch('lintel', { args: ['start', 'gateway', 'users'], env: { ...env, ORDERS_URL } })
    const url = await mixed.url()
    const [, USERS_URL] = await mixed.line(/internal door listens on (http:\/\/[\d.:]+)/)
    const orders = launch('lintel', { args: ['start', 'orders'], env: { ...env, PORT: port, USERS_URL: USERS_URL! } })
    await orders.url()
    const second = launch('lintel', {
      args: ['start', 'gateway'],
      env: { LINTEL_DATA_DIR, USERS_URL: USERS_URL!, ORDERS_URL },
    })
    const other = await second.url()

    const session = await bodyOf(await post(`${other}/auth/login`, ADMIN))
    const admin = { authorization: `Bearer ${session.accessToken}` }
    // An address of its own: both carriers share the databases.
    const account = { email: `${crypto.randomUUID()}@example.com`, name: 'Ann', password: 'long enough to be good' }
    const { id } = await bodyOf(await post(`${url}/users`, account))
    const database = await connect(databases.urls.orders!)
    const active = async (email: string | null) =>
      (await database.query<{ active: boolean }>('select active from buyers where email = $1', [email])).rows[0]?.active
    await until(async () => (await active(account.email)) === true)
    const gone = await fetch(`${other}/users/${id}`, { method: 'DELETE', headers: admin })
    expect(gone.status).toBe(204)
    await until(async () => (await active(account.email)) === undefined)
    await database.end()

    const seen = (at: string) => fetch(`${at}/orders`, { headers: admin }).then(({ status }) => status)
    expect([await seen(url), await seen(other)]).toEqual([200, 200])
    expect((await post(`${url}/auth/logout`, { refreshToken: session.refreshToken })).status).toBe(204)
    const outMs = performance.now()
    await until(async () => (await seen(url)) === 401)
    await until(async () => (await seen(other)) === 401)
    expect(performance.now() - outMs).toBeLessThan(5_000)

    for (const one of [second, orders, mixed]) {
      one.signalGroup('SIGTERM')
      expect(await one.ended).toMatchObject({ code: 0 })
    }
  },
)

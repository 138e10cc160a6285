import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../src/testing/free-port.ts'
import shop from '../system.ts'
import { databasesOf } from './system-parts.ts'
import { bodyOf, launcher, logIn, post, until } from './system-process.ts'

const { launch, run, folder } = launcher()
const ADMIN = { LINTEL_ADMIN_EMAIL: 'admin@example.com', LINTEL_ADMIN_PASSWORD: 'correct horse battery' }

let databases: Awaited<ReturnType<typeof databasesOf>>
beforeAll(async () => {
  databases = await databasesOf(shop)
})
afterAll(() => databases.drop())

test('R-P-3 R-GW-3: users, orders and gateway run in processes of their own, and a replica that is killed under load fails no request that may be repeated', {
  timeout: 180_000,
}, async () => {
  const env = { ...databases.env, ...ADMIN, LINTEL_DATA_DIR: await folder() }
  const users = launch('lintel', { args: ['start', 'users'], env })
  const USERS_URL = await users.url()
  const replicas = [1, 2].map(() => launch('lintel', { args: ['start', 'orders'], env: { ...env, USERS_URL } }))
  const ORDERS_URL = (await Promise.all(replicas.map((one) => one.url()))).join()
  const gateway = launch('lintel', {
    args: ['start', 'gateway'],
    env: { LINTEL_DATA_DIR: env.LINTEL_DATA_DIR, USERS_URL, ORDERS_URL, ACCESS_LOG: 'off' },
  })
  const url = await gateway.url()

  const admin = await logIn(url, ADMIN.LINTEL_ADMIN_EMAIL, ADMIN.LINTEL_ADMIN_PASSWORD)
  const product = await bodyOf(
    await post(
      `${url}/products`,
      { sku: 'A-1', name: 'Ähre', category: 'x', price: 2.5, currency: 'EUR', stock: 5_000 },
      admin,
    ),
  )
  expect(product).toMatchObject({ id: expect.stringMatching(/^prd_/), name: 'Ähre' })
  const { id: userId } = await bodyOf(await fetch(`${url}/users/me`, { headers: admin }))
  const place = (headers: object = {}) =>
    post(`${url}/users/${userId}/orders`, { items: [{ productId: product.id, quantity: 2 }] }, { ...admin, ...headers })
  const ordered = await place()
  expect(ordered.status).toBe(201)
  const order = await bodyOf(ordered)
  expect(order).toMatchObject({ total: 5, userId })
  expect(await bodyOf(await fetch(`${url}/orders/${order.id}`, { headers: admin }))).toEqual(order)
  expect(await bodyOf(await fetch(`${url}/health`))).toMatchObject({
    status: 'healthy',
    checks: { users: { status: 'up' }, orders: { status: 'up' }, database: { status: 'up' }, queue: { status: 'up' } },
  })

  const seen = new Map<number, number>()
  let placed = 0
  let asking = true
  const ask = async (worker: number) => {
    for (let i = 0; asking; i++) {
      const writes = i % 4 === 0
      const answer = writes
        ? await place({ 'idempotency-key': `${worker}-${i}` })
        : await fetch(`${url}/orders/${order.id}`, { headers: admin })
      await answer.arrayBuffer()
      seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
      if (writes && answer.ok) placed++
    }
  }
  const workers = Array.from({ length: 8 }, (_, worker) => ask(worker))
  await until(() => placed >= 10)
  replicas[0]!.signalGroup('SIGKILL')
  const atDeath = placed
  await until(() => placed >= atDeath + 40)
  asking = false
  await Promise.all(workers)
  expect([...seen.keys()].sort()).toEqual([200, 201])
  const { pagination } = await bodyOf(
    await fetch(`${url}/users/${userId}/orders?count=exact&limit=1`, { headers: admin }),
  )
  expect(pagination.total).toBe(placed + 1)
  const health = async () => bodyOf(await fetch(`${url}/health`))
  // An outcome is kept for a second, and 40 orders may take less.
  await until(async () => (await health()).status === 'degraded')
  expect(await health()).toMatchObject({
    checks: { orders: { status: 'up', message: '1 of 2 replicas are up: 1 cannot be reached' } },
  })
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const states = ORDERS_URL.split(',').map(
    (replica) =>
      metrics.match(
        new RegExp(
          `^lintel_circuit_breaker_state\\{caller="gateway",called="orders",replica="${replica}/"\\} (\\d)$`,
          'm',
        ),
      )?.[1],
  )
  // Half-open, or open: it is tried once in a while.
  expect(states).toEqual([expect.stringMatching(/^[12]$/), '0'])
})

test('R-OPS-4: a part that could not work does not start, and says which setting is missing', {
  timeout: 180_000,
}, async () => {
  const LINTEL_DATA_DIR = await folder()
  const start = async (args: string[], env: Record<string, string> = {}) => {
    const { code, stderr } = await run('lintel', { args: ['start', ...args], env: { LINTEL_DATA_DIR, ...env } })
    return [code, stderr]
  }
  const USERS_URL = 'http://127.0.0.1:1'
  const cases = await Promise.all([
    start(['user']),
    start(['gateway'], { USERS_URL }),
    start(['orders'], databases.env),
    start(['users']),
    start(['gateway'], { USERS_URL, ORDERS_URL: USERS_URL, NODE_ENV: 'production' }),
  ])
  expect(cases).toEqual([
    [2, expect.stringContaining('"user" is no part of the system "lintel": did you mean "users"?')],
    [78, expect.stringMatching(/ORDERS_URL is not set: give the address of the orders service.*127\.0\.0\.1:4002;/)],
    [78, expect.stringContaining('USERS_URL is not set: give the address of the users service')],
    [78, expect.stringContaining('DATABASE_URL is not set, and this process runs a part of the system')],
    [78, expect.stringContaining('LINTEL_INTERNAL_KEY is not set')],
  ])
})

test('a gateway starts before its services: their requests are 503 within milliseconds, and served as soon as they are up', {
  timeout: 180_000,
}, async () => {
  const LINTEL_DATA_DIR = await folder()
  const [PORT, elsewhere] = [String(await freePort()), String(await freePort())]
  const [USERS_URL, ORDERS_URL] = [`http://127.0.0.1:${PORT}`, `http://127.0.0.1:${elsewhere}`]
  const env = { LINTEL_DATA_DIR, USERS_URL, ORDERS_URL, HOST: '0.0.0.0' }
  const gateway = launch('lintel', { args: ['start', 'gateway'], env })
  const url = await gateway.url()
  // R-OPS-4: the link can be opened, and a door that others reach is warned of.
  await gateway.line(/its documents are at http:\/\/127\.0\.0\.1:\d+\/openapi\.json/)
  await gateway.line(/the users service at http:\/\/127\.0\.0\.1:\d+ cannot be reached/)
  const answer = await fetch(`${url}/products`)
  expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true])
  expect(await answer.text()).not.toContain('127.0.0.1')
  const keys = () => fetch(`${url}/.well-known/jwks.json`).then(({ status }) => status)
  expect(await keys()).toBe(503)
  const own = { ...databases.env, LINTEL_DATA_DIR, PORT, HOST: '0.0.0.0' }
  const users = launch('lintel', { args: ['start', 'users'], env: own })
  await users.url()
  await users.line(/HOST is 0\.0\.0\.0: beyond this machine the internal door is plain HTTP/)
  await until(async () => (await keys()) === 200)
})

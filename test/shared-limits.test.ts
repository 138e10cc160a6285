import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { freePort } from '../src/testing/free-port.ts'
import { type TestRedis, testRedis } from '../src/testing/redis.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'
import { until } from './system-process.ts'
import { send } from './wire.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

const redis = (await testRedis()) as TestRedis
if (!redis) console.warn('SHARED LIMITS ARE NOT TESTED: no redis-server and no valkey-server on PATH')
const withRedis = test.runIf(redis !== undefined)

let replicas: TestSystem[] = []
beforeAll(async () => {
  if (!redis) return
  const env = {
    REDIS_URL: redis.url,
    RATE_LIMIT_MAX: '20',
    RATE_LIMIT_WINDOW_MS: '3600000',
    RATE_LIMIT_AUTH_MAX: '6',
    TRUSTED_PROXIES: '127.0.0.1',
  }
  replicas = await Promise.all([1, 2].map(() => testSystem(system, inject('databaseServer'), env)))
})
afterAll(async () => {
  await Promise.all(replicas.map((one) => one.stop()))
  await redis?.stop()
})

/** Asks one replica after the other. */
let turn = 0
function ask(method: string, path: string, from: string, headers: Record<string, string> = {}, body?: unknown) {
  return send(replicas[turn++ % replicas.length]!.url, method, path, {
    headers: { 'x-forwarded-for': from, ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
}
const health = async (url: string): Promise<any> => (await fetch(`${url}/health`)).json()
const everyHealth = (wanted: (body: any) => boolean) =>
  until(async () => (await Promise.all(replicas.map(({ url }) => health(url)))).every(wanted))

withRedis('R-RATE-3: whichever replica is asked, an address has one bucket', async () => {
  const remaining: unknown[] = []
  for (let i = 0; i < 20; i++)
    remaining.push((await ask('GET', '/products', '198.51.100.1')).headers['x-ratelimit-remaining'])
  expect(remaining).toEqual(Array.from({ length: 20 }, (_, i) => String(19 - i)))
  for (let i = 0; i < 2; i++)
    expect(await ask('GET', '/products', '198.51.100.1')).toMatchObject({
      status: 429,
      body: { error: { code: 'RATE_LIMITED' } },
      headers: { 'x-ratelimit-remaining': '0', 'retry-after': expect.any(String) },
    })
  expect((await ask('GET', '/products', '198.51.100.2')).status).toBe(200)
})

withRedis(
  'R-RATE-6: guesses at a password are counted by the account on all replicas together, wherever they come from',
  async () => {
    const guess = (i: number) =>
      ask('POST', '/auth/login', `203.0.113.${i}`, {}, { email: 'nobody@example.com', password: 'a wrong password' })
    for (let i = 0; i < 6; i++) expect((await guess(i)).status).toBe(401)
    for (let i = 6; i < 8; i++) expect((await guess(i)).status).toBe(429)
  },
)

withRedis('FC-8: forged tokens draw from the bucket of their address, whichever replica gets them', async () => {
  const forged = (i: number) => ({ authorization: `Bearer ${['eyJhbGciOiJFUzI1NiJ9', 'e30', `c2ln${i}`].join('.')}` })
  const statuses: number[] = []
  for (let i = 0; i < 22; i++) statuses.push((await ask('GET', '/users/me', '198.51.100.3', forged(i))).status)
  expect(statuses).toEqual([...Array(20).fill(401), 429, 429])
})

withRedis('R-OPS-1 R-OPS-3: health shows Redis and the limits, metrics how it is doing', async () => {
  const { checks } = await health(replicas[0]!.url)
  expect(checks).toMatchObject({
    cache: { status: 'up', latency: expect.any(Number) },
    limits: { status: 'up', latency: expect.any(Number) },
  })
  const text = await (await fetch(`${replicas[0]!.url}/metrics`)).text()
  expect(text).toMatch(/^lintel_redis_up 1$/m)
  expect(text).toMatch(/^lintel_limits_fallbacks_total 0$/m)
  expect(Number(/^lintel_redis_commands_total (\d+)$/m.exec(text)![1])).toBeGreaterThan(20)
  expect(Number(/^lintel_redis_command_seconds_total (\S+)$/m.exec(text)![1])).toBeGreaterThan(0)
})

withRedis.for([
  ['gone', () => redis.kill(), () => redis.start()],
  ['frozen', async () => redis.freeze(), async () => redis.thaw()],
] as const)(
  'R-RATE-3: while Redis is %s requests go on, each replica limits by itself and says so',
  async ([how, spoil, mend]) => {
    const from = how === 'gone' ? '198.51.100.10' : '198.51.100.11'
    expect((await ask('GET', '/products', from)).status).toBe(200)
    await spoil()
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask('GET', '/products', from)))
    const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length
    // Each has a bucket of 20, of which one had been taken; nothing fails.
    expect([count(200), count(429)]).toEqual([39, 21])
    await everyHealth(({ status, checks }) => status === 'degraded' && checks.cache.status === 'down')
    expect((await health(replicas[0]!.url)).checks).toMatchObject({
      cache: { message: expect.stringContaining('the server does not answer') },
      limits: { status: 'down', message: 'gateway: each process limits by itself: Redis does not answer' },
    })
    expect((await fetch(`${replicas[0]!.url}/health/ready`)).status).toBe(200)
    await mend()
    await everyHealth(({ status }) => status === 'healthy')
    expect((await ask('GET', '/products', '198.51.100.12')).status).toBe(200)
  },
)

withRedis(
  'R-OPS-4: a start without the server of REDIS_URL is given up after START_TIMEOUT, and names no password',
  async () => {
    const port = await freePort()
    const env = { REDIS_URL: `redis://ann:hunter2@127.0.0.1:${port}`, START_TIMEOUT: '1' }
    const failure = await testSystem(system, inject('databaseServer'), env).then(
      () => undefined,
      (error) => error,
    )
    expect(failure).toMatchObject({ code: 'REDIS_UNREACHABLE', exitCode: 1 })
    expect(failure.message).toMatch(
      new RegExp(`^Redis at 127\\.0\\.0\\.1:${port} can't be used \\(.+\\)\\. Start it, or correct REDIS_URL\\.$`),
    )
    expect(failure.message).not.toContain('hunter2')
  },
)

import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { createGateway } from '../src/gateway/gateway.ts'
import { createHttpServer } from '../src/http/server.ts'
import { redisBuckets } from '../src/limits/redis-buckets.ts'
import { redisAddress } from '../src/redis/address.ts'
import { connectRedis } from '../src/redis/connection.ts'
import { testRedis } from '../src/testing/redis.ts'

const redis = await testRedis()
if (!redis) console.warn('SHARED LIMITS ARE NOT TESTED: no redis-server and no valkey-server on PATH')
const endings: (() => unknown)[] = [() => redis?.stop()]
afterAll(async () => {
  for (const end of endings.reverse()) await end()
})

const teas = service('teas', {
  resources: { teas: resource('tea', { id: 'tea', fields: { name: t.text() }, access: { list: 'public' } }) },
})
const LIMIT = { maxRequests: 6_000, windowMs: 60_000 }
const CLIENTS_OF_EACH = 4

/** A gateway as a process of its own would have it, with its own connection to Redis. */
async function startOne() {
  const connection = connectRedis(redisAddress(redis!.url)!, { name: 'shop', timeoutMs: 2_000 })
  await connection.untilUp(AbortSignal.timeout(10_000))
  const buckets = redisBuckets(connection)
  const gateway = createGateway({
    services: [
      {
        contract: teas,
        upstream: {
          name: 'teas',
          port: async () => ({ status: 200, headers: {}, body: '{"data":[]}' }),
          health: async () => ({ status: 'healthy', checks: {} }),
        },
      },
    ],
    verifier: undefined,
    version: '1.0.0',
    limits: { buckets, ...LIMIT },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const server = createHttpServer(gateway.handle)
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  endings.push(
    () => connection.close(),
    () => server.close({ timeoutMs: 0 }),
  )
  return { url: `http://127.0.0.1:${port}/teas`, buckets }
}

test.runIf(redis !== undefined)(
  'R-RATE-3: three gateways let one caller through 6,000 times a minute together, within 1 %, for 90 s',
  async () => {
    const gateways = await Promise.all([startOne(), startOne(), startOne()])
    const beganMs = performance.now()
    const endMs = beganMs + 90_000
    const statuses = new Map<number, number>()
    let lastMs = beganMs
    const ask = async (url: string) => {
      while (performance.now() < endMs) {
        const answer = await fetch(url)
        await answer.arrayBuffer()
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        if (answer.status === 200) lastMs = performance.now()
        else await delay(20)
      }
    }
    await Promise.all(gateways.flatMap(({ url }) => Array.from({ length: CLIENTS_OF_EACH }, () => ask(url))))
    const allowed = LIMIT.maxRequests + ((lastMs - beganMs) * LIMIT.maxRequests) / LIMIT.windowMs
    console.log(`admitted ${statuses.get(200)} of ${Math.round(allowed)}, rejected ${statuses.get(429)}`)
    expect(gateways.map(({ buckets }) => buckets.fallbacks)).toEqual([0, 0, 0])
    expect([...statuses.keys()].sort()).toEqual([200, 429])
    expect(statuses.get(200)! / allowed).toBeGreaterThan(0.99)
    expect(statuses.get(200)! / allowed).toBeLessThanOrEqual(1.01)
  },
  120_000,
)

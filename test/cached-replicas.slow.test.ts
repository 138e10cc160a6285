import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { type TestRedis, testRedis } from '../src/testing/redis.ts'
import { TwoReplicas } from './two-replicas.ts'

vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 })

const redis = (await testRedis()) as TestRedis
if (!redis) console.warn('CACHES OF SEVERAL REPLICAS ARE NOT TESTED: no redis-server and no valkey-server on PATH')
const withRedis = test.runIf(redis !== undefined)

let replicas: TwoReplicas
beforeAll(async () => {
  if (redis) replicas = await TwoReplicas.start(inject('databaseServer'), redis.url)
})
afterAll(async () => {
  await replicas?.stop()
  await redis?.stop()
})

withRedis('R-CACHE-2: 10,000 writes and reads after them over two replicas, none stale', async () => {
  expect(await replicas.writeAndRead(10_000, 8)).toBe(0)
})

withRedis(
  'R-CACHE-2 R-CACHE-3: while Redis stops and goes on 25 times, each request is answered in time, and no read is stale for longer than 5 s',
  async () => {
    const stopping = new AbortController()
    const interrupt = async () => {
      for (let i = 0; i < 25; i++) {
        redis.freeze()
        // For a moment, as under a slow script, or so long that connections are given up.
        await delay(i % 5 === 4 ? 2_500 : 100 + 100 * (i % 5))
        redis.thaw()
        await delay(200 + 300 * (i % 3))
      }
      stopping.abort()
    }
    const [{ writes, staleReads, longestMs, slowestMs }] = await Promise.all([
      replicas.watchStaleness(4, stopping.signal),
      interrupt(),
    ])
    console.log(
      `${writes} writes: ${staleReads} stale reads, for at most ${longestMs.toFixed(0)} ms; slowest answer ${slowestMs.toFixed(0)} ms`,
    )
    expect(longestMs).toBeLessThan(5_000)
    expect(slowestMs).toBeLessThan(5_000)
    expect(writes).toBeGreaterThan(100)
  },
)

import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { type TestRedis, testRedis } from '../src/testing/redis.ts'
import { TwoReplicas } from './two-replicas.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

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

withRedis('R-CACHE-2: 200 writes and reads after them over two replicas, none stale', async () => {
  expect(await replicas.writeAndRead(200, 8)).toBe(0)
})

withRedis('R-CACHE-2, R-CACHE-3: so too while Redis is frozen, gone, and back', async () => {
  expect(await replicas.writeAndRead(20, 4)).toBe(0)
  redis.freeze()
  expect(await replicas.writeAndRead(60, 4)).toBe(0)
  redis.thaw()
  await redis.kill()
  expect(await replicas.writeAndRead(60, 4)).toBe(0)
  await redis.start()
  // A replica that has its connection back before the other has no use for it before it has read what was left.
  await vi.waitFor(async () => expect(await replicas.writeAndRead(8, 4)).toBe(0), { timeout: 10_000, interval: 500 })
  expect(await replicas.writeAndRead(60, 4)).toBe(0)
})

withRedis('R-CACHE-3: 200 readers of a cold product are answered alike', async () => {
  const id = await replicas.product()
  const answers = await Promise.all(Array.from({ length: 200 }, () => replicas.ask(1, 'GET', `/products/${id}`)))
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
})

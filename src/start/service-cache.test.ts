import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { type Cache, createCache } from '../cache/cache.ts'
import { noTags } from '../cache/tags.ts'
import { resource, service, t } from '../contract/index.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { transaction } from '../data/transaction.ts'
import type { Log } from '../observe/log.ts'
import { redisAddress } from '../redis/address.ts'
import { connectRedis, type Redis } from '../redis/connection.ts'
import type { Clone } from '../testing/database.ts'
import { type TestRedis, testRedis } from '../testing/redis.ts'
import { serviceCache, warnOfNoCache } from './service-cache.ts'

const contractWith = (name: string, cached: boolean) =>
  service(name, {
    resources: {
      notes: resource('note', { id: 'not', fields: { text: t.text() }, access: { get: 'public' }, cached }),
    },
  })

test('R-CACHE-1: where several processes serve a service and there is no Redis, the start says that nothing is cached', () => {
  const lines: string[] = []
  const log = { warn: (line: string) => lines.push(line) } as unknown as Log
  const contracts = [contractWith('shop', true), contractWith('mail', false)]
  warnOfNoCache(contracts, { processes: 'several' }, log)
  expect(lines).toEqual([
    'REDIS_URL is not set and several processes may serve shop: nothing is cached here, ' +
      'and processes that have it see what is written here up to 5 s later',
  ])
  for (const processes of ['alone', 'command'] as const) warnOfNoCache(contracts, { processes }, log)
  warnOfNoCache([contractWith('mail', false)], { processes: 'several' }, log)
  expect(lines).toHaveLength(1)
})

test('R-CACHE-1: and then every read is a reading of the database', async () => {
  const cache = createCache({ tags: noTags() })
  let loads = 0
  const read = () =>
    cache.read('k', { tags: ['t'], ttlMs: 60_000, isOver: () => false }, async () => ({ head: '', body: `${++loads}` }))
  expect([(await read()).body, (await read()).body]).toEqual(['1', '2'])
  expect(cache.figures.entries).toBe(0)
})

const server: TestRedis | undefined = await testRedis()

describe.skipIf(server === undefined)('replicas of which some have no REDIS_URL', () => {
  let clone: Clone
  let database: Database
  let redis: Redis
  const caches: Cache[] = []

  beforeAll(async () => {
    clone = await serviceClone('orders')
    database = openDatabase('test', clone.url)
    await database.query('create table prices (price integer not null)')
    await database.query('insert into prices values (1)')
    redis = connectRedis(redisAddress(server!.url)!, { name: 'lintel', timeoutMs: 2_000 })
  })
  afterEach(async () => {
    for (const cache of caches.splice(0)) await cache.stop()
  })
  afterAll(async () => {
    await redis?.close()
    await database?.close()
    await clone?.drop()
    await server?.stop()
  })

  function start(own: Redis | undefined): Cache {
    const log = pino({ level: 'silent' })
    const cache = serviceCache({ name: 'orders' }, database, { redis: own, processes: 'several' }, log)
    caches.push(cache)
    return cache
  }
  const usable = (cache: Cache) => expect.poll(() => cache.figures.state.usable, { timeout: 10_000 }).toBe(true)

  async function read(cache: Cache): Promise<number> {
    const load = async () => {
      const [row] = await database.cells('select price from prices')
      return { head: '', body: String(row![0]) }
    }
    const { body } = await cache.read('price', { tags: ['prices'], ttlMs: 3_600_000, isOver: () => false }, load)
    return Number(body)
  }

  async function raisePrice(cache: Cache): Promise<number> {
    return transaction(
      database,
      async (tx) => {
        tx.drop('prices')
        const [row] = await tx.query<{ price: number }>('update prices set price = price + 1 returning price')
        return row!.price
      },
      {},
      { cache },
    )
  }

  test('R-CACHE-2: what one without it has written the others see within 5 s', async () => {
    const [has, lacks] = [start(redis), start(undefined)]
    await usable(has)
    for (let round = 0; round < 2; round++) {
      await read(has)
      const price = await raisePrice(lacks)
      await expect.poll(() => read(has), { timeout: 5_000 }).toBe(price)
      expect(await read(lacks)).toBe(price)
    }
  })

  test('R-CACHE-2: a process that keeps nothing itself yet does not read from Redis what was changed long ago', async () => {
    const first = start(redis)
    await usable(first)
    await read(first)
    const [second, lacks] = [start(redis), start(undefined)]
    await usable(second)
    await first.stop()
    const price = await raisePrice(lacks)
    const left = async () => (await database.cells('select from lintel.cache_changes')).length
    await expect.poll(left, { timeout: 5_000 }).toBe(0)
    expect(second.figures.entries).toBe(0)
    expect(await read(second)).toBe(price)
  })
})

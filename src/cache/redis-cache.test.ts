import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { redisAddress } from '../redis/address.ts'
import { connectRedis, type Redis } from '../redis/connection.ts'
import { type TestRedis, testRedis } from '../testing/redis.ts'
import { type Cache, createCache, type Reading } from './cache.ts'
import { redisTags } from './redis-tags.ts'

/** A replica of a service: a connection of its own, and a cache of its own. */
interface Replica {
  readonly cache: Cache
  readonly redis: Redis
}

/** What all replicas read, and the tags that a change has left there (data/cache-changes.ts). */
class Rows {
  values = new Map<string, number>()
  left: string[] = []
  loads = 0

  read(key: string): { head: string; body: string } {
    this.loads++
    return { head: '', body: String(this.values.get(key) ?? 0) }
  }
}

const how = (tag: string): Reading => ({ tags: [tag], ttlMs: 60_000, isOver: () => false })
const server: TestRedis | undefined = await testRedis()

describe.skipIf(server === undefined)('a cache over Redis', () => {
  let rows = new Rows()
  const replicas: Replica[] = []
  let raw: Redis

  beforeAll(async () => {
    raw = connectRedis(redisAddress(server!.url)!, { name: 'test', timeoutMs: 2_000 })
    await raw.untilUp(AbortSignal.timeout(5_000))
  })

  afterEach(async () => {
    for (const { cache, redis } of replicas.splice(0)) {
      await cache.stop()
      await redis.close()
    }
    rows = new Rows()
    await raw.untilUp(AbortSignal.timeout(5_000))
    await raw.send(['CONFIG', 'SET', 'maxmemory', '0'])
    await raw.send(['FLUSHALL'])
  })

  afterAll(async () => {
    await raw?.close()
    await server?.stop()
  })

  async function start(timeoutMs = 2_000, seen = (redis: Redis) => redis): Promise<Replica> {
    const redis = seen(connectRedis(redisAddress(server!.url)!, { name: 'lintel', timeoutMs }))
    const own = rows
    const catchUp = async (drop: (tags: readonly string[]) => Promise<boolean>) => {
      if (own.left.length > 0 && (await drop(own.left))) own.left = []
    }
    const cache = createCache({ tags: redisTags(redis, { space: async () => 'shop', catchUp }) })
    const replica = { cache, redis }
    replicas.push(replica)
    await usable(replica)
    return replica
  }

  async function usable({ cache }: Replica): Promise<void> {
    for (let i = 0; !cache.figures.state.usable; i++) {
      if (i > 1_000) throw new Error('Redis has not come to be usable')
      await delay(10)
    }
  }

  const read = async ({ cache }: Replica, key: string) =>
    Number((await cache.read(key, how(key), async () => rows.read(key))).body)

  /** As a unit of work does it: the change is known before it is committed, or left in the database with it. */
  async function write({ cache }: Replica, key: string, value: number, commit = async () => {}): Promise<void> {
    const change = await cache.change(new Set([key]))
    await commit()
    rows.values.set(key, value)
    if (!change.isKnown) rows.left.push(key)
    await change.end('over')
  }

  it('R-CACHE-1: what one replica has read the other need not read, nor one that starts later', async () => {
    const [a, b] = [await start(), await start()]
    rows.values.set('p', 7)
    expect(await read(a, 'p')).toBe(7)
    await delay(20)
    expect(await read(b, 'p')).toBe(7)
    expect(await read(await start(), 'p')).toBe(7)
    expect(rows.loads).toBe(1)
  })

  const pairs = 1_000
  it(`R-CACHE-2: ${pairs} write-then-read pairs over two replicas, none stale`, async () => {
    const both = [await start(), await start()]
    let stale = 0
    let done = 0
    const worker = async (n: number) => {
      for (let value = 1; done < pairs; value++) {
        done++
        const key = `p${n}`
        await write(both[value % 2]!, key, value)
        const [here, there] = await Promise.all(both.map((replica) => read(replica, key)))
        if (here !== value || there !== value) stale++
      }
    }
    await Promise.all(Array.from({ length: 20 }, (_, n) => worker(n)))
    expect(stale).toBe(0)
    expect(rows.left).toEqual([])
  }, 120_000)

  it('R-CACHE-2: readers of both replicas beside writers of both never go back behind what was acknowledged', async () => {
    const both = [await start(), await start()]
    const acknowledged = new Map<string, number>()
    let next = 0
    let stale = 0
    const end = performance.now() + 1_500
    const writer = async (replica: Replica, key: string) => {
      while (performance.now() < end) {
        const value = ++next
        // One writer a key: the last acknowledged is the highest.
        await write(replica, key, value, () => new Promise(setImmediate))
        acknowledged.set(key, value)
        await delay(Math.random() * 5)
      }
    }
    const reader = async (replica: Replica) => {
      while (performance.now() < end) {
        const key = `k${Math.floor(Math.random() * 4)}`
        const least = acknowledged.get(key) ?? 0
        const value = await replica.cache.read(key, how(key), async () => {
          const seen = rows.read(key)
          await delay(Math.random() * 4)
          return seen
        })
        if (Number(value.body) < least) stale++
      }
    }
    await Promise.all([
      ...[0, 1, 2, 3].map((n) => writer(both[n % 2]!, `k${n}`)),
      ...Array.from({ length: 20 }, (_, n) => reader(both[n % 2]!)),
    ])
    expect(stale).toBe(0)
    expect(both[0]!.cache.figures.hits + both[1]!.cache.figures.hits).toBeGreaterThan(0)
  })

  it('R-CACHE-2: a fill that the other replica’s write has overtaken is of no use to anybody', async () => {
    const [a, b] = [await start(), await start()]
    let arrive!: () => void
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve
    })
    let begin!: () => void
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    const slow = a.cache.read('p', how('p'), async () => {
      const seen = rows.read('p')
      begin()
      await arrived
      return seen
    })
    await begun
    await write(b, 'p', 5)
    arrive()
    expect((await slow).body).toBe('0')
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([5, 5])
  })

  it('R-CACHE-2: a writer that dies between COMMIT and the end leaves nothing stale for longer than 5 s', async () => {
    const [a, b] = [await start(), await start()]
    expect(await read(b, 'p')).toBe(0)
    await a.cache.change(new Set(['p']))
    rows.values.set('p', 1)
    await a.redis.close()
    // Not even for those 5 s: it is marked, and read past the cache.
    expect(await read(b, 'p')).toBe(1)
    expect(b.cache.figures.changing).toBe(1)
  })

  it('R-CACHE-2: the end of one change does not speak for another that is under way on the other replica', async () => {
    const [a, b] = [await start(), await start()]
    const dying = await a.cache.change(new Set(['p']))
    await write(b, 'p', 1)
    await read(b, 'p')
    rows.values.set('p', 2)
    expect(dying.isKnown).toBe(true)
    // `dying` never ends.
    expect(await read(b, 'p')).toBe(2)
  })

  it('R-CACHE-3: 500 readers of a cold key make one reading of the database in each replica', async () => {
    const [a, b] = [await start(), await start()]
    const values = await Promise.all(Array.from({ length: 1_000 }, (_, n) => read([a, b][n % 2]!, 'cold')))
    expect(new Set(values)).toEqual(new Set([0]))
    expect(rows.loads).toBeLessThanOrEqual(2)
  })

  it('R-CACHE-3: all looks of one turn of the loop are one command', async () => {
    const a = await start()
    const before = a.redis.figures.commands
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => a.cache.read(`k${n}`, how('t'), async () => rows.read('t'))),
    )
    await delay(20)
    const { commands } = a.redis.figures
    // One look, one new version of two tags that all ask for, and 100 fills.
    expect(commands - before).toBeLessThan(1 + 2 * 2 * 100 + 100)
    const again = a.redis.figures.commands
    await Promise.all(
      Array.from({ length: 100 }, (_, n) => a.cache.read(`k${n}`, how('t'), async () => rows.read('t'))),
    )
    expect(a.redis.figures.commands - again).toBe(1)
  })

  it('R-CACHE-3: a frozen Redis costs each reader a bounded delay, then none, and no error; after it nothing is stale', async () => {
    const [a, b] = [await start(100), await start(100)]
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([0, 0])
    server!.freeze()
    try {
      const began = performance.now()
      for (let value = 1; value <= 5; value++) {
        await write(a, 'p', value)
        expect([await read(a, 'p'), await read(b, 'p')]).toEqual([value, value])
      }
      expect(performance.now() - began).toBeLessThan(2_000)
      const quick = performance.now()
      for (let i = 0; i < 100; i++) expect(await read(b, 'p')).toBe(5)
      expect(performance.now() - quick).toBeLessThan(500)
      expect(rows.left.length).toBeGreaterThan(0)
    } finally {
      server!.thaw()
    }
    await Promise.all([usable(a), usable(b)])
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([5, 5])
  })

  it('R-CACHE-3: without Redis reads go to the database; when it is back, with other data, nothing is stale', async () => {
    const [a, b] = [await start(), await start()]
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([0, 0])
    await server!.kill()
    await write(a, 'p', 1)
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([1, 1])
    await server!.start()
    await Promise.all([usable(a), usable(b)])
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([1, 1])
    expect(rows.left).toEqual([])
    const { loads } = rows
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([1, 1])
    expect(rows.loads).toBe(loads)
  })

  it('R-CACHE-3: one of many reaches Redis when it is read again, if it is short', async () => {
    const a = await start()
    const readOf = (key: string, body: string) =>
      a.cache.read(key, { ...how('lists'), isOneOfMany: true }, async () => ({ head: '', body }))
    const kept = async () => {
      // Behind what the cache has sent: answers come in order.
      await a.redis.send(['PING'])
      const keys = (await raw.send(['KEYS', '*:e:*'])) as string[]
      return keys.map((key) => key.split(':e:')[1]).sort()
    }
    for (let n = 0; n < 100; n++) await readOf(`filter${n}`, 'x')
    await readOf('long', 'x'.repeat(64 * 1024 + 1))
    expect(await kept()).toEqual([])
    for (const key of ['filter7', 'filter8', 'long', 'long']) await readOf(key, 'not loaded')
    expect(await kept()).toEqual(['filter7', 'filter8'])
    const b = await start()
    const found = await b.cache.read('filter7', { ...how('lists'), isOneOfMany: true }, async () => rows.read('p'))
    expect(found.body).toBe('x')
    expect(rows.loads).toBe(0)
  })

  it('R-CACHE-2: after a restart nothing is believed until the slowest to connect again has done so', async () => {
    // Between two attempts, for as long as the gate is closed.
    let open = true
    const openings: (() => void)[] = []
    const slow = await start(2_000, (redis) => ({
      ...redis,
      get up() {
        return open && redis.up
      },
      async untilUp(signal) {
        if (!open) await new Promise<void>((resolve) => openings.push(resolve))
        await redis.untilUp(signal)
      },
    }))
    const quick = await start()
    open = false
    await server!.kill()
    await server!.start()
    let stale = 0
    const end = performance.now() + 1_500
    for (let value = 1; performance.now() < end; value++) {
      await write(slow, 'p', value)
      if ((await read(quick, 'p')) !== value) stale++
      await delay(5)
    }
    open = true
    for (const resolve of openings) resolve()
    expect(stale).toBe(0)
    await Promise.all([usable(slow), usable(quick)])
    expect(rows.left).toEqual([])
    expect([await read(slow, 'p'), await read(quick, 'p')]).toEqual([rows.values.get('p'), rows.values.get('p')])
  })

  it('R-CACHE-3: an emptied Redis is a miss', async () => {
    const [a, b] = [await start(), await start()]
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([0, 0])
    rows.values.set('p', 3)
    await raw.send(['FLUSHALL'])
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([3, 3])
    await write(a, 'p', 4)
    expect([await read(a, 'p'), await read(b, 'p')]).toEqual([4, 4])
  })

  it.each(['noeviction', 'allkeys-lru'])(
    'R-CACHE-3: a full Redis (%s) makes no error and nothing stale',
    async (policy) => {
      const [a, b] = [await start(), await start()]
      await raw.send(['CONFIG', 'SET', 'maxmemory-policy', policy])
      await raw.send(['CONFIG', 'SET', 'maxmemory', '3mb'])
      for (let i = 0; i < 40; i++) await raw.send(['SET', `filler${i}`, 'x'.repeat(100_000)]).catch(() => {})
      for (let value = 1; value <= 200; value++) {
        const key = `p${value % 20}`
        await write([a, b][value % 2]!, key, value)
        expect([await read(a, key), await read(b, key)]).toEqual([value, value])
      }
    },
    20_000,
  )

  it('R-CACHE-3: junk in Redis is a miss', async () => {
    const a = await start()
    rows.values.set('p', 1)
    expect(await read(a, 'p')).toBe(1)
    await delay(20)
    const keys = (await raw.send(['KEYS', '*'])) as string[]
    expect(keys.length).toBe(3)
    const entry = keys.find((key) => key.includes(':e:'))!
    const whole = (await raw.send(['GET', entry])) as string
    const junk = ['', 'junk', whole.slice(0, -1), whole.replace('L2', 'L1'), whole.replace(/1$/, '2'), `${whole}1`]
    for (const text of junk) {
      await raw.send(['SET', entry, text])
      const fresh = await start()
      expect(await read(fresh, 'p')).toBe(1)
      expect(fresh.cache.figures).toMatchObject({ hits: 0, misses: 1 })
      await delay(10)
    }
    for (const key of keys) {
      await raw.send(['DEL', key])
      await raw.send(['LPUSH', key, 'a list'])
    }
    expect(await read(await start(), 'p')).toBe(1)
    for (const key of keys) await raw.send(['SET', key, 'junk'])
    expect(await read(await start(), 'p')).toBe(1)
    await write(a, 'p', 2)
    expect([await read(a, 'p'), await read(await start(), 'p')]).toEqual([2, 2])
  })

  it('R-CACHE-2: entries of a server that was started again from an old copy are not believed', async () => {
    const a = await start()
    expect(await read(a, 'p')).toBe(0)
    await delay(20)
    const keys = (await raw.send(['KEYS', '*'])) as string[]
    const copy = await Promise.all(keys.map(async (key) => [key, (await raw.send(['GET', key])) as string] as const))
    await write(a, 'p', 1)
    await server!.kill()
    await server!.start()
    await raw.untilUp(AbortSignal.timeout(5_000))
    for (const [key, text] of copy) await raw.send(['SET', key, text])
    await usable(a)
    expect([await read(a, 'p'), await read(await start(), 'p')]).toEqual([1, 1])
  })
})

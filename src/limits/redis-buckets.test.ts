import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { until } from '../../test/system-process.ts'
import { redisAddress } from '../redis/address.ts'
import { connectRedis, type Redis } from '../redis/connection.ts'
import { testRedis } from '../testing/redis.ts'
import { bucketScript, readResults, scriptArguments } from './bucket-script.ts'
import { type Draw, memoryBuckets } from './buckets.ts'
import { redisBuckets } from './redis-buckets.ts'
import { type Bucket, take } from './token-bucket.ts'

const server = await testRedis(['--maxmemory-policy', 'noeviction'])
if (!server) console.warn('LIMITS IN REDIS ARE NOT TESTED: no redis-server and no valkey-server on PATH')
const withRedis = test.runIf(server !== undefined)
const { signal } = new AbortController()

let redis: Redis
let lines: string[] = []
const opened: Redis[] = []
async function connect(timeoutMs = 2_000): Promise<Redis> {
  const one = connectRedis(redisAddress(server!.url)!, { name: 'shop', timeoutMs })
  opened.push(one)
  await one.untilUp(signal)
  return one
}
beforeAll(async () => {
  if (server) redis = await connect()
})
afterEach(async () => {
  lines = []
  if (!server) return
  await redis.untilUp(signal)
  await redis.send(['FLUSHALL'])
})
afterAll(async () => {
  await Promise.all(opened.map((one) => one.close()))
  await server?.stop()
})

const shared = (own = memoryBuckets()) => redisBuckets(redis, { own, log: (line) => lines.push(line) })
const rule = (maxRequests: number, windowMs = 60_000, name = 'default') => ({ name, maxRequests, windowMs })

const rules = fc.record({
  maxRequests: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1_000_000 })),
  windowMs: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 86_400_000 })),
})
/** Mostly forward; sometimes the clock of the server steps, a little or a lot. */
const steps = fc.array(
  fc.record({
    laterMs: fc.oneof(
      fc.nat(5_000),
      fc.nat(100),
      fc.integer({ min: -200, max: 0 }),
      fc.constantFrom(-3_600_000, 3_600_000),
    ),
    costs: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 40 },
)

withRedis(
  'R-RATE-3: the script and the bucket of this process give the same results for any draws at any times',
  async () => {
    // At a given time; and as the server's own clock decides what expires, nothing does.
    const atGivenTime = bucketScript(`local now = tonumber(ARGV[#ARGV])
local real = redis
local redis = { pcall = real.pcall, call = function(name, key, value) return real.call(name, key, value) end }`)
    let run = 0
    await fc.assert(
      fc.asyncProperty(fc.array(rules, { minLength: 3, maxLength: 3 }), steps, async (kinds, schedule) => {
        run++
        const keys = kinds.map((_, i) => `shop:limit:${run}:${i}`)
        const buckets: (Bucket | undefined)[] = kinds.map(() => undefined)
        // Before any expiry: the server's own clock decides about those.
        let nowMs = Date.now() + 10 * 86_400_000
        for (const { laterMs, costs } of schedule) {
          nowMs += laterMs
          const draws = costs.map((cost, i): Draw => ({ kind: { name: 'x', ...kinds[i]! }, whose: 'x', cost }))
          const expected = []
          for (const [i, { kind, cost }] of draws.entries()) {
            const { bucket, taken } = take(buckets[i], kind, cost, nowMs)
            buckets[i] = bucket
            expected.push(taken)
            if (!taken.allowed) break
          }
          const args = [...scriptArguments(draws), String(nowMs)]
          const reply = await redis.run(atGivenTime, keys.slice(0, draws.length), args)
          expect(readResults(reply)).toEqual({ unreadable: 0, results: expected })
        }
      }),
      { numRuns: 100 },
    )
  },
)

withRedis('R-RATE-1: buckets of any process are one, and each user, kind and window has its own', async () => {
  const [one, other] = [shared(), redisBuckets(await connect())]
  const [small, large] = [rule(2), rule(5, 60_000, 'large')]
  expect(await one.take(small, 'usr_1', 1)).toEqual({
    allowed: true,
    remaining: 1,
    fullInMs: 30_000,
    retryInMs: 0,
  })
  expect(await other.take(small, 'usr_1', 1)).toMatchObject({ allowed: true, remaining: 0 })
  const refused = await one.take(small, 'usr_1', 1)
  expect(refused).toMatchObject({ allowed: false, remaining: 0 })
  expect(refused.retryInMs).toBeGreaterThan(29_000)
  expect(await other.take(small, 'usr_2', 1)).toMatchObject({ allowed: true, remaining: 1 })
  expect(await other.take(large, 'usr_1', 3)).toMatchObject({ allowed: true, remaining: 2 })
  // A look takes nothing; what a bucket can never hold says so.
  expect(await one.take(large, 'usr_1', 0)).toMatchObject({ allowed: true, remaining: 2 })
  expect(await one.take(large, 'usr_1', 6)).toMatchObject({ retryInMs: Number.POSITIVE_INFINITY })
  // A replica with other settings, during a deployment.
  expect(await one.take(rule(2, 1_000), 'usr_1', 1)).toMatchObject({ allowed: true, remaining: 1 })
})

withRedis('R-RATE-3: several buckets are one trip, and those after one that rejects are not taken from', async () => {
  const buckets = shared()
  const [ip, user] = [rule(3, 60_000, 'ip'), rule(1, 60_000, 'user')]
  const draws = [
    { kind: user, whose: 'usr_1', cost: 1 },
    { kind: ip, whose: '1.2.3.4', cost: 1 },
  ]
  const { commands } = redis.figures
  expect(await buckets.takeEach(draws)).toMatchObject([
    { allowed: true, remaining: 0 },
    { allowed: true, remaining: 2 },
  ])
  expect(redis.figures.commands - commands).toBe(1)
  expect(await buckets.takeEach(draws)).toMatchObject([{ allowed: false }])
  expect(await buckets.take(ip, '1.2.3.4', 0)).toMatchObject({ remaining: 2 })
})

withRedis('a bucket is kept until it is full again, and a rejection writes nothing', async () => {
  const buckets = shared()
  await buckets.take(rule(10), 'usr_1', 3)
  const [key] = (await redis.send(['KEYS', '*'])) as string[]
  expect(key).toBe('shop:limit:default:60000:usr_1')
  const leftMs = Number(await redis.send(['PTTL', key!]))
  expect(leftMs).toBeGreaterThan(17_000)
  expect(leftMs).toBeLessThanOrEqual(18_000)
  const before = await redis.send(['GET', key!])
  await buckets.take(rule(10), 'usr_1', 8)
  expect(await redis.send(['GET', key!])).toBe(before)
  await buckets.take(rule(10), 'usr_2', 0)
  expect(await redis.send(['EXISTS', 'shop:limit:default:60000:usr_2'])).toBe(0)
})

withRedis('whatever else is in the keys reads as a full bucket, and is said once', async () => {
  const buckets = shared()
  const key = (whose: string) => `shop:limit:default:60000:${whose}`
  await redis.send(['SET', key('a'), 'hello'])
  await redis.send(['RPUSH', key('b'), '1', '2'])
  await redis.send(['SET', key('c'), '-1 5'])
  await redis.send(['SET', key('d'), Buffer.from([0, 255, 10])])
  for (const whose of ['a', 'b', 'c', 'd']) {
    expect(await buckets.take(rule(2), whose, 1)).toMatchObject({ allowed: true, remaining: 1 })
    expect(await buckets.take(rule(2), whose, 2)).toMatchObject({ allowed: false, remaining: 1 })
  }
  expect(lines).toEqual([expect.stringContaining('no buckets under the keys of limits')])
  // Numbers that no bucket has hold nobody for longer than a window.
  await redis.send(['SET', key('e'), `${'9'.repeat(40)} ${'9'.repeat(40)}`])
  const held = await buckets.take(rule(2), 'e', 1)
  expect(held).toMatchObject({ allowed: false, remaining: 0 })
  expect(held.retryInMs).toBeLessThanOrEqual(2 * 60_000)
})

withRedis('R-RATE-3: without Redis this process goes on from what it has let through, and returns', async () => {
  const buckets = shared()
  const three = rule(3)
  await buckets.take(three, 'usr_1', 2)
  await server!.kill()
  await until(() => !redis.up)
  // Nothing to wait for.
  expect(buckets.take(three, 'usr_1', 1)).toMatchObject({ allowed: true, remaining: 0 })
  expect(buckets.takeEach([{ kind: three, whose: 'usr_1', cost: 1 }])).toMatchObject([{ allowed: false }])
  expect([buckets.trouble, buckets.fallbacks]).toEqual(['Redis does not answer', 2])
  await server!.start()
  await redis.untilUp(signal)
  // A server that kept nothing has full buckets.
  expect(await buckets.take(three, 'usr_1', 1)).toMatchObject({ allowed: true, remaining: 2 })
  expect([buckets.trouble, lines]).toEqual([undefined, []])
})

withRedis('R-RATE-3: draws on a server that freezes are decided here, as soon as it is given up', async () => {
  const own = await connect(100)
  const buckets = redisBuckets(own)
  server!.freeze()
  const all = await Promise.all(Array.from({ length: 10 }, () => buckets.take(rule(4), 'usr_1', 1)))
  expect(all.filter(({ allowed }) => allowed)).toHaveLength(4)
  expect(buckets.fallbacks).toBe(10)
  server!.thaw()
  await own.untilUp(signal)
  expect(await buckets.take(rule(4), 'usr_2', 1)).toMatchObject({ allowed: true, remaining: 3 })
})

withRedis.for([
  ['is full', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0'], 'OOM'],
  [
    'forbids scripts',
    ['ACL', 'SETUSER', 'default', '-evalsha', '-eval'],
    ['ACL', 'SETUSER', 'default', '+@all'],
    'NOPERM',
  ],
] as const)(
  'R-RATE-3: a server that %s: this process limits by itself, says so, and stops saying so',
  async ([, spoil, mend, said]) => {
    const clock = { nowMs: 0 }
    const buckets = redisBuckets(redis, { log: (line) => lines.push(line), now: () => clock.nowMs })
    await redis.send(spoil)
    for (const remaining of [1, 0])
      expect(await buckets.take(rule(2), 'usr_1', 1)).toMatchObject({ allowed: true, remaining })
    expect(await buckets.take(rule(2), 'usr_1', 1)).toMatchObject({ allowed: false })
    expect([buckets.trouble, buckets.fallbacks]).toEqual(['Redis rejects the draws', 3])
    expect(lines).toEqual([
      expect.stringMatching(`^limits can't be shared \\(Redis: .*${said}.*\\): this process limits by itself$`),
    ])
    clock.nowMs = 10_000
    expect(buckets.trouble).toBeUndefined()
    await redis.send(mend)
    expect(await buckets.take(rule(2), 'usr_2', 1)).toMatchObject({ allowed: true, remaining: 1 })
    expect(lines.slice(1)).toEqual(['limits are shared again'])
  },
)

withRedis('a server that has forgotten the script is told it again, and no draw is lost or doubled', async () => {
  const buckets = shared()
  await redis.send(['SCRIPT', 'FLUSH'])
  const all = await Promise.all(Array.from({ length: 5 }, () => buckets.take(rule(4), 'usr_1', 1)))
  expect(all.map(({ remaining }) => remaining)).toEqual([3, 2, 1, 0, 0])
  expect(buckets.fallbacks).toBe(0)
})

withRedis('R-RATE-3: three processes let through together what one bucket allows, within 1 %', async () => {
  const replicas = await Promise.all([1, 2, 3].map(async () => redisBuckets(await connect())))
  const kind = rule(1_500, 3_000)
  const beganMs = performance.now()
  const endMs = beganMs + 5_000
  let admitted = 0
  let lastMs = beganMs
  await Promise.all(
    replicas.flatMap((buckets) =>
      Array.from({ length: 3 }, async () => {
        while (performance.now() < endMs) {
          const { allowed, retryInMs } = await buckets.take(kind, 'usr_1', 1)
          if (!allowed) await new Promise((resolve) => setTimeout(resolve, retryInMs))
          else {
            admitted++
            lastMs = performance.now()
          }
        }
      }),
    ),
  )
  const allowed = 1_500 + ((lastMs - beganMs) * 1_500) / 3_000
  expect(replicas.map(({ fallbacks }) => fallbacks)).toEqual([0, 0, 0])
  expect(admitted / allowed).toBeGreaterThan(0.99)
  expect(admitted / allowed).toBeLessThanOrEqual(1.01)
})

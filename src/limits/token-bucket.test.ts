import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memoryBuckets } from './buckets.ts'
import { type Bucket, take } from './token-bucket.ts'

const rules = fc.record({
  maxRequests: fc.integer({ min: 1, max: 1000 }),
  windowMs: fc.integer({ min: 1, max: 3_600_000 }),
})
const schedules = fc.array(fc.record({ afterMs: fc.nat(5000), cost: fc.integer({ min: 1, max: 5 }) }), {
  minLength: 1,
  maxLength: 200,
})

test('R-RATE-1: over any stretch of any schedule no more passes than the capacity and what flows back', () => {
  fc.assert(
    fc.property(rules, schedules, (rule, schedule) => {
      let bucket: Bucket | undefined
      let nowMs = 0
      const passed: { atMs: number; cost: number }[] = []
      for (const { afterMs, cost } of schedule) {
        nowMs += afterMs
        const result = take(bucket, rule, cost, nowMs)
        bucket = result.bucket
        if (result.taken.allowed) passed.push({ atMs: nowMs, cost })
      }
      for (let from = 0; from < passed.length; from++) {
        let sum = 0
        for (let to = from; to < passed.length; to++) {
          sum += passed[to]!.cost
          const stretchMs = passed[to]!.atMs - passed[from]!.atMs
          expect(sum * rule.windowMs).toBeLessThanOrEqual(rule.maxRequests * (rule.windowMs + stretchMs))
        }
      }
    }),
  )
})

test('R-RATE-2: remaining is true: so many more pass at once, and not one beyond', () => {
  fc.assert(
    fc.property(rules, schedules, (rule, schedule) => {
      let bucket: Bucket | undefined
      let nowMs = 0
      for (const { afterMs, cost } of schedule) {
        nowMs += afterMs
        const result = take(bucket, rule, cost, nowMs)
        bucket = result.bucket
        const { remaining } = result.taken
        if (remaining > 0) expect(take(bucket, rule, remaining, nowMs).taken.allowed).toBe(true)
        expect(take(bucket, rule, remaining + 1, nowMs).taken.allowed).toBe(false)
      }
    }),
  )
})

test('R-RATE-2: a refused request passes at the stated time, and not a millisecond before', () => {
  fc.assert(
    fc.property(rules, schedules, (rule, schedule) => {
      let bucket: Bucket | undefined
      let nowMs = 0
      for (const { afterMs, cost } of schedule) {
        nowMs += afterMs
        const result = take(bucket, rule, cost, nowMs)
        bucket = result.bucket
        const { allowed, retryInMs, fullInMs } = result.taken
        if (!allowed && cost <= rule.maxRequests) {
          expect(take(bucket, rule, cost, nowMs + retryInMs).taken.allowed).toBe(true)
          expect(take(bucket, rule, cost, nowMs + retryInMs - 1).taken.allowed).toBe(false)
        }
        expect(take(bucket, rule, rule.maxRequests, nowMs + fullInMs).taken.allowed).toBe(true)
      }
    }),
  )
})

test('R-RATE-3: replicas whose clocks differ let no more pass together than by one clock, and the time that they are apart', () => {
  const clocks = fc.array(fc.integer({ min: -5000, max: 5000 }), { minLength: 1, maxLength: 5 })
  // Clocks that are further apart than a window are stepped ones: see below.
  const long = fc.record({
    maxRequests: fc.integer({ min: 1, max: 1000 }),
    windowMs: fc.integer({ min: 10_000, max: 3_600_000 }),
  })
  fc.assert(
    fc.property(long, schedules, clocks, fc.infiniteStream(fc.nat(4)), (rule, schedule, offsets, replicas) => {
      let bucket: Bucket | undefined
      let trueMs = 1_000_000
      const apartMs = Math.max(...offsets) - Math.min(...offsets)
      const passed: { atMs: number; cost: number }[] = []
      for (const { afterMs, cost } of schedule) {
        trueMs += afterMs
        const nowMs = trueMs + offsets[replicas.next().value % offsets.length]!
        const result = take(bucket, rule, cost, nowMs)
        bucket = result.bucket
        const { allowed, retryInMs, remaining } = result.taken
        if (allowed) passed.push({ atMs: trueMs, cost })
        // What a replica says is true by its own clock.
        else if (cost <= rule.maxRequests) {
          expect(take(bucket, rule, cost, nowMs + retryInMs).taken.allowed).toBe(true)
          expect(take(bucket, rule, cost, nowMs + retryInMs - 1).taken.allowed).toBe(false)
        }
        expect(take(bucket, rule, remaining + 1, nowMs).taken.allowed).toBe(false)
        if (remaining > 0) expect(take(bucket, rule, remaining, nowMs).taken.allowed).toBe(true)
      }
      for (let from = 0; from < passed.length; from++) {
        let sum = 0
        for (let to = from; to < passed.length; to++) {
          sum += passed[to]!.cost
          const stretchMs = passed[to]!.atMs - passed[from]!.atMs + apartMs
          expect(sum * rule.windowMs).toBeLessThanOrEqual(rule.maxRequests * (rule.windowMs + stretchMs))
        }
      }
    }),
  )
})

test('R-RATE-1: nothing is lost either: who asks no faster than it flows back is never refused', () => {
  fc.assert(
    fc.property(
      rules,
      fc.array(fc.record({ cost: fc.integer({ min: 1, max: 5 }), laterMs: fc.nat(100) })),
      (rule, asked) => {
        let bucket: Bucket | undefined
        let nowMs = 0
        for (const { cost, laterMs } of asked) {
          if (cost > rule.maxRequests) continue
          const result = take(bucket, rule, cost, nowMs)
          bucket = result.bucket
          expect(result.taken.allowed).toBe(true)
          nowMs += Math.ceil((cost * rule.windowMs) / rule.maxRequests) + laterMs
        }
      },
    ),
  )
})

test('R-RATE-1: a fixed window’s edge lets nothing through: 100 at 59 s and 100 at 61 s are 100 and a few', () => {
  const clock = { now: 59_000 }
  const buckets = memoryBuckets({ now: () => clock.now })
  const rule = { name: 'default', maxRequests: 100, windowMs: 60_000 }
  const passed = () =>
    Array.from({ length: 100 }, () => buckets.take(rule, 'k', 1) as { allowed: boolean }).filter((one) => one.allowed)
      .length
  expect(passed()).toBe(100)
  clock.now = 61_000
  expect(passed()).toBe(3)
})

test('a cost beyond the capacity never passes, and says so', () => {
  expect(take(undefined, { maxRequests: 3, windowMs: 1000 }, 4, 0).taken).toMatchObject({
    allowed: false,
    retryInMs: Number.POSITIVE_INFINITY,
  })
})

test('a clock that goes back gives nothing back', () => {
  const rule = { maxRequests: 2, windowMs: 1000 }
  const first = take(undefined, rule, 2, 10_000)
  const second = take(first.bucket, rule, 1, 9000)
  expect(second.taken.allowed).toBe(false)
  expect(take(second.bucket, rule, 1, 9000 + second.taken.retryInMs).taken.allowed).toBe(true)
})

test('R-RATE-3: a clock that goes back by an hour gives nothing back, and holds nobody for longer than a window', () => {
  const rule = { maxRequests: 2, windowMs: 1000 }
  const hour = 3_600_000
  const first = take(undefined, rule, 2, 2 * hour)
  const second = take(first.bucket, rule, 1, hour)
  expect(second.taken).toMatchObject({ allowed: false, remaining: 0, retryInMs: 1500 })
  // Rejected or not, what comes meanwhile makes it no longer.
  const third = take(second.bucket, rule, 1, hour + 1000)
  expect(third.taken).toMatchObject({ allowed: false, retryInMs: 500 })
  expect(take(third.bucket, rule, 1, hour + 1500).taken.allowed).toBe(true)
})

test('buckets in memory are bounded, and those untouched longest go first', () => {
  const buckets = memoryBuckets({ capacity: 2, now: () => 0 })
  const rule = { name: 'default', maxRequests: 1, windowMs: 1000 }
  buckets.take(rule, 'a', 1)
  buckets.take(rule, 'b', 1)
  buckets.take(rule, 'a', 1)
  buckets.take(rule, 'c', 1)
  expect(buckets.size).toBe(2)
  expect(buckets.take(rule, 'a', 1)).toMatchObject({ allowed: false })
  expect(buckets.take(rule, 'b', 1)).toMatchObject({ allowed: true })
})

test('R-RATE-1 FC-99: a flood of other keys resets no bucket that is emptier than theirs', () => {
  const rule = { name: 'account', maxRequests: 10, windowMs: 60_000 }
  const flood = fc.array(fc.record({ whose: fc.nat(500), times: fc.integer({ min: 1, max: 9 }) }), { maxLength: 300 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 }), flood, (victims, others) => {
      const buckets = memoryBuckets({ capacity: 40, now: () => 0 })
      const taken = new Map<number, number>()
      for (let i = 0; i < victims; i++) for (let n = 0; n < 10; n++) buckets.take(rule, `victim ${i}`, 1)
      for (const { whose, times } of others)
        for (let n = 0; n < times && (taken.get(whose) ?? 0) < 9; n++) {
          buckets.take(rule, `other ${whose}`, 1)
          taken.set(whose, (taken.get(whose) ?? 0) + 1)
        }
      expect(buckets.size).toBeLessThanOrEqual(40)
      for (let i = 0; i < victims; i++) expect(buckets.take(rule, `victim ${i}`, 1)).toMatchObject({ allowed: false })
    }),
  )
})

test('FC-99: 100,001 other keys do not reset the bucket of a login, whatever kind they are of', () => {
  const clock = { now: 0 }
  const buckets = memoryBuckets({ now: () => clock.now })
  const login = { name: 'users.account', maxRequests: 10, windowMs: 60_000 }
  const usual = { name: 'default', maxRequests: 100, windowMs: 60_000 }
  for (let n = 0; n < 10; n++) buckets.take(login, 'usr_1', 1)
  for (let i = 0; i <= 100_000; i++) buckets.take(i % 2 === 0 ? login : usual, `other ${i}`, 1)
  expect(buckets.take(login, 'usr_1', 1)).toMatchObject({ allowed: false })
  expect(buckets.size).toBeLessThanOrEqual(100_000)
  // What is full again by itself is nothing to keep.
  clock.now = 60_000
  for (let i = 0; i <= 100_000; i++) buckets.take(usual, `later ${i}`, 1)
  expect(buckets.take(login, 'usr_1', 1)).toMatchObject({ allowed: true, remaining: 9 })
})

test('buckets of two kinds are two, though one and the same user’s; their bound is one for all kinds', () => {
  const buckets = memoryBuckets({ capacity: 4, now: () => 0 })
  const kinds = ['orders.create', 'default'].map((name) => ({ name, maxRequests: 1, windowMs: 1000 }))
  for (const kind of kinds) expect(buckets.take(kind, 'usr_1', 1)).toMatchObject({ allowed: true })
  for (const kind of kinds) expect(buckets.take(kind, 'usr_1', 1)).toMatchObject({ allowed: false })
  for (let i = 2; i < 20; i++) for (const kind of kinds) buckets.take(kind, `usr_${i}`, 1)
  expect(buckets.size).toBe(4)
})

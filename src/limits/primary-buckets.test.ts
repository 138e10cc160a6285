import { expect, test } from 'vitest'
import { memoryBuckets, type NamedRule } from './buckets.ts'
import { type DrawBatch, primaryBuckets } from './primary-buckets.ts'
import { tokenLender } from './token-lender.ts'

const RULE: NamedRule = { name: 'default', maxRequests: 10, windowMs: 60_000 }
const AUTH: NamedRule = { name: 'auth', maxRequests: 1, windowMs: 60_000 }

/** So many workers on one primary, by way of JSON, as between processes; `sent` are their messages. */
function workersOf(count: number) {
  const lender = tokenLender(memoryBuckets({ now: () => 0 }), { workers: count })
  const sent: DrawBatch[] = []
  const workers = Array.from({ length: count }, () => {
    const answer = lender.answers()
    const worker = primaryBuckets((batch) => {
      sent.push(batch)
      const drawn = JSON.stringify(answer(JSON.parse(JSON.stringify(batch))))
      setImmediate(() => worker.drawn(JSON.parse(drawn)))
    })
    return worker
  })
  return { workers, sent }
}

test('R-RATE-3: two workers admit together what one bucket holds, in few messages', async () => {
  const { workers, sent } = workersOf(2)
  const results = await Promise.all(Array.from({ length: 30 }, (_, i) => workers[i % 2]!.take(RULE, 'usr_a', 1)))
  expect(results.filter(({ allowed }) => allowed)).toHaveLength(10)
  expect(sent).toHaveLength(2)
  expect((await workers[0]!.take(RULE, 'usr_b', 1)).remaining).toBe(9)
})

test('draws from several buckets are one step, which ends with the first that rejects', async () => {
  const { workers } = workersOf(2)
  const draws = [
    { kind: AUTH, whose: '::1', cost: 1 },
    { kind: RULE, whose: 'usr_a', cost: 1 },
  ]
  expect(await workers[0]!.takeEach(draws)).toMatchObject([{ allowed: true }, { allowed: true, remaining: 9 }])
  expect(await workers[1]!.takeEach(draws)).toMatchObject([{ allowed: false, retryInMs: 60_000 }])
  expect((await workers[1]!.take(RULE, 'usr_a', 0)).remaining).toBe(9)
  expect((await workers[1]!.take(AUTH, '::2', 2)).retryInMs).toBe(Number.POSITIVE_INFINITY)
})

test('a worker decides by itself while the primary does not answer, and says nothing twice', async () => {
  const sent: DrawBatch[] = []
  const worker = primaryBuckets((batch) => sent.push(batch), { timeoutMs: 1 })
  const results = await Promise.all(Array.from({ length: 12 }, () => worker.take(RULE, 'usr_a', 1)))
  expect(results.filter(({ allowed }) => allowed)).toHaveLength(10)
  expect(worker.fallbacks).toBe(12)
  // What comes too late changes nothing.
  worker.drawn({ batch: sent[0]!.batch, results: sent[0]!.groups.map(() => [1, 9, 0, 0]), leases: [] })
  expect((await worker.take(RULE, 'usr_a', 1)).allowed).toBe(false)
})

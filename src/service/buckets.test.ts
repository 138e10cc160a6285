import { expect, test } from 'vitest'
import { service } from '../contract/service.ts'
import { memoryBuckets } from '../limits/buckets.ts'
import { createBuckets } from './buckets.ts'

const contract = service('shop', {
  buckets: {
    account: { maxRequests: 10, windowMs: 60_000, auth: true },
    order: { maxRequests: 3, windowMs: 60_000 },
  },
})

test('R-RATE-6: a bucket of the contract is taken from by name and key', async () => {
  const { take } = createBuckets(contract, { buckets: memoryBuckets({ now: () => 0 }) })
  for (const remaining of [2, 1, 0])
    expect((await take('order', 'ann')).taken).toMatchObject({ allowed: true, remaining })
  expect((await take('order', 'ann')).taken).toMatchObject({ allowed: false, retryInMs: 20_000 })
  expect((await take('order', 'bob')).taken).toMatchObject({ allowed: true, remaining: 2 })
  expect((await take('account', 'ann')).policy.policyText).toBe('"shop.account";q=10;w=60')
})

test('R-RATE-5: RATE_LIMIT_AUTH_MAX sets those that limit signing in, and no other', async () => {
  const { take } = createBuckets(contract, { buckets: memoryBuckets(), authMaxRequests: 2 })
  expect([(await take('account', 'ann')).policy.maxRequests, (await take('order', 'ann')).policy.maxRequests]).toEqual([
    2, 3,
  ])
})

test('a key takes no more room than 255 characters do, and long ones are told apart', async () => {
  const keys: string[] = []
  const inner = memoryBuckets()
  const { take } = createBuckets(contract, {
    buckets: {
      ...inner,
      take(kind, whose, cost) {
        keys.push(whose)
        return inner.take(kind, whose, cost)
      },
    },
  })
  for (const key of ['a', `${'x'.repeat(10_000)}1`, `${'x'.repeat(10_000)}2`]) await take('order', key)
  expect(new Set(keys).size).toBe(3)
  for (const key of keys) expect(key.length).toBeLessThanOrEqual(255)
})

test('a bucket that the contract does not have is a fault', async () => {
  await expect(createBuckets(contract).take('nothing', 'ann')).rejects.toMatchObject({ code: 'UNKNOWN_BUCKET' })
})

import { expect, test } from 'vitest'
import type { Fault } from '../base/errors.ts'
import { operation, resource, service, t } from './index.ts'
import type { BucketSpec, Limit } from './limits.ts'

const BY_IP: Limit = { by: 'ip', maxRequests: 10, windowMs: 60_000 }
const fields = { title: t.text(), size: t.integer(), author: t.email() }

/** What a mistaken author may write: nothing of it is typed. */
function violationsOf(limits: unknown, cost?: unknown): string[] {
  try {
    service('notes', {
      operations: {
        publish: operation({
          method: 'POST',
          path: '/publications',
          status: 202,
          access: 'public',
          body: fields,
          ...({ limits, cost } as object),
        }),
      },
    })
    return []
  } catch (error) {
    return (error as Fault).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim())
  }
}

test('R-RATE-1: an operation may have limits by user and address, and a cost', () => {
  for (const by of ['user', 'ip']) expect(violationsOf([{ ...BY_IP, by }], 10)).toEqual([])
  const { served } = service('notes', {
    resources: {
      notes: resource('note', {
        id: 'nte',
        fields: { title: t.text() },
        access: { list: 'public', create: 'public' },
        limits: { create: [BY_IP] },
        cost: { list: 5 },
      }),
    },
  })
  expect(served.map(({ name, limits, cost }) => ({ name, limits, cost }))).toEqual([
    { name: 'list', limits: undefined, cost: 5 },
    { name: 'create', limits: [BY_IP], cost: 1 },
  ])
})

test.for<[unknown, unknown, RegExp]>([
  [[], 1, /publish: has an empty list of `limits`/],
  [[BY_IP, BY_IP], 1, /has two limits by ip/],
  [[{ ...BY_IP, by: 'country' }], 1, /has a limit by "country"/],
  // How an account is spelt does not say which it is: a handler that has looked it up does.
  [[{ ...BY_IP, by: 'body.author' }], 1, /has a limit by "body.author"/],
  [[{ ...BY_IP, maxRequests: 0 }], 1, /has maxRequests 0/],
  [[{ ...BY_IP, windowMs: 0.5 }], 1, /has the window 0.5/],
  [[BY_IP], 11, /allows no call at all: each costs 11 of 10/],
  [undefined, 0, /costs 0/],
  [undefined, Number.NaN, /costs NaN/],
  [undefined, '5', /costs "5"/],
  [undefined, { list: 5 }, /costs an object/],
  [[{ by: 'ip', windowMs: 1 }], 1, /has maxRequests undefined/],
  [undefined, 1.5, /costs 1.5/],
])('R-RATE-1: limits %j at a cost of %s are refused', ([limits, cost, expected]) => {
  expect(violationsOf(limits, cost)).toEqual([expect.stringMatching(expected)])
})

test('R-RATE-1: a limit of a verb that is not offered is refused', () => {
  const limited = () =>
    service('notes', {
      resources: {
        notes: resource('note', {
          id: 'nte',
          fields: { title: t.text() },
          access: { list: 'public' },
          limits: { create: [BY_IP] },
        }),
      },
    })
  expect(limited).toThrow('limits "create", which has no access rule')
})

test('R-RATE-6: buckets that handlers name are declared, each with a rule', () => {
  const declare = (buckets: Record<string, BucketSpec>) => service('notes', { buckets })
  const account = { maxRequests: 10, windowMs: 60_000, auth: true }
  expect(declare({ account }).buckets).toEqual({ account })
  expect(() => declare({ 'an account': account })).toThrow('buckets.an account: is not in camelCase')
  expect(() => declare({ account: { ...account, maxRequests: 0 } })).toThrow('has maxRequests 0')
  expect(() => declare({ account: { ...account, windowMs: 90_000_000 } })).toThrow('has the window 90000000')
})

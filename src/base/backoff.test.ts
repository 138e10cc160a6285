import { expect, test } from 'vitest'
import { backoffMs, fullJitterMs, halfJitterMs } from './backoff.ts'

const BACKOFF = { baseMs: 25, maxMs: 250 }

test('R-CALL-3: the wait before a retry is anything up to a bound that doubles', () => {
  const attempts = [0, 1, 2, 3, 4, 5, 5_000]
  const most = attempts.map((attempt) => backoffMs(attempt, BACKOFF))
  expect(most).toEqual([25, 50, 100, 200, 250, 250, 250])
  expect(attempts.map((attempt) => fullJitterMs(attempt, BACKOFF, () => 1))).toEqual(most)
  expect(fullJitterMs(5, BACKOFF, () => 0)).toBe(0)
})

test('half jitter waits for half of the bound at least', () => {
  expect(halfJitterMs(1, BACKOFF, () => 0)).toBe(25)
  expect(halfJitterMs(1, BACKOFF, () => 1)).toBe(50)
})

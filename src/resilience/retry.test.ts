import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRetries, createRetryBudget } from './retry.ts'

/** A request, an attempt to retry, or a wait of so many milliseconds. */
const courses = fc.array(fc.oneof(fc.constantFrom('request', 'retry'), fc.nat({ max: 5_000 })), { maxLength: 500 })

test('R-GW-3: over any course of things, retries are at most the reserve, a tenth of the requests, and one a second', () => {
  fc.assert(
    fc.property(courses, (course) => {
      let nowMs = 0
      const budget = createRetryBudget({ now: () => nowMs })
      let [requests, retries] = [0, 0]
      for (const step of course) {
        if (typeof step === 'number') nowMs += step
        else if (step === 'request') {
          budget.earn()
          requests++
        } else if (budget.spend()) retries++
        expect(retries).toBeLessThanOrEqual(10 + requests / 10 + nowMs / 1_000 + 1e-6)
      }
    }),
  )
})

test('R-GW-3: after any course of things, one retry is there a second later, and no more than the reserve ever', () => {
  fc.assert(
    fc.property(courses, fc.integer({ min: 1_000, max: 1e9 }), (course, waitMs) => {
      let nowMs = 0
      const budget = createRetryBudget({ now: () => nowMs })
      for (const step of course) {
        if (typeof step === 'number') nowMs += step
        else if (step === 'request') budget.earn()
        else budget.spend()
      }
      nowMs += waitMs
      let retries = 0
      while (budget.spend()) retries++
      expect(retries).toBeGreaterThanOrEqual(Math.min(10, Math.floor(waitMs / 1_000)))
      expect(retries).toBeLessThanOrEqual(10)
    }),
  )
})

test('ten requests earn one retry, exactly', () => {
  const budget = createRetryBudget({ reserve: 1, minPerSecond: 0 })
  expect(budget.spend()).toBe(true)
  for (let i = 0; i < 9; i++) budget.earn()
  expect(budget.spend()).toBe(false)
  budget.earn()
  expect(budget.spend()).toBe(true)
  expect(budget.spend()).toBe(false)
})

test('the rest before an attempt is what the answer asked for and a random part of the backoff, within the time', () => {
  const retries = createRetries({ backoff: { baseMs: 100, maxMs: 150 } })
  for (const [attempts, most] of [
    [1, 100],
    [2, 150],
  ] as const) {
    const ms = retries.restMs(attempts, 10_000, 2_000)
    expect(ms).toBeGreaterThanOrEqual(2_000)
    expect(ms).toBeLessThan(2_000 + most)
  }
  expect(retries.restMs(3, 10_000)).toBeUndefined()
  expect(retries.restMs(1, 2_000, 2_000)).toBeUndefined()
})

test('a rest that is not to be had costs the budget nothing', () => {
  const retries = createRetries({ retryBudget: { reserve: 1, minPerSecond: 0 } })
  expect(retries.restMs(3, 10_000)).toBeUndefined()
  expect(retries.restMs(1, 0)).toBeUndefined()
  expect(retries.restMs(1, 10_000)).toBeDefined()
  expect(retries.restMs(1, 10_000)).toBeUndefined()
})

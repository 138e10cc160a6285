import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRetryBudget } from './retry.ts'

test('R-GW-3: over any course of things, retries are at most the reserve and a tenth of the requests', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 500 }), (course) => {
      const budget = createRetryBudget()
      let [requests, retries] = [0, 0]
      for (const retry of course) {
        if (!retry) {
          budget.earn()
          requests++
        } else if (budget.spend()) retries++
        expect(retries).toBeLessThanOrEqual(10 + Math.floor(requests / 10))
      }
    }),
  )
})

test('ten requests earn one retry, exactly', () => {
  const budget = createRetryBudget({ reserve: 1 })
  expect(budget.spend()).toBe(true)
  for (let i = 0; i < 9; i++) budget.earn()
  expect(budget.spend()).toBe(false)
  budget.earn()
  expect(budget.spend()).toBe(true)
  expect(budget.spend()).toBe(false)
})

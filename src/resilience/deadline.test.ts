import { afterEach, expect, test, vi } from 'vitest'
import { Deadline, NO_DEADLINE } from './deadline.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('R-P-7: a deadline says what is left of the time, keeps no timer, and does not go below nothing', () => {
  vi.useFakeTimers()
  const deadline = Deadline.after(100)
  vi.advanceTimersByTime(80)
  expect(Math.round(deadline.remainingMs())).toBe(20)
  vi.advanceTimersByTime(80)
  expect([deadline.remainingMs(), vi.getTimerCount()]).toEqual([0, 0])
  expect(NO_DEADLINE.remainingMs()).toBe(Number.POSITIVE_INFINITY)
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AttemptTimer } from './attempt-timer.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a timer tells when its time has passed, or at once whoever asks later', () => {
  const timer = new AttemptTimer(100)
  const told = vi.fn()
  timer.onOver(told)
  vi.advanceTimersByTime(99)
  expect([timer.over, told.mock.calls.length]).toEqual([false, 0])
  vi.advanceTimersByTime(1)
  expect([timer.over, timer.passed, told.mock.calls.length]).toEqual([true, true, 1])
  timer.onOver(told)
  expect(told).toHaveBeenCalledTimes(2)
})

test('a timer begins anew when it is restarted', () => {
  const timer = new AttemptTimer(100)
  vi.advanceTimersByTime(80)
  timer.restart()
  vi.advanceTimersByTime(80)
  expect([timer.over, Math.round(timer.remainingMs())]).toEqual([false, 20])
  vi.advanceTimersByTime(20)
  expect(timer.passed).toBe(true)
})

test('a timer that is given up is over, its time has not passed, and its rest ends', async () => {
  const timer = new AttemptTimer(100)
  const resting = timer.rest(50)
  timer.giveUp()
  await resting
  expect([timer.over, timer.passed]).toEqual([true, false])
  expect(vi.getTimerCount()).toBe(0)
})

test('a timer that has ended tells nobody, and keeps no timer', () => {
  const timer = new AttemptTimer(100)
  const told = vi.fn()
  timer.onOver(told)
  timer.clear()
  vi.advanceTimersByTime(1_000)
  expect([told.mock.calls.length, timer.over, vi.getTimerCount()]).toEqual([0, false, 0])
})

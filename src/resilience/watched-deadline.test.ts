import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createWatch } from './watch.ts'
import { WatchedDeadline } from './watched-deadline.ts'

const within = (limitMs: number) => new WatchedDeadline(limitMs, createWatch(10))

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a deadline tells when it has passed, or at once whoever asks later', () => {
  const deadline = within(100)
  const told = vi.fn()
  deadline.onOver(told)
  vi.advanceTimersByTime(99)
  expect([deadline.over, told.mock.calls.length]).toEqual([false, 0])
  vi.advanceTimersByTime(1)
  expect([deadline.over, deadline.passed, told.mock.calls.length]).toEqual([true, true, 1])
  deadline.onOver(told)
  expect(told).toHaveBeenCalledTimes(2)
})

test('a deadline begins anew when it is restarted', () => {
  const deadline = within(100)
  vi.advanceTimersByTime(80)
  deadline.restart()
  vi.advanceTimersByTime(80)
  expect([deadline.over, Math.round(deadline.remainingMs())]).toEqual([false, 20])
  vi.advanceTimersByTime(20)
  expect(deadline.passed).toBe(true)
})

test('a deadline that is given up is over, has not passed, and its rest ends', async () => {
  const deadline = within(100)
  const resting = deadline.rest(5_000)
  deadline.giveUp()
  await resting
  vi.advanceTimersByTime(1_000)
  expect([deadline.over, deadline.passed]).toEqual([true, false])
  expect(vi.getTimerCount()).toBe(0)
})

test('a rest ends by itself, or with the deadline; of one that is over there is none', async () => {
  const deadline = within(100)
  const rested = deadline.rest(30)
  await vi.advanceTimersByTimeAsync(30)
  await rested
  const resting = deadline.rest(5_000)
  await vi.advanceTimersByTimeAsync(70)
  await resting
  await deadline.rest(5_000)
  expect([deadline.over, deadline.passed]).toEqual([true, true])
})

test('a deadline that is cleared tells nobody, and is watched no longer', () => {
  const deadline = within(100)
  const told = vi.fn()
  deadline.onOver(told)
  deadline.clear()
  vi.advanceTimersByTime(1_000)
  expect([told.mock.calls.length, deadline.over, vi.getTimerCount()]).toEqual([0, false, 0])
})

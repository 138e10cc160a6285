import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchAnswers } from './answer-watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a command is noticed when it has waited for the time, and at most a quarter more', () => {
  const stuck = vi.fn()
  const watch = watchAnswers(100, stuck)
  watch.sent()
  vi.advanceTimersByTime(100)
  expect(stuck).not.toHaveBeenCalled()
  vi.advanceTimersByTime(25)
  expect(stuck).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(1000)
  expect(stuck).toHaveBeenCalledTimes(1)
  expect(vi.getTimerCount()).toBe(0)
})

test('a server that answers everything, but late, is noticed too', () => {
  const stuck = vi.fn()
  const watch = watchAnswers(100, stuck)
  for (let ms = 0; ms < 1000 && stuck.mock.calls.length === 0; ms++) {
    watch.sent()
    // Each answer comes after 150 ms.
    if (ms >= 150) watch.answered()
    vi.advanceTimersByTime(1)
  }
  expect(stuck).toHaveBeenCalledTimes(1)
})

test('answers in time, however many commands are under way, are nothing to notice', () => {
  const stuck = vi.fn()
  const watch = watchAnswers(100, stuck)
  for (let ms = 0; ms < 2000; ms++) {
    watch.sent()
    if (ms >= 90) watch.answered()
    vi.advanceTimersByTime(1)
  }
  expect(stuck).not.toHaveBeenCalled()
  expect(watch.inFlight).toBe(90)
  watch.stop()
})

test('no timer is left when nothing is under way, and one serves all commands', () => {
  const watch = watchAnswers(100, () => {})
  for (let i = 0; i < 50; i++) watch.sent()
  expect(vi.getTimerCount()).toBe(1)
  for (let i = 0; i < 50; i++) watch.answered()
  vi.advanceTimersByTime(50)
  expect(vi.getTimerCount()).toBe(0)
})

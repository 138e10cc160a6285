import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createRest, rest } from './rest.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('a rest is over after its time, or at once when its signal aborts', async () => {
  const resting = rest(500, new AbortController().signal)
  await vi.advanceTimersByTimeAsync(500)
  await resting
  const caller = new AbortController()
  const broken = rest(500, caller.signal)
  caller.abort(new Error('gone'))
  await expect(broken).rejects.toThrow('gone')
  await expect(rest(500, caller.signal)).rejects.toThrow('gone')
  expect(vi.getTimerCount()).toBe(0)
})

test('a rest that somebody ends is over', async () => {
  const one = createRest()
  one.end()
  const resting = one.take(500)
  expect(vi.getTimerCount()).toBe(1)
  one.end()
  await resting
  expect(vi.getTimerCount()).toBe(0)
})

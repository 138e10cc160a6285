import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { boundedCheck, CHECK_MS, NoAnswer } from './bounded-check.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('R-OPS-1: a check that hangs rejects after its time, and is not begun again while it hangs', async () => {
  let answer = (_: string) => {}
  const ask = vi.fn(
    () =>
      new Promise<string>((resolve) => {
        answer = resolve
      }),
  )
  const check = boundedCheck(600, ask)
  for (let i = 0; i < 5; i++) {
    const outcome = expect(check()).rejects.toThrow(new NoAnswer(600))
    await vi.advanceTimersByTimeAsync(1_000)
    await outcome
  }
  const waiting = check()
  expect(ask).toHaveBeenCalledOnce()
  answer('up')
  expect(await waiting).toBe('up')
  const next = check()
  expect(ask).toHaveBeenCalledTimes(2)
  answer('up again')
  expect(await next).toBe('up again')
  expect(vi.getTimerCount()).toBe(0)
})

test('a check that throws or rejects does so to whoever checks, and is begun again by the next', async () => {
  const thrown = vi.fn((): Promise<string> => {
    throw new Error('at once')
  })
  const check = boundedCheck(600, thrown)
  await expect(check()).rejects.toThrow('at once')
  await expect(check()).rejects.toThrow('at once')
  expect(thrown).toHaveBeenCalledTimes(2)
  let fail = (_: Error) => {}
  const late = boundedCheck(600, () => new Promise((_, reject) => (fail = reject)))
  const outcome = expect(late()).rejects.toThrow(NoAnswer)
  await vi.advanceTimersByTimeAsync(600)
  await outcome
  const joined = expect(late()).rejects.toThrow(NoAnswer)
  fail(new Error('too late to matter'))
  await joined
})

test('each reader of health waits longer than what it reads', () => {
  const bounds = Object.values(CHECK_MS)
  expect(bounds).toEqual([...new Set(bounds)].sort((a, b) => a - b))
})

import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { rest } from '../base/rest.ts'
import { either, within } from './within.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const late = () => new Error('late')
const never = () => new Promise<never>(() => {})

test('work that is over in time answers, and leaves no timer and no listener', async () => {
  const caller = new AbortController()
  const removed = vi.spyOn(caller.signal, 'removeEventListener')
  expect(await within(1_000, late, caller.signal, async () => 'done')).toBe('done')
  expect(vi.getTimerCount()).toBe(0)
  expect(removed).toHaveBeenCalledOnce()
})

test('the wait ends at the deadline, whether the work heeds its signal or not', async () => {
  let signal: AbortSignal | undefined
  const waiting = within(1_000, late, undefined, (given) => {
    signal = given
    return never()
  })
  const outcome = expect(waiting).rejects.toThrow('late')
  await vi.advanceTimersByTimeAsync(1_000)
  await outcome
  expect(signal!.aborted).toBe(true)
})

test("the wait ends when the caller's signal aborts, with its reason", async () => {
  const caller = new AbortController()
  const waiting = within(1_000, late, caller.signal, never)
  caller.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  expect(vi.getTimerCount()).toBe(0)
})

test('FC-75: work of either signal leaves no listener on them, whether it succeeds or fails', async () => {
  const [forever, other] = [new AbortController(), new AbortController()]
  const listeners = () => [forever, other].map(({ signal }) => getEventListeners(signal, 'abort').length)
  for (let i = 0; i < 20; i++) {
    expect(await either(forever.signal, other.signal, async () => listeners())).toEqual([1, 1])
    await expect(either(forever.signal, other.signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  }
  expect(listeners()).toEqual([0, 0])
  const work = either(forever.signal, other.signal, (signal) => rest(1_000, signal))
  other.abort(new Error('enough'))
  await expect(work).rejects.toThrow('enough')
  expect(listeners()).toEqual([0, 0])
})

test('nothing begins for a caller that is gone already', async () => {
  const work = vi.fn(never)
  await expect(within(1_000, late, AbortSignal.abort(new Error('gone')), work)).rejects.toThrow('gone')
  expect(work).not.toHaveBeenCalled()
})

test('work that fails after the deadline is nobody’s unhandled rejection', async () => {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  const waiting = within(10, late, undefined, async (signal) => {
    await rest(1_000, signal).catch(() => {})
    throw new Error('too late to matter')
  })
  const outcome = expect(waiting).rejects.toThrow('late')
  await vi.advanceTimersByTimeAsync(2_000)
  await outcome
  vi.useRealTimers()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', unhandled)
  expect(unhandled).not.toHaveBeenCalled()
})

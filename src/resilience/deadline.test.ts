import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Deadline, rest, within } from './deadline.ts'

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

test('a rest is over after its time, or at once when its signal aborts', async () => {
  const resting = rest(500, new AbortController().signal)
  await vi.advanceTimersByTimeAsync(500)
  await resting
  const caller = new AbortController()
  const broken = rest(500, caller.signal)
  caller.abort(new Error('gone'))
  await expect(broken).rejects.toThrow('gone')
  expect(vi.getTimerCount()).toBe(0)
})

test('a deadline tells when its time has passed, or at once whoever asks later', () => {
  const deadline = new Deadline(100)
  const told = vi.fn()
  deadline.call(told)
  vi.advanceTimersByTime(99)
  expect([deadline.over, told.mock.calls.length]).toEqual([false, 0])
  vi.advanceTimersByTime(1)
  expect([deadline.over, deadline.passed, told.mock.calls.length]).toEqual([true, true, 1])
  deadline.call(told)
  expect(told).toHaveBeenCalledTimes(2)
})

test('a deadline begins anew when it is restarted', () => {
  const deadline = new Deadline(100)
  vi.advanceTimersByTime(80)
  deadline.restart()
  vi.advanceTimersByTime(80)
  expect([deadline.over, Math.round(deadline.remainingMs())]).toEqual([false, 20])
  vi.advanceTimersByTime(20)
  expect(deadline.passed).toBe(true)
})

test('a deadline that is given up is over, its time has not passed, and its rest ends', async () => {
  const deadline = new Deadline(100)
  const resting = deadline.rest(50)
  deadline.giveUp()
  await resting
  expect([deadline.over, deadline.passed]).toEqual([true, false])
  expect(vi.getTimerCount()).toBe(0)
})

test('a deadline that has ended tells nobody, and keeps no timer', () => {
  const deadline = new Deadline(100)
  const told = vi.fn()
  deadline.call(told)
  deadline.end()
  vi.advanceTimersByTime(1_000)
  expect([told.mock.calls.length, deadline.over, vi.getTimerCount()]).toEqual([0, false, 0])
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { loop } from './loop.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A loop whose rounds end when they are told to. */
function started() {
  const rounds: { signal: AbortSignal; end: (restMs: number) => void; fail: () => void }[] = []
  const failed = vi.fn()
  const running = loop(
    (signal) =>
      new Promise((resolve, reject) => rounds.push({ signal, end: resolve, fail: () => reject(new Error('broken')) })),
    { graceMs: 1_000, failed },
  )
  const settle = () => vi.advanceTimersByTimeAsync(0)
  return { running, rounds, failed, settle }
}

test('rests for as long as the round said, or until it is woken', async () => {
  const { running, rounds, settle } = started()
  rounds[0]!.end(10_000)
  await vi.advanceTimersByTimeAsync(9_999)
  expect(rounds).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(rounds).toHaveLength(2)
  rounds[1]!.end(10_000)
  await settle()
  running.wake()
  await settle()
  expect(rounds).toHaveLength(3)
})

test('woken during a round there is another one at once, and only then is it idle', async () => {
  const { running, rounds, settle } = started()
  running.wake()
  const idle = vi.fn()
  void running.idle().then(idle)
  rounds[0]!.end(10_000)
  await settle()
  expect([rounds.length, idle.mock.calls.length]).toEqual([2, 0])
  rounds[1]!.end(10_000)
  await settle()
  expect([rounds.length, idle.mock.calls.length]).toEqual([2, 1])
  await running.idle()
})

test('after a failure it rests a while, whoever wakes it, and goes on', async () => {
  const { running, rounds, failed, settle } = started()
  rounds[0]!.fail()
  await settle()
  running.wake()
  await vi.advanceTimersByTimeAsync(4_999)
  expect([rounds.length, failed.mock.calls.length]).toEqual([1, 1])
  await vi.advanceTimersByTimeAsync(1)
  expect(rounds).toHaveLength(2)
})

test('stopping ends a rest, and waits for a round, whose signal aborts after the grace', async () => {
  const resting = started()
  resting.rounds[0]!.end(10_000)
  await resting.settle()
  await resting.running.stop()

  const busy = started()
  const stopped = vi.fn()
  void busy.running.stop().then(stopped)
  await vi.advanceTimersByTimeAsync(999)
  expect(busy.rounds[0]!.signal.aborted).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  expect([busy.rounds[0]!.signal.aborted, stopped.mock.calls.length]).toEqual([true, 0])
  busy.rounds[0]!.end(0)
  await busy.settle()
  expect([stopped.mock.calls.length, busy.rounds.length]).toEqual([1, 1])
})

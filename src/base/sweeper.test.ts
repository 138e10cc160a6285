import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sweeper } from './sweeper.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const HOUR = 3_600_000
const failed = () => {}

test.each([0, 0.5, 0.999])(
  'FC-117: the first sweep comes within half a minute, the rest at their pace, spread (random %d)',
  async (random) => {
    vi.spyOn(Math, 'random').mockReturnValue(random)
    const at: number[] = []
    const begun = performance.now()
    const sweeps = sweeper(async () => at.push(performance.now() - begun), { everyMs: HOUR, failed })
    await vi.advanceTimersByTimeAsync(2.5 * HOUR)
    sweeps.stop()
    const [first, second] = at as [number, number]
    expect(at).toHaveLength(3)
    expect(first).toBeGreaterThanOrEqual(5_000)
    expect(first).toBeLessThanOrEqual(30_000)
    expect(second - first).toBeGreaterThanOrEqual(0.9 * HOUR)
    expect(second - first).toBeLessThanOrEqual(1.1 * HOUR)
  },
)

test('FC-117: a sweep that fails is told of and comes again; none begins while one runs, none after the stop', async () => {
  const errors: unknown[] = []
  let begun = 0
  let end = () => {}
  const sweeps = sweeper(
    () => {
      begun++
      if (begun === 1) throw new Error('no database')
      return new Promise<void>((resolve) => {
        end = resolve
      })
    },
    { everyMs: HOUR, failed: (error) => errors.push(error) },
  )
  await vi.advanceTimersByTimeAsync(30_000)
  expect(errors).toEqual([new Error('no database')])
  await vi.advanceTimersByTimeAsync(5 * HOUR)
  expect(begun).toBe(2)
  end()
  sweeps.stop()
  await vi.advanceTimersByTimeAsync(5 * HOUR)
  expect(begun).toBe(2)
})

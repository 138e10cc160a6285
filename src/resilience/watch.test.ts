import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createWatch } from './watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const underWay = () => ({ isOver: false, end: vi.fn(), watchedAt: -1 })

test('R-P-7: what is over is ended once; what is not goes on', () => {
  const { add } = createWatch(50)
  const [late, good] = [underWay(), underWay()]
  add(late)
  add(good)
  vi.advanceTimersByTime(500)
  expect(late.end).not.toHaveBeenCalled()
  late.isOver = true
  vi.advanceTimersByTime(500)
  expect(late.end).toHaveBeenCalledOnce()
  expect(good.end).not.toHaveBeenCalled()
})

test('R-P-7: what is part of something ends with it, also where the time was over just after a look at it', () => {
  const { add } = createWatch(50)
  let nowMs = 0
  const byTheClock = () => ({
    watchedAt: -1,
    end: vi.fn(),
    get isOver() {
      return ++nowMs > 1
    },
  })
  const [whole, part] = [byTheClock(), byTheClock()]
  add(whole)
  add(part)
  vi.advanceTimersByTime(50)
  expect(whole.end).toHaveBeenCalledOnce()
  expect(part.end).toHaveBeenCalledOnce()
})

test('R-P-7: what is done is not ended', () => {
  const watch = createWatch(50)
  const one = underWay()
  watch.add(one)
  watch.delete(one)
  one.isOver = true
  vi.advanceTimersByTime(500)
  expect(one.end).not.toHaveBeenCalled()
})

test('R-P-7: there is one timer for everything, and none while nothing is under way', () => {
  const watch = createWatch(50)
  const all = [underWay(), underWay(), underWay()]
  for (const one of all) watch.add(one)
  expect(vi.getTimerCount()).toBe(1)
  for (const one of all) watch.delete(one)
  vi.advanceTimersByTime(50)
  expect(vi.getTimerCount()).toBe(0)
  watch.add(all[0]!)
  expect(vi.getTimerCount()).toBe(1)
})

test('R-P-7: whatever comes and goes, just what is under way and over is ended', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 9 }), { maxLength: 60 }), fc.array(fc.nat({ max: 9 })), (toggled, late) => {
      const watch = createWatch(50)
      const all = Array.from({ length: 10 }, underWay)
      const inside = new Set<number>()
      for (const i of toggled) {
        if (inside.delete(i)) watch.delete(all[i]!)
        else {
          inside.add(i)
          watch.add(all[i]!)
        }
      }
      for (const i of late) all[i]!.isOver = true
      vi.advanceTimersByTime(100)
      const ended = all.flatMap(({ end }, i) => (end.mock.calls.length > 0 ? [i] : []))
      expect(ended).toEqual([...inside].filter((i) => late.includes(i)).sort())
      for (const { end } of all) expect(end.mock.calls.length).toBeLessThan(2)
    }),
  )
})

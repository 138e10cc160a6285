import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createWatch } from './watch.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const underWay = () => ({ isOver: false, end: vi.fn() })

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

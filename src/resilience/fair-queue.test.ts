import { expect, test } from 'vitest'
import { createFairQueue } from './fair-queue.ts'

test('askers take turns, whatever one of them has waiting', () => {
  const queue = createFairQueue<string>({ places: 10, share: 10, waiting: 100 })
  for (const item of ['a1', 'a2', 'a3']) queue.add('a', item)
  queue.add('b', 'b1')
  queue.add('c', 'c1')
  expect(Array.from({ length: 6 }, () => queue.take())).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', undefined])
})

test('one asker holds no more than a share of the places', () => {
  const queue = createFairQueue<string>({ places: 2, share: 1, waiting: 100 })
  for (const item of ['a1', 'a2', 'a3']) queue.add('a', item)
  expect([queue.take(), queue.take()]).toEqual(['a1', undefined])
  queue.add('b', 'b1')
  expect(queue.take()).toBe('b1')
  queue.done('a')
  expect([queue.take(), queue.take()]).toEqual(['a2', undefined])
  expect(queue.load()).toEqual({ running: 2, waiting: 1 })
})

test('a full queue takes nothing more, and one asker fills no more than a quarter of it', () => {
  const queue = createFairQueue<number>({ places: 1, share: 1, waiting: 8 })
  expect([1, 2, 3].map((item) => queue.add('a', item))).toEqual([true, true, false])
  for (const key of ['b', 'c', 'd']) for (const item of [1, 2]) expect(queue.add(key, item)).toBe(true)
  expect(queue.add('e', 1)).toBe(false)
})

test('what need not wait any longer is taken out', () => {
  const queue = createFairQueue<number>({ places: 1, share: 1, waiting: 100 })
  for (const item of [1, 2, 3, 4]) queue.add('a', item)
  queue.add('b', 5)
  expect(queue.removeIf((item) => item !== 3)).toEqual([1, 2, 4, 5])
  expect(queue.load()).toEqual({ running: 0, waiting: 1 })
  expect(queue.take()).toBe(3)
})

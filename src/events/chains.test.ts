import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { CarriedEvent } from './carrier.ts'
import { createChains } from './chains.ts'

let numbers = 0
const event = (aggregateId: string): CarriedEvent => ({
  id: `${++numbers}`,
  type: 'thing.made',
  aggregateId,
  occurredAt: '2026-11-30T00:00:00.000Z',
  data: '{}',
  headers: undefined,
})

/** What is under way, each until the test ends it. */
function carrier() {
  const underWay = new Map<CarriedEvent, (isSent: boolean) => void>()
  const begun: CarriedEvent[] = []
  return {
    begun,
    send: (one: CarriedEvent) =>
      new Promise<boolean>((resolve) => {
        begun.push(one)
        underWay.set(one, resolve)
      }),
    async end(one: CarriedEvent, isSent = true) {
      underWay.get(one)!(isSent)
      await nextTurn()
    },
  }
}

test('R-EVT-2: events of one aggregate are sent one after another, also those of another call; others side by side', async () => {
  const { begun, send, end } = carrier()
  const chains = createChains(10)
  const [a1, b1, a2, a3] = [event('a'), event('b'), event('a'), event('a')]
  const first = chains.run([a1, b1, a2], send)
  const second = chains.run([a3], send)
  await nextTurn()
  expect(begun).toEqual([a1, b1])
  await end(a1)
  expect(begun).toEqual([a1, b1, a2])
  await end(a2)
  await end(b1)
  await end(a3)
  expect(await first).toEqual([a1, b1, a2])
  expect(await second).toEqual([a3])
  expect(begun).toEqual([a1, b1, a2, a3])
})

test('R-EVT-3: behind one that was not sent none of its aggregate is, until the call that brought it has ended', async () => {
  const { begun, send, end } = carrier()
  const chains = createChains(10)
  const [a1, a2, b1, a3] = [event('a'), event('a'), event('b'), event('a')]
  const first = chains.run([a1, a2, b1], send)
  await nextTurn()
  await end(a1, false)
  // The first is not over: b1 is under way.
  expect(await chains.run([a3], send)).toEqual([])
  await end(b1)
  expect(await first).toEqual([b1])
  expect(begun).toEqual([a1, b1])
  const again = chains.run([a1], send)
  await end(a1)
  expect(await again).toEqual([a1])
})

test('R-EVT-2: no more are under way at once than may be, and none is forgotten', async () => {
  const chains = createChains(4)
  let underWay = 0
  let most = 0
  const all = Array.from({ length: 50 }, (_, i) => event(`a${i % 13}`))
  const send = async () => {
    most = Math.max(most, ++underWay)
    await nextTurn()
    underWay--
    return true
  }
  expect(await Promise.all([chains.run(all.slice(0, 25), send), chains.run(all.slice(25), send)])).toEqual([
    all.slice(0, 25),
    all.slice(25),
  ])
  expect([most, underWay]).toEqual([4, 0])
})

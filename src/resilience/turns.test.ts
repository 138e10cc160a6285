import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createTurns } from './turns.ts'

/** Turns of the event loop in each of which a connection is accepted. */
async function crowd(turns: ReturnType<typeof createTurns>, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    turns.accepted()
    await nextTurn()
  }
}

test('FC-112: usually nothing waits, also where single connections are accepted', async () => {
  const turns = createTurns()
  expect(turns.areShort).toBe(false)
  await crowd(turns, 3)
  expect(turns.areShort).toBe(false)
  await nextTurn()
  await crowd(turns, 3)
  expect(turns.areShort).toBe(false)
})

test('FC-112: while connections are accepted turn after turn, each has a little work, in the order in which it came', async () => {
  const turns = createTurns()
  await crowd(turns, 6)
  expect(turns.areShort).toBe(true)
  const done: string[] = []
  for (let i = 0; i < 100; i++) turns.later('request', () => done.push(`request ${i}`))
  for (let i = 0; i < 100; i++) turns.later('result', () => done.push(`result ${i}`))
  await crowd(turns, 10)
  expect(done.length).toBeGreaterThan(20)
  expect(done.length).toBeLessThan(50)
  // Afterwards what waits is done soon, and then nothing waits any more.
  for (let i = 0; i < 20; i++) await nextTurn()
  for (const kind of ['request', 'result'])
    expect(done.filter((one) => one.startsWith(kind))).toEqual(Array.from({ length: 100 }, (_, i) => `${kind} ${i}`))
  expect(turns.areShort).toBe(false)
})

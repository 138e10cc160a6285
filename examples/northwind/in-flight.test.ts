import { expect, test } from 'vitest'
import { inFlight } from './in-flight.ts'

const never = new AbortController().signal
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('everything is done, and never more than the limit at once', async () => {
  let now = 0
  let most = 0
  const done: number[] = []
  await inFlight([1, 2, 3, 4, 5, 6, 7], 3, never, async (item) => {
    most = Math.max(most, ++now)
    await turn()
    now--
    done.push(item)
  })
  expect(done).toEqual([1, 2, 3, 4, 5, 6, 7])
  expect(most).toBe(3)
})

test('after a failure nothing more is begun, and what is in flight ends first', async () => {
  const begun: number[] = []
  const ended: number[] = []
  const work = inFlight([1, 2, 3, 4, 5, 6], 2, never, async (item) => {
    begun.push(item)
    if (item === 2) throw new Error('two')
    await turn()
    ended.push(item)
  })
  await expect(work).rejects.toThrow('two')
  expect(begun).toEqual([1, 2])
  expect(ended).toEqual([1])
})

test('a stop ends it the same way, with its reason', async () => {
  const stop = new AbortController()
  const ended: number[] = []
  const work = inFlight([1, 2, 3, 4], 2, stop.signal, async (item) => {
    if (item === 2) stop.abort(new Error('stopped'))
    await turn()
    ended.push(item)
  })
  await expect(work).rejects.toThrow('stopped')
  expect(ended).toEqual([1, 2])
})

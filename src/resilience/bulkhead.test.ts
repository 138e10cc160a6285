import { expect, test, vi } from 'vitest'
import { rest } from '../base/rest.ts'
import { createBulkhead } from './bulkhead.ts'
import { Deadline } from './deadline.ts'

test('R-AUTH-5: no more works run at once than may, the others in the order they came', async () => {
  const gate = createBulkhead({ parallel: 2, waiting: 10 })
  const works = Array.from({ length: 6 }, () => pending())
  const begun: number[] = []
  const all = works.map((work, index) =>
    gate.run(() => {
      begun.push(index)
      return work.promise
    }),
  )
  for (const [index, work] of works.entries()) {
    expect(begun).toEqual([0, 1, 2, 3, 4, 5].slice(0, Math.min(6, index + 2)))
    expect(gate.load()).toEqual({ running: Math.min(2, 6 - index), waiting: Math.max(0, 4 - index) })
    work.resolve()
    await all[index]
  }
  expect(gate.load()).toEqual({ running: 0, waiting: 0 })
})

test('R-OPS-5: one more than may wait is turned away at once, and told when to come again', async () => {
  const gate = createBulkhead({ parallel: 1, waiting: 1 })
  const work = pending()
  const first = gate.run(() => work.promise)
  const second = gate.run(async () => 'done')
  await expect(gate.run(async () => 'never')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 })
  work.resolve()
  await first
  expect(await second).toBe('done')
})

test('a work that fails gives its place to the next', async () => {
  const gate = createBulkhead({ parallel: 1, waiting: 5 })
  const failed = gate.run(() => Promise.reject(new Error('broken')))
  const next = gate.run(async () => 'done')
  await expect(failed).rejects.toThrow('broken')
  expect(await next).toBe('done')
  expect(gate.load()).toEqual({ running: 0, waiting: 0 })
})

test('who gives up while waiting leaves the queue, and the works around are unharmed', async () => {
  const gate = createBulkhead({ parallel: 1, waiting: 5 })
  const work = pending()
  const first = gate.run(() => work.promise)
  const giveUp = new AbortController()
  const second = gate.run(async () => 'never', { signal: giveUp.signal })
  const third = gate.run(async () => 'done')
  giveUp.abort(new Error('the caller went away'))
  await expect(second).rejects.toThrow('went away')
  expect(gate.load()).toEqual({ running: 1, waiting: 1 })
  work.resolve()
  await first
  expect(await third).toBe('done')
  await expect(gate.run(async () => 'never', { signal: giveUp.signal })).rejects.toThrow('went away')
  expect(gate.load()).toEqual({ running: 0, waiting: 0 })
})

test('R-P-7: who cannot be served by their deadline is turned away at once; who can waits', async () => {
  const gate = createBulkhead({ parallel: 1, waiting: 5 })
  await gate.run(() => rest(20, new AbortController().signal))
  const work = pending()
  const first = gate.run(() => work.promise)
  const hopeless = gate.run(async () => 'never', { deadline: Deadline.after(5) })
  await expect(hopeless).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 })
  const patient = gate.run(async () => 'done', { deadline: Deadline.after(60_000) })
  expect(gate.load()).toEqual({ running: 1, waiting: 1 })
  work.resolve()
  await first
  expect(await patient).toBe('done')
})

test('R-P-7: whose deadline has come near while they waited is turned away, and takes no place', async () => {
  const gate = createBulkhead({ parallel: 1, waiting: 5 })
  const work = pending()
  const first = gate.run(() => work.promise)
  const late = gate.run(async () => 'never', { deadline: new Deadline(performance.now()) })
  const next = gate.run(async () => 'done')
  expect(gate.load()).toEqual({ running: 1, waiting: 2 })
  work.resolve()
  await first
  await expect(late).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(await next).toBe('done')
})

test('R-P-7: of those who came before it was known how long a work takes, only as many stay as can be done in time', async () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const gate = createBulkhead({ parallel: 1, waiting: 20 })
  const work = pending()
  const first = gate.run(() => work.promise)
  const deadline = Deadline.after(450)
  const others = Array.from({ length: 10 }, () => gate.run(async () => void vi.advanceTimersByTime(100), { deadline }))
  const refused = Promise.all(others.slice(3).map((one) => one.catch((error) => error)))
  vi.advanceTimersByTime(100)
  work.resolve()
  await first
  expect(await Promise.race([refused, Promise.all(others.slice(0, 2))])).toHaveLength(7)
  for (const error of await refused) expect(error).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  await Promise.all(others.slice(0, 3))
  vi.useRealTimers()
})

test('R-P-7: work that nobody waits for any more keeps its place until it ends', async () => {
  const gate = createBulkhead({ parallel: 1, waiting: 5 })
  const work = pending()
  const gone = new AbortController()
  const first = gate.run(() => work.promise, { signal: gone.signal })
  const second = gate.run(async () => 'done')
  gone.abort()
  expect(gate.load()).toEqual({ running: 1, waiting: 1 })
  work.resolve()
  await first
  expect(await second).toBe('done')
})

/** A work that ends when told to (Promise.withResolvers is not in Node 20). */
function pending(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

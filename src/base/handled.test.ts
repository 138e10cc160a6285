import { expect, test, vi } from 'vitest'
import { handled } from './handled.ts'

const fails = async () => {
  await null
  throw new Error('late')
}

/** What Node would end the process for. */
async function unhandledBy(work: () => Promise<unknown>): Promise<unknown[]> {
  const unhandled = vi.fn()
  process.on('unhandledRejection', unhandled)
  await work()
  // Node looks when the microtasks are done.
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', unhandled)
  return unhandled.mock.calls
}

test('R-P-7: a promise that is rejected before anybody awaits it ends no process, and its error is told to whoever awaits it later', async () => {
  const unhandled = await unhandledBy(async () => {
    const promise = handled(fails())
    await new Promise((resolve) => setImmediate(resolve))
    await expect(promise).rejects.toThrow('late')
    await expect(promise).rejects.toThrow('late')
  })
  expect(unhandled).toEqual([])
})

test('a promise that is fulfilled is what it was', async () => {
  expect(await handled(Promise.resolve(7))).toBe(7)
})

test('FC-84: the stack of an error still leads to the functions that await it', async () => {
  let stack: string | undefined
  async function statement() {
    try {
      await new Promise((_, reject) => setImmediate(reject))
    } catch {
      stack = new Error().stack
      throw new Error('refused')
    }
  }
  async function insertOne() {
    await handled(statement())
  }
  async function handler() {
    await handled(insertOne())
  }
  await expect(handler()).rejects.toThrow('refused')
  expect(stack).toMatch(/at (?:async )?insertOne.*at (?:async )?handler/s)
})

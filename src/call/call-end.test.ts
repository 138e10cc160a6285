import { expect, test, vi } from 'vitest'
import { ANONYMOUS } from '../auth/caller.ts'
import { NO_DEADLINE } from '../resilience/deadline.ts'
import type { Context } from './call.ts'
import { CallEnd } from './call-end.ts'
import { CalledContext, OwnContext } from './context.ts'

/** Work as a request is: the watch looks after it, and its signal is made when somebody asks. */
function work() {
  const bound = { isOver: false, committing: false }
  const gone = new AbortController()
  const signal = vi.fn(() => gone.signal)
  const context: Context = {
    requestId: 'r-1',
    trace: undefined,
    caller: ANONYMOUS,
    deadline: NO_DEADLINE,
    log: new OwnContext().log,
    bound,
    get signal() {
      return signal()
    },
  }
  return { bound, gone, signal, context }
}

const never = () => new Promise<never>(() => {})
const late = () => new Error('late')

test.each(['before', 'after'])(
  'R-P-7: a call ends with the work that it is part of, which says why %s it',
  async (when) => {
    const { bound, gone, signal, context } = work()
    const end = new CallEnd(context)
    const called = new CalledContext(new CalledContext(context, { end }), {})
    const settled = end.wait(5_000, late, never).catch((error) => error)
    expect([called.bound.isOver, signal.mock.calls.length]).toEqual([false, 0])
    if (when === 'before') gone.abort(new Error('gone'))
    bound.isOver = true
    expect(called.bound.isOver).toBe(true)
    await vi.waitFor(() => expect(signal).toHaveBeenCalled())
    if (when === 'after') gone.abort(new Error('gone'))
    expect(await settled).toMatchObject({ message: 'gone' })
    expect(called.signal.reason).toMatchObject({ message: 'gone' })
  },
)

test('R-P-7: work that is over calls nobody', async () => {
  const { bound, gone, context } = work()
  bound.isOver = true
  gone.abort(new Error('gone'))
  const answer = vi.fn(async () => 1)
  await expect(new CallEnd(context).wait(5_000, late, answer)).rejects.toThrow('gone')
  expect(answer).not.toHaveBeenCalled()
})

test('R-CALL-3: one that is over in time asks for no signal, and one that is late has one that says so', async () => {
  const { signal, context } = work()
  expect(await new CallEnd(context).wait(5_000, late, async () => 1)).toBe(1)
  const end = new CallEnd(context)
  const asked = end.signal
  await expect(end.wait(1, late, never)).rejects.toThrow('late')
  expect([asked.reason.message, end.isOver, end.signal]).toEqual(['late', true, asked])
  expect(signal).not.toHaveBeenCalled()
})

test('R-P-7: what a call commits gives the work that it is part of no more time', () => {
  const { bound, context } = work()
  new CalledContext(context, { caller: ANONYMOUS }).bound.committing = true
  new CalledContext(context, { end: new CallEnd(context) }).bound.committing = true
  expect(bound.committing).toBe(false)
})

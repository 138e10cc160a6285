import { expect, test } from 'vitest'
import { ANONYMOUS } from '../auth/caller.ts'
import type { Call } from '../call/call.ts'
import { HandlerInput } from './handler-input.ts'

test('where a request came from is looked up when a handler asks, and not before', () => {
  let lookedUp = 0
  const context = {
    caller: ANONYMOUS,
    requestId: 'r-1',
    get address() {
      lookedUp++
      return '192.0.2.1'
    },
  }
  const input = new HandlerInput({ context } as unknown as Call, { id: 'not_1' }, { name: 'Ann' })
  const { params, body, caller, expected, requestId } = input
  expect([params, body, caller, expected, requestId]).toEqual([
    { id: 'not_1' },
    { name: 'Ann' },
    ANONYMOUS,
    undefined,
    'r-1',
  ])
  expect(lookedUp).toBe(0)
  const { address } = input
  expect([address, lookedUp]).toEqual(['192.0.2.1', 1])
})

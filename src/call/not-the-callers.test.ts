import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { Problem } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'
import { notTheCallers } from './not-the-callers.ts'

const [operation] = orders.served

test.each([
  [401, 'UNAUTHENTICATED', 'BAD_GATEWAY'],
  [400, 'VALIDATION_ERROR', 'BAD_GATEWAY'],
  [429, 'RATE_LIMITED', 'BAD_GATEWAY'],
  [500, 'INTERNAL_ERROR', 'BAD_GATEWAY'],
  [503, 'SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'],
  [504, 'GATEWAY_TIMEOUT', 'GATEWAY_TIMEOUT'],
])('FC-77, R-P-8: %i %s of a service that was called is %s, with the original as its cause', (status, code, own) => {
  const error = new CallProblem(operation!.id, status, code, 'as it was')
  const translated = notTheCallers(error) as Problem
  expect(translated).not.toBeInstanceOf(CallProblem)
  expect([translated.code, translated.cause, translated.message, translated.details]).toEqual([
    own,
    error,
    '',
    undefined,
  ])
})

test('R-P-8: a Problem of the handler itself stays as it is', () => {
  const own = new Problem('OUT_OF_STOCK')
  expect(notTheCallers(own)).toBe(own)
})

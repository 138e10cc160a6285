import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { Problem } from '../base/errors.ts'
import { CallProblem, notTheCallers, problemOf } from './call-problem.ts'

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

test('a failed call throws a Problem with what the envelope says (R-BODY-5)', () => {
  const details = [{ field: 'items[0].quantity', message: 'must be at least 1' }]
  const message = 'The request is not valid'
  const error = problemOf('orders.products.get', {
    status: 400,
    headers: { 'retry-after': '7' },
    body: JSON.stringify({ error: { code: 'VALIDATION_ERROR', message, details, requestId: 'r-1' } }),
  })
  expect(error).toBeInstanceOf(Problem)
  expect({ ...error }).toMatchObject({
    code: 'VALIDATION_ERROR',
    details,
    retryAfterS: 7,
    status: 400,
    stage: 'answered',
    requestId: 'r-1',
    operation: 'orders.products.get',
  })
  expect(error.message).toBe(message)
})

test.each([
  [401, 'UNAUTHENTICATED'],
  [404, 'NOT_FOUND'],
  [429, 'RATE_LIMITED'],
  [500, 'BAD_GATEWAY'],
  [502, 'BAD_GATEWAY'],
  [503, 'SERVICE_UNAVAILABLE'],
  [504, 'GATEWAY_TIMEOUT'],
])('status %i from something that is not Lintel is %s', (status, code) => {
  for (const body of [undefined, '<html>', '{"error":"no"}'])
    expect(problemOf('orders.products.get', { status, headers: {}, body })).toMatchObject({ code, status })
})

test('a retry-after that is a date counts from now', () => {
  const headers = { 'retry-after': new Date(Date.now() + 5_000).toUTCString() }
  const { retryAfterS } = problemOf('orders.products.get', { status: 503, headers, body: undefined })
  expect(retryAfterS).toBeGreaterThanOrEqual(4)
  expect(retryAfterS).toBeLessThanOrEqual(5)
})

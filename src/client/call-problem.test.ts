import { expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { problemOf } from './call-problem.ts'

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

import { beforeEach, describe, expect, test } from 'vitest'
import { Problem } from '../base/errors.ts'
import { problem } from '../contract/problem.ts'
import { type ProblemContext, problemAnswer } from './problem-answer.ts'

let logged: { level: string; about: object; message: string }[]
let context: ProblemContext

beforeEach(() => {
  logged = []
  context = {
    requestId: 'req_1',
    accept: undefined,
    problems: undefined,
    allow: 'GET, HEAD, OPTIONS',
    log: {
      warn: (about, message) => logged.push({ level: 'warn', about, message }),
      error: (about, message) => logged.push({ level: 'error', about, message }),
    },
  }
})

function answer(error: unknown, more: Partial<ProblemContext> = {}) {
  const { status, headers, body } = problemAnswer(error, { ...context, ...more })
  const pairs = Array.from({ length: headers.length / 2 }, (_, i) => [headers[2 * i], headers[2 * i + 1]])
  return { status, headers: Object.fromEntries(pairs) as Record<string, string>, body: JSON.parse(body) }
}

describe('R-BODY-5: the envelope', () => {
  test('has the code, its usual message and the request id, and details only where a field is at fault', () => {
    const { status, headers, body } = answer(new Problem('NOT_FOUND'))
    expect(status).toBe(404)
    expect(headers['content-type']).toBe('application/json; charset=utf-8')
    expect(body).toEqual({ error: { code: 'NOT_FOUND', message: 'Not found', requestId: 'req_1' } })
  })

  test('names every faulty field', () => {
    const details = [
      { field: 'email', message: 'is missing' },
      { field: 'items[0].quantity', message: 'must be at least 1' },
    ]
    expect(answer(new Problem('VALIDATION_ERROR', undefined, { details })).body.error.details).toEqual(details)
  })

  test('a message of its own replaces the usual one', () => {
    expect(answer(new Problem('FORBIDDEN', 'Only admins may')).body.error.message).toBe('Only admins may')
    expect(answer(new Problem('FORBIDDEN', '')).body.error.message).toBe('You do not have permission to do this')
  })

  test('is never kept by a cache, and differs by Accept', () => {
    expect(answer(new Problem('NOT_FOUND')).headers).toMatchObject({ 'cache-control': 'no-store', vary: 'accept' })
  })
})

describe('statuses', () => {
  test('a problem of the contract’s own has its status and message', () => {
    const problems = { TOO_FULL: problem(409, 'It is full') }
    expect(answer(new Problem('TOO_FULL'), { problems })).toMatchObject({
      status: 409,
      body: { error: { message: 'It is full' } },
    })
  })

  test('R-GW-4: what HTTP itself refuses has codes too', () => {
    expect(answer(new Problem('URI_TOO_LONG')).status).toBe(414)
  })

  test.each(['TOO_FULL', 'constructor', 'toString'])(
    'a problem that no contract names (%s) is a 500, and is logged',
    (code) => {
      const { status, body } = answer(new Problem(code, 'inner secret'))
      expect(status).toBe(500)
      expect(body.error).toEqual({
        code: 'INTERNAL_ERROR',
        message: 'Internal server error',
        requestId: 'req_1',
      })
      expect(logged).toMatchObject([
        { level: 'error', about: { err: { code } }, message: expect.stringContaining(code) },
      ])
    },
  )

  test.each([new Error('password=hunter2'), 'a string', undefined, null])(
    'R-REST-4: anything else (%s) is a 500 that tells the caller nothing and the log all',
    (error) => {
      const { status, body } = answer(error)
      expect(status).toBe(500)
      expect(JSON.stringify(body)).not.toContain('hunter2')
      expect(logged).toEqual([{ level: 'error', about: { err: error }, message: 'Request failed' }])
    },
  )

  test('why an upstream failed goes to the log; why a token was refused does not', () => {
    const cause = new Error('connect ECONNREFUSED')
    expect(answer(new Problem('SERVICE_UNAVAILABLE', undefined, { cause })).body.error.message).not.toContain(
      'ECONNREFUSED',
    )
    expect(logged).toMatchObject([{ level: 'warn', about: { err: cause, code: 'SERVICE_UNAVAILABLE' } }])
    answer(new Problem('INVALID_TOKEN', undefined, { cause }))
    expect(logged).toHaveLength(1)
  })
})

describe('R-REST-4: headers that a status asks for', () => {
  test.each([
    ['UNAUTHENTICATED', 'Bearer'],
    ['INVALID_CREDENTIALS', 'Bearer'],
    ['INVALID_TOKEN', 'Bearer error="invalid_token"'],
    ['TOKEN_EXPIRED', 'Bearer error="invalid_token"'],
  ])('401 %s has WWW-Authenticate: %s', (code, challenge) => {
    expect(answer(new Problem(code))).toMatchObject({ status: 401, headers: { 'www-authenticate': challenge } })
  })

  test('405 has Allow', () => {
    expect(answer(new Problem('METHOD_NOT_ALLOWED')).headers.allow).toBe('GET, HEAD, OPTIONS')
    expect(answer(new Problem('NOT_FOUND')).headers.allow).toBeUndefined()
  })

  test.each([
    ['SERVICE_UNAVAILABLE', undefined, '1'],
    ['RATE_LIMITED', undefined, '1'],
    ['RATE_LIMITED', 12.2, '13'],
    ['IDEMPOTENCY_IN_PROGRESS', undefined, '1'],
    ['IDEMPOTENCY_IN_PROGRESS', 0, '1'],
    ['VERSION_CONFLICT', undefined, undefined],
  ])('%s with %s s has Retry-After: %s', (code, retryAfterS, expected) => {
    const thrown = new Problem(code, undefined, retryAfterS === undefined ? {} : { retryAfterS })
    expect(answer(thrown).headers['retry-after']).toBe(expected)
  })
})

describe('R-BODY-5: RFC 9457', () => {
  test.each([
    ['application/problem+json', true],
    ['Application/Problem+JSON', true],
    ['application/json, application/problem+json', true],
    ['application/problem+json;q=0.8, */*;q=0.1', true],
    ['application/json, application/problem+json;q=0.5', false],
    ['application/problem+json;q=0', false],
    ['application/json', false],
    ['*/*', false],
    ['application/problem+json;q=0.5, */*', false],
    ['application/problem+json;q=0.5, application/*;q=0.4, */*', true],
    ['text/html;x="application/problem+json"', false],
    ['text/html;x=", application/problem+json"', false],
    ['application/problem+json;profile="a;q=0"', true],
  ])('with Accept: %s is %s', (accept, asked) => {
    const { headers } = answer(new Problem('NOT_FOUND'), { accept })
    expect(headers['content-type'] === 'application/problem+json').toBe(asked)
  })

  test('says the same as the envelope, in its own members', () => {
    const details = [{ field: 'email', message: 'is missing' }]
    const { status, body } = answer(new Problem('VALIDATION_ERROR', 'Look again', { details }), {
      accept: 'application/problem+json',
    })
    expect(status).toBe(400)
    expect(body).toEqual({
      type: 'urn:problem-type:lintel:VALIDATION_ERROR',
      title: 'The request is not valid',
      status: 400,
      detail: 'Look again',
      code: 'VALIDATION_ERROR',
      details,
      requestId: 'req_1',
    })
  })
})

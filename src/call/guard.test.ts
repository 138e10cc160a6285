import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ANONYMOUS } from '../auth/caller.ts'
import { CallProblem } from '../client/call-problem.ts'
import type { BreakerState } from '../resilience/circuit-breaker.ts'
import { Deadline, NO_DEADLINE } from '../resilience/deadline.ts'
import type { Call, Context, Port, Reply } from './call.ts'
import { CalledContext, OwnContext } from './context.ts'
import { type GuardOptions, guard } from './guard.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const OPERATION = 'users.users.get'
const OK: Reply = { status: 200, headers: {}, body: '{}' }

function call(asked: Partial<Call> = {}, context: Context = new OwnContext()): Call {
  return {
    operation: OPERATION,
    method: 'GET',
    version: 1,
    params: [],
    query: [],
    path: '/v1/users/me',
    body: undefined,
    contentType: undefined,
    ifMatch: undefined,
    ifNoneMatch: undefined,
    idempotencyKey: undefined,
    context,
    ...asked,
  }
}

type Stage = CallProblem['stage']
const failing =
  (status: number, code: string, stage: Stage = 'answered', retryAfterS?: number) =>
  () =>
    Promise.reject(
      new CallProblem(OPERATION, status, code, '', { stage, ...(retryAfterS !== undefined && { retryAfterS }) }),
    )
const lost = failing(503, 'SERVICE_UNAVAILABLE', 'lost')
const never: Port = () => new Promise<never>(() => {})

/** Behaves as it is told to, one time after the other, the last for ever, and remembers what it was asked. */
function guarded(behaviours: Port[], options: GuardOptions = {}) {
  const asked: Call[] = []
  const port = guard((one) => {
    asked.push(one)
    return behaviours[Math.min(asked.length, behaviours.length) - 1]!(one)
  }, options)
  return { asked, port }
}

/** What comes of it, with all the time that it needs. */
async function outcome(reply: Promise<Reply>): Promise<unknown> {
  const settled = reply.catch((error) => error)
  await vi.advanceTimersByTimeAsync(20_000)
  return settled
}

test.each([
  ['a GET whose answer was lost', {}, lost],
  ['a HEAD', { method: 'HEAD' }, lost],
  ['a POST with a key', { method: 'POST', idempotencyKey: 'k' }, lost],
  ['after 429', {}, failing(429, 'RATE_LIMITED')],
  ['after 503', {}, failing(503, 'SERVICE_UNAVAILABLE')],
  ['while its first request runs', { method: 'POST', idempotencyKey: 'k' }, failing(409, 'IDEMPOTENCY_IN_PROGRESS')],
  ['a PUT of which nothing was sent', { method: 'PUT' }, failing(503, 'SERVICE_UNAVAILABLE', 'unsent')],
])('R-GW-3: %s is tried again', async (_, asked, behaviour) => {
  const { port, asked: seen } = guarded([behaviour, async () => OK], { breaker: false })
  expect(await outcome(port(call(asked)))).toBe(OK)
  expect(seen).toHaveLength(2)
})

test.each([
  ['a POST without a key', { method: 'POST' }, lost],
  ['FC-79: a PUT', { method: 'PUT', idempotencyKey: 'k' }, lost],
  ['FC-79: a DELETE', { method: 'DELETE' }, failing(503, 'SERVICE_UNAVAILABLE')],
  ['what another try cannot better', {}, failing(404, 'NOT_FOUND')],
  ['a bug', {}, failing(500, 'INTERNAL_ERROR')],
  ['the mistake of who calls', {}, () => Promise.reject(new TypeError('no header can hold it'))],
])('R-GW-3: %s is sent once', async (_, asked, behaviour) => {
  const { port, asked: seen } = guarded([behaviour, async () => OK])
  expect(await outcome(port(call(asked)))).toBeInstanceOf(Error)
  expect(seen).toHaveLength(1)
})

test('R-CALL-3: when everything fails, retries are a tenth of the calls, and ten at first', async () => {
  const { port, asked } = guarded([lost], { breaker: false, retryBudget: { minPerSecond: 0 } })
  for (let i = 0; i < 200; i++) await outcome(port(call()))
  expect(asked.length).toBeGreaterThan(200 + 10)
  expect(asked.length).toBeLessThanOrEqual(200 + 10 + 20)
})

test('R-CALL-3: a service that is seldom called has its retries too, long after the ten at first', async () => {
  const { port, asked } = guarded([lost], { breaker: false, maxAttempts: 2 })
  for (let i = 0; i < 50; i++) await outcome(port(call()))
  expect(asked).toHaveLength(100)
})

test('R-CALL-3: retries end with the time of the call, and the last failure stands', async () => {
  const { port, asked } = guarded([failing(503, 'SERVICE_UNAVAILABLE', 'answered', 2)])
  expect(await outcome(port(call()))).toMatchObject({ status: 503, retryAfterS: 2 })
  expect(asked).toHaveLength(1)
})

test('R-CALL-3: a call that takes longer than a second is GATEWAY_TIMEOUT, and what is called is told', async () => {
  const { port, asked } = guarded([never])
  const begun = performance.now()
  const settled = port(call()).catch((error) => error)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await settled).toMatchObject({
    code: 'GATEWAY_TIMEOUT',
    stage: 'lost',
    message: 'users.users.get did not respond within 1000 ms',
  })
  expect(performance.now() - begun).toBe(1_000)
  expect(asked[0]!.context.signal.aborted).toBe(true)
  expect(vi.getTimerCount()).toBe(0)
})

test('R-P-7: what is left of the deadline of the request is passed on, and no more is waited for', async () => {
  const { port, asked } = guarded([never])
  const request = new CalledContext(new OwnContext(), { deadline: Deadline.after(300) })
  const settled = port(call({}, request)).catch((error) => error)
  await vi.advanceTimersByTimeAsync(100)
  expect(Math.round(asked[0]!.context.deadline.remainingMs())).toBe(200)
  await vi.advanceTimersByTimeAsync(200)
  expect(await settled).toMatchObject({ code: 'GATEWAY_TIMEOUT' })
  // Nothing is sent for a request whose time is over.
  expect(await outcome(port(call({}, request)))).toMatchObject({ code: 'GATEWAY_TIMEOUT', stage: 'unsent' })
  expect(asked).toHaveLength(1)
})

test('R-P-7: the call belongs to the request: its id, trace, log and signal go with it', async () => {
  const { port, asked } = guarded([never])
  const gone = new AbortController()
  const request: Context = {
    requestId: 'r-1',
    trace: { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', flags: '01', state: undefined },
    caller: ANONYMOUS,
    deadline: NO_DEADLINE,
    signal: gone.signal,
    log: new OwnContext().log,
  }
  const settled = port(call({}, request)).catch((error) => error)
  const { requestId, trace, log, signal } = asked[0]!.context
  expect([requestId, trace, log]).toEqual([request.requestId, request.trace, request.log])
  gone.abort(new Error('gone'))
  expect(await settled).toMatchObject({ message: 'gone' })
  expect(signal.aborted).toBe(true)
})

test('R-CALL-3: the breaker opens when half of the calls fail, half-opens, and closes when one succeeds', async () => {
  let behaviour: Port = failing(502, 'BAD_GATEWAY')
  const { port, asked } = guarded([(one) => behaviour(one)])
  for (let i = 0; i < 5; i++) await port(call()).catch(() => {})
  expect(port.state().breaker).toBe('open')
  await expect(port(call())).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    stage: 'unsent',
    retryAfterS: 0.25,
    message: 'users.users.get was not called: its circuit breaker is open',
  })
  expect(asked).toHaveLength(5)

  await vi.advanceTimersByTimeAsync(250)
  behaviour = never
  const probe = port(call()).catch(() => {})
  expect(port.state().breaker).toBe('half-open')
  await expect(port(call())).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  await vi.advanceTimersByTimeAsync(1_000)
  await probe
  expect(port.state().breaker).toBe('open')

  await vi.advanceTimersByTimeAsync(1_000)
  behaviour = async () => OK
  expect(await port(call())).toBe(OK)
  expect(port.state()).toEqual({ breaker: 'closed', pending: 0 })
})

test('R-CALL-3: a call that is late because it had less time than usual says nothing of what is called', async () => {
  const hurried = () => new CalledContext(new OwnContext(), { deadline: Deadline.after(300) })
  const { port } = guarded([never, failing(504, 'GATEWAY_TIMEOUT')])
  for (let i = 0; i < 20; i++) expect(await outcome(port(call({}, hurried())))).toMatchObject({ status: 504 })
  expect(port.state().breaker).toBe('closed')
  for (let i = 0; i < 5; i++) await port(call()).catch(() => {})
  expect(port.state().breaker).toBe('open')

  const { port: bounded } = guarded([never])
  const most = () => new CalledContext(new OwnContext(), { deadline: Deadline.after(800) })
  const late = Array.from({ length: 5 }, () => bounded(call({}, most())).catch(() => {}))
  await vi.advanceTimersByTimeAsync(800)
  await Promise.all(late)
  expect(bounded.state().breaker).toBe('open')
})

test('R-CALL-3: nobody there opens the breaker at once; what it answers, and who goes away, does not', async () => {
  const answering = guarded([failing(404, 'NOT_FOUND')]).port
  for (let i = 0; i < 20; i++) await answering(call()).catch(() => {})
  expect(answering.state().breaker).toBe('closed')
  const leaving = guarded([never]).port
  for (let i = 0; i < 20; i++) {
    const gone = new AbortController()
    const left = leaving(call({}, new OwnContext(gone.signal))).catch(() => {})
    gone.abort()
    await left
  }
  expect(leaving.state()).toEqual({ breaker: 'closed', pending: 0 })
  const away = guarded([failing(503, 'SERVICE_UNAVAILABLE', 'unsent')]).port
  expect(await outcome(away(call()))).toMatchObject({ status: 503 })
  expect(away.state().breaker).toBe('open')
})

test('R-CALL-3: what has breakers of its own decides alone: nothing is held back here, and nothing repeated while nobody takes calls', async () => {
  let kind: BreakerState['kind'] = 'closed'
  const { port, asked } = guarded([failing(503, 'SERVICE_UNAVAILABLE', 'unsent')], { breaker: () => kind })
  for (let i = 0; i < 10; i++) await outcome(port(call()))
  expect(asked.length).toBeGreaterThan(10)
  kind = 'open'
  const before = asked.length
  await expect(port(call())).rejects.toMatchObject({ stage: 'unsent' })
  expect([asked.length - before, port.state().breaker]).toEqual([1, 'open'])
})

test('R-OPS-5: one call more than may be under way is a 503 at once', async () => {
  const { port, asked } = guarded([never], { maxPending: 2 })
  const both = [port(call()), port(call())].map((one) => one.catch((error) => error))
  await expect(port(call())).rejects.toMatchObject({
    code: 'SERVICE_UNAVAILABLE',
    stage: 'unsent',
    retryAfterS: 1,
    message: 'users.users.get was not called: 2 calls are under way',
  })
  expect([asked.length, port.state().pending]).toEqual([2, 2])
  await vi.advanceTimersByTimeAsync(1_000)
  await Promise.all(both)
  expect(port.state().pending).toBe(0)
})

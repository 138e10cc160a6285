import { fileURLToPath } from 'node:url'
import { expect, inject, onTestFinished, test } from 'vitest'
import { testSystem } from '../src/testing/system.ts'
import calling from './calling/system.ts'
import { launcher } from './system-process.ts'

const { launch, folder } = launcher()
const SYSTEM = fileURLToPath(new URL('./calling/system.ts', import.meta.url))

test('FC-77 R-P-8: a failure of a service that was called is not the client’s, unless the handler says so; the log has the original', {
  timeout: 60_000,
}, async () => {
  const system = launch('lintel', { args: ['--system', SYSTEM, 'start'], env: { LINTEL_DATA_DIR: await folder() } })
  const url = await system.url()
  const ask = async (path: string, code: string) => {
    const answer = await fetch(`${url}/${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'x-request-id': `${path}-${code}` },
      body: JSON.stringify({ code }),
    })
    const { error } = (await answer.json()) as { error: { code: string; message: string } }
    return { status: answer.status, retryAfter: answer.headers.get('retry-after'), ...error }
  }
  const badGateway = { status: 502, code: 'BAD_GATEWAY', message: 'An upstream service failed' }
  for (const [code, answer] of [
    ['UNAUTHENTICATED', badGateway],
    ['VALIDATION_ERROR', badGateway],
    ['RATE_LIMITED', badGateway],
    ['NOT_FOUND', badGateway],
    ['OOPS', badGateway],
    ['SERVICE_UNAVAILABLE', { status: 503, code: 'SERVICE_UNAVAILABLE', retryAfter: '1' }],
    ['HANGS', { status: 504, code: 'GATEWAY_TIMEOUT' }],
  ] as const) {
    const seen = await ask('questions', code)
    expect(seen).toMatchObject(answer)
    expect(JSON.stringify(seen)).not.toContain('people say')
    expect(seen).not.toHaveProperty('details')
  }
  expect(await ask('translations', 'NOT_FOUND')).toMatchObject({ status: 409, code: 'NO_BUYER' })
  expect(await ask('translations', 'HANGS')).toMatchObject({ status: 504, code: 'GATEWAY_TIMEOUT' })
  expect(await ask('translations', 'UNAUTHENTICATED')).toMatchObject(badGateway)

  expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
    /^lintel_circuit_breaker_state\{caller="shop",called="people"\} 0$/m,
  )
  await system.line(/"requestId":"translations-UNAUTHENTICATED".*"msg":"request"/)
  const warned = new Map(
    system.lines.map((line) => JSON.parse(line)).flatMap((line) => (line.level === 40 ? [[line.requestId, line]] : [])),
  )
  for (const code of ['UNAUTHENTICATED', 'VALIDATION_ERROR', 'RATE_LIMITED', 'NOT_FOUND', 'SERVICE_UNAVAILABLE'])
    expect(warned.get(`questions-${code}`)).toMatchObject({
      operation: 'shop.ask',
      err: { code, operation: 'people.fail', message: expect.stringContaining('as people say') },
    })
  expect(warned.get('questions-OOPS')).toMatchObject({ err: { code: 'INTERNAL_ERROR', operation: 'people.fail' } })
  const late = (ms: RegExp) => ({
    err: { code: 'GATEWAY_TIMEOUT', operation: 'people.fail', message: expect.stringMatching(ms) },
  })
  expect(warned.get('questions-HANGS')).toMatchObject(late(/within 1000 ms$/))
  // R-CALL-3: less than a second where the handler says so.
  expect(warned.get('translations-HANGS')).toMatchObject(late(/within [12]?\d?\d ms$|within 300 ms$/))
})

test('R-CALL-3: the breaker of a service’s calls opens, is seen in health and metrics, and closes by a call that succeeds', async () => {
  const running = await testSystem(calling, inject('databaseServer'))
  onTestFinished(() => running.stop())
  const { url } = running
  const ask = (code: string) =>
    fetch(`${url}/questions`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    })
  const seen = async () => {
    const health = (await (await fetch(`${url}/health`)).json()) as { status: string; checks: Record<string, object> }
    const [, state] = /^lintel_circuit_breaker_state\{.*\} (\d)$/m.exec(await (await fetch(`${url}/metrics`)).text())!
    return { status: health.status, check: health.checks['shop.calls.people'], state }
  }
  for (let i = 0; i < 5; i++) expect((await ask('SERVICE_UNAVAILABLE')).status).toBe(503)
  expect(await seen()).toMatchObject({
    status: 'degraded',
    check: { status: 'down', breaker: 'open', message: 'shop: most calls of people fail' },
    state: '2',
  })
  await expect.poll(async () => (await ask('NONE')).status, { timeout: 10_000 }).toBe(200)
  await expect.poll(seen, { timeout: 10_000 }).toEqual({
    status: 'healthy',
    check: { status: 'up', breaker: 'closed' },
    state: '0',
  })
})

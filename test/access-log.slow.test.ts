import { expect, test } from 'vitest'
import { launcher, post } from './system-process.ts'

const { launch, folder } = launcher()

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const lines = (all: readonly string[]) =>
  all.flatMap((line) => {
    const parsed = JSON.parse(line) as Record<string, unknown>
    return parsed.msg === 'request' ? [parsed] : []
  })

test('R-OPS-3 R-REST-7: a line per request, with its template, status, request id and trace id, and no path or query', {
  timeout: 180_000,
}, async () => {
  const env = { LINTEL_DATA_DIR: await folder(), LINTEL_ADMIN_EMAIL: 'ann@example.com' }
  const system = launch('lintel', { args: ['start'], env: { ...env, LINTEL_ADMIN_PASSWORD: 'long enough to be good' } })
  const url = await system.url()
  const headers = { 'x-request-id': 'mine', traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }
  await fetch(`${url}/products?q=secret`, { headers })
  await system.line(/"requestId":"mine"/)
  const about = { level: 30, time: expect.any(String), ms: expect.any(Number), msg: 'request' }
  expect(lines(system.lines)).toEqual([
    { ...about, method: 'GET', template: '/products', status: 200, requestId: 'mine', traceId: TRACE },
  ])

  const login = await post(`${url}/auth/login`, { email: 'ann@example.com', password: 'long enough to be good' })
  const { accessToken } = (await login.json()) as { accessToken: string }
  const me = await fetch(`${url}/users/me`, {
    headers: { authorization: `Bearer ${accessToken}`, 'x-request-id': 'me' },
  })
  const { id } = (await me.json()) as { id: string }
  await system.line(/"requestId":"me"/)
  expect(lines(system.lines).at(-1)).toMatchObject({
    template: '/users/{id}',
    caller: id,
    traceId: expect.stringMatching(/^[\da-f]{32}$/),
  })

  await fetch(`${url}/nothing/secret`, { headers: { 'x-request-id': 'nothing' } })
  await system.line(/"requestId":"nothing"/)
  expect(lines(system.lines).at(-1)).not.toHaveProperty('template')
  expect(system.lines.join('\n')).not.toContain('secret')

  await fetch(`${url}/health`, { headers: { 'x-request-id': 'probe' } })
  await fetch(`${url}/products`, { method: 'OPTIONS', headers: { 'x-request-id': 'preflight' } })
  await system.line(/"status":200.*"requestId":"probe"/)
  await system.line(/"method":"OPTIONS".*"requestId":"preflight"/)

  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/^lintel_http_requests_total\{operation="orders.products.list",status="200"\} 1$/m)
  expect(metrics).toMatch(/^lintel_http_request_duration_seconds_count\{operation="orders.products.list"\} 1$/m)
})

test.each([
  ['off', []],
  ['errors', [404]],
])('R-OPS-3: ACCESS_LOG=%s', { timeout: 180_000 }, async (ACCESS_LOG, statuses) => {
  const system = launch('lintel', { args: ['start'], env: { LINTEL_DATA_DIR: await folder(), ACCESS_LOG } })
  const url = await system.url()
  await fetch(`${url}/products`)
  await fetch(`${url}/nothing`)
  system.signalGroup('SIGTERM')
  const { stdout } = await system.ended
  expect(lines(stdout.split('\n')).map(({ status }) => status)).toEqual(statuses)
})

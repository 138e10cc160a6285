import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import failing from './failing/system.ts'
import { launcher, type SystemProcess } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

const { launch } = launcher()
const SYSTEM = fileURLToPath(new URL('./failing/system.ts', import.meta.url))

const clones: Record<string, Clone> = {}
beforeAll(async () => {
  const server = inject('databaseServer')
  for (const service of failing.services)
    clones[service.contract.name] = await cloneOf(server, await templateFor(server, service))
})
afterAll(async () => {
  for (const clone of Object.values(clones)) await clone.drop()
})

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const HERE = expect.stringMatching(/test\/failing\/system\.ts:\d+:\d+$/)

const started = (more: Record<string, string> = {}) =>
  launch('lintel', {
    args: ['--system', SYSTEM, 'start'],
    env: {
      ...databaseSettings(Object.fromEntries(Object.entries(clones).map(([name, { url }]) => [name, url]))),
      ...more,
    },
  })

async function put(system: SystemProcess, path: string, signal: AbortSignal | null = null): Promise<Response> {
  return fetch(`${await system.url()}/${path}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      'x-request-id': path,
      traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
    },
    body: path === 'openings' ? '{"slowly":false}' : '{}',
    signal,
  })
}

/** The lines about a request, but for that of the access log, which is there by then. */
async function linesOf(system: SystemProcess, requestId: string): Promise<Record<string, any>[]> {
  await system.line(new RegExp(`"requestId":"${requestId}".*"msg":"request"`))
  return system.lines
    .map((line) => JSON.parse(line))
    .filter((line) => line.requestId === requestId && line.msg !== 'request')
}

test('FC-84 R-OPS-3: a mistake in a handler is logged with operation, statement, place and what to do; the caller gets a 500', async () => {
  const system = started()
  for (const path of ['bad-statements', 'empty-answers', 'wrong-answers', 'unknown-problems']) {
    const answer = await put(system, path)
    expect(answer.status).toBe(500)
    const { error } = (await answer.json()) as { error: object }
    expect(error).toEqual({ code: 'INTERNAL_ERROR', message: expect.any(String), requestId: path })
  }
  await system.line(/"requestId":"unknown-problems".*"msg":"request"/)
  const failures = new Map(
    system.lines.map((line) => JSON.parse(line)).flatMap((line) => (line.level === 50 ? [[line.requestId, line]] : [])),
  )
  expect(failures.get('bad-statements')).toMatchObject({
    traceId: TRACE,
    operation: 'mistakes.badSql',
    statement: 'select * from nowhere where secret = $1',
    position: 15,
    at: HERE,
    err: { message: 'relation "nowhere" does not exist' },
    msg: expect.stringContaining('correct the statement'),
  })
  expect(failures.get('empty-answers')).toMatchObject({
    operation: 'mistakes.nothing',
    at: HERE,
    err: { message: 'the handler of mistakes.nothing returned nothing: return what its contract answers' },
  })
  expect(failures.get('wrong-answers')).toMatchObject({
    operation: 'mistakes.wrong',
    at: HERE,
    err: { message: expect.stringContaining('the answer of mistakes.wrong breaks its contract: done') },
  })
  expect(failures.get('unknown-problems')).toMatchObject({
    operation: 'mistakes.undeclared',
    at: HERE,
    msg: 'The problem OOPS is in no contract: declare it among the problems of the service',
  })
  expect(system.lines.join('\n')).not.toContain('canary')
})

test('FC-84 R-BODY-7: in production an answer without a member that its contract requires has one line for its operation', async () => {
  const system = started({ NODE_ENV: 'production' })
  for (let i = 0; i < 2; i++) {
    const answer = await put(system, 'misspelt-answers')
    expect([answer.status, await answer.json()]).toEqual([200, { done: null }])
  }
  const lines = await linesOf(system, 'misspelt-answers')
  expect(lines).toEqual([
    expect.objectContaining({
      level: 40,
      operation: 'mistakes.misspelt',
      at: HERE,
      msg: expect.stringMatching(/^the answer of mistakes\.misspelt breaks its contract: done must not be null/),
    }),
  ])
})

test.each([
  ['slow-statements', 'mistakes.slow'],
  ['slow-reads', 'mistakes.slowRead'],
])(
  'R-OPS-3: the line about a 504 of %s names operation, the statement under way, how long it took and where it was asked for',
  async (path, name) => {
    const system = started()
    expect((await put(system, path)).status).toBe(504)
    await system.line(/did not finish/)
    const [line, ...more] = await linesOf(system, path)
    expect(more).toEqual([])
    expect(line).toMatchObject({
      level: 40,
      traceId: TRACE,
      operation: name,
      statement: 'select pg_sleep($1)',
      statementMs: expect.any(Number),
      at: HERE,
      code: 'GATEWAY_TIMEOUT',
      msg: `${name} did not finish within 900 ms`,
    })
    expect(line).not.toHaveProperty('err')
    expect(line!.statementMs).toBeGreaterThan(100)
  },
)

test('R-OPS-3: a write that hangs is logged even if its client has left, and the lines of its own log carry the trace', async () => {
  const system = started()
  const leaving = new AbortController()
  const left = put(system, 'hangs', leaving.signal).catch(() => 'left')
  await system.line(/"msg":"it hangs"/)
  leaving.abort()
  expect(await left).toBe('left')
  await system.line(/did not finish/)
  const [own, late, ...more] = await linesOf(system, 'hangs')
  expect(more).toEqual([])
  expect(own).toMatchObject({ level: 30, traceId: TRACE, msg: 'it hangs' })
  expect(late).toMatchObject({ level: 40, traceId: TRACE, operation: 'mistakes.hang', code: 'GATEWAY_TIMEOUT' })
})

test('R-P-8 R-OPS-3: the crash of a service that was called is logged once, where it happened, whatever its caller makes of it', async () => {
  const system = started()
  for (const [path, status] of [
    ['hidden-failures', 200],
    ['passed-failures', 502],
  ] as const) {
    expect((await put(system, path)).status).toBe(status)
    const lines = await linesOf(system, path)
    const crashes = lines.filter((line) => JSON.stringify(line).includes('inner crash'))
    expect(crashes).toMatchObject([
      { level: 50, traceId: TRACE, operation: 'vaults.open', at: HERE, err: { message: 'inner crash' } },
    ])
    expect(lines.filter((line) => !crashes.includes(line))).toMatchObject(
      status === 200
        ? []
        : [{ level: 40, operation: 'mistakes.pass', err: { operation: 'vaults.open', code: 'INTERNAL_ERROR' } }],
    )
  }
})

test('R-OPS-3: a called service that is late logs its statement and place, and its caller logs a line too', async () => {
  const system = started()
  expect((await put(system, 'passed-hangs')).status).toBe(504)
  // Its work is ended by a watch that looks every 50 ms, which may be after its caller was answered.
  await system.line(/vaults\.open did not finish/)
  const lines = await linesOf(system, 'passed-hangs')
  expect(lines).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ level: 40, operation: 'vaults.open', statement: 'select pg_sleep($1)', at: HERE }),
      expect.objectContaining({
        level: 40,
        operation: 'mistakes.passSlow',
        err: expect.objectContaining({ operation: 'vaults.open' }),
      }),
    ]),
  )
  expect(lines.length).toBe(2)
})

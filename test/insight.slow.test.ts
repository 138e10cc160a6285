import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { openDatabase } from '../src/data/pool.ts'
import { type Clone, cloneOf, templateFor } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import { launcher, post, type SystemProcess, until } from './system-process.ts'
import traced from './traced/system.ts'

vi.setConfig({ testTimeout: 60_000 })

const { launch, run } = launcher()
const SYSTEM = fileURLToPath(new URL('./traced/system.ts', import.meta.url))
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

const clones = new Map<string, Clone>()
let databases: Record<string, string>
beforeAll(async () => {
  const server = inject('databaseServer')
  for (const service of traced.services)
    clones.set(service.contract.name, await cloneOf(server, await templateFor(server, service)))
  databases = databaseSettings(Object.fromEntries([...clones].map(([name, { url }]) => [name, url])))
})
afterAll(async () => {
  for (const clone of clones.values()) await clone.drop()
})

const started = (env: Record<string, string> = {}) =>
  launch('lintel', { args: ['--system', SYSTEM, 'start'], env: { ...databases, ...env } })

/** Says a word in a trace of ours. */
async function speak(system: SystemProcess, requestId: string, text: string): Promise<void> {
  const headers = { 'x-request-id': requestId, traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'theirs=1' }
  expect((await post(`${await system.url()}/words`, { text }, headers)).status).toBe(201)
}

/** The first line of a request that matches. */
async function lineOf(system: SystemProcess, requestId: string, msg: string): Promise<Record<string, unknown>> {
  const [line] = await system.line(new RegExp(`.*"requestId":"${requestId}".*"msg":"${msg}.*`))
  return JSON.parse(line)
}

test('R-OPS-3 R-EVT-6: one request id and one trace id from the socket to the line of the consumer and to the events that it emits', async () => {
  const system = started()
  await speak(system, 'mine', 'hello')
  expect(await lineOf(system, 'mine', 'a word was heard')).toMatchObject({
    traceId: TRACE,
    service: 'listeners',
    consumer: 'listeners.words',
    event: expect.stringMatching(/^evt_/),
    type: 'word.created',
  })
  expect(await lineOf(system, 'mine', 'request')).toMatchObject({ traceId: TRACE, template: '/words' })
  for (const [service, actor] of [
    ['speakers', undefined],
    ['listeners', 'service:listeners'],
  ] as const)
    expect(await headersIn(service, 'mine')).toEqual({
      requestId: 'mine',
      traceparent: expect.stringMatching(new RegExp(`^00-${TRACE}-(?!${PARENT})[\\da-f]{16}-01$`)),
      tracestate: 'theirs=1',
      ...(actor && { actor }),
    })
})

test('R-OPS-3: one request id and one trace id from the socket to the SQL line of another service and to the consumer’s line', async () => {
  const system = started({ LOG_LEVEL: 'debug' })
  await speak(system, 'traced', 'canary')
  await lineOf(system, 'traced', 'request')
  await system.line(/"database":"listeners","statement":"insert into lintel.outbox.*"requestId":"traced"/)
  const all = system.lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const sql = all.filter(({ msg, requestId }) => msg === 'SQL statement' && requestId === 'traced')
  expect(new Set(sql.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]))
  const heading = ({ database, statement, rows }: Record<string, unknown>) =>
    `${database}: ${String(statement).split(' ').slice(0, 3).join(' ')} (${rows})`
  const headings = sql.map(heading).filter((text) => !text.includes('begin') && !text.includes('commit'))
  // The order of what two connections do at once is nobody's.
  expect(headings.map((text) => text.replace(/ \(\d+\)$/, '')).sort()).toEqual(
    [
      'listeners: insert into notes',
      'listeners: insert into lintel.outbox',
      'listeners: savepoint attempt',
      'listeners: select "id", "text",',
      'listeners: update lintel.inbox set',
      'speakers: insert into lintel.outbox',
      'speakers: insert into words',
    ].sort(),
  )
  expect(headings).toContain('speakers: insert into words (1)')
  for (const line of sql) expect(line).toMatchObject({ level: 20, ms: expect.any(Number) })
  expect(all.some(({ msg, requestId }) => msg === 'SQL statement' && requestId === undefined)).toBe(true)
  expect(system.lines.filter((line) => line.includes('SQL')).join('\n')).not.toContain('canary')
})

test('R-OPS-3: at the level info there is no line per statement', async () => {
  const system = started()
  await speak(system, 'quiet', 'hello')
  await lineOf(system, 'quiet', 'a word was heard')
  expect(system.lines.filter((line) => line.includes('SQL statement'))).toEqual([])
})

test('R-OPS-3 R-EVT-6: a handler that fails is logged, and kept as a dead letter, with the request that caused its event', async () => {
  const system = started()
  await speak(system, 'failing', 'fail')
  for (const [level, msg] of [
    [40, 'event handler failed'],
    [50, 'event moved to dead letters'],
  ] as const)
    expect(await lineOf(system, 'failing', msg)).toMatchObject({ level, traceId: TRACE, event: expect.any(String) })
  const { event } = await lineOf(system, 'failing', 'event moved')
  const { stdout } = await run('lintel', {
    args: ['--system', SYSTEM, 'events', 'dead', 'show', String(event)],
    env: { LOG_LEVEL: 'fatal', ...databases },
  })
  expect(JSON.parse(stdout).headers).toMatchObject({ requestId: 'failing', tracestate: 'theirs=1' })
})

test('R-EVT-6: an event that was written by SQL, without headers, is handled under its own id', async () => {
  const database = openDatabase('test', clones.get('speakers')!.url)
  await database.query(
    `insert into lintel.outbox (id, type, aggregate_id, data, headers)
     select gen_random_uuid(), 'word.created', id, json_build_object('id', id, 'text', 'by SQL', 'version', 1,
       'createdAt', '2026-01-01T00:00:00.000Z', 'updatedAt', '2026-01-01T00:00:00.000Z'), headers
     from (values (lintel.typeid('wrd', gen_random_uuid()), null), (lintel.typeid('wrd', gen_random_uuid()), '["strange"]'::json)) one (id, headers)`,
  )
  await database.close()
  const system = started()
  const heard = /.*"event":"(evt_\w+)","type":"word.created","requestId":"\1","msg":"a word was heard".*/
  await until(() => system.lines.filter((line) => heard.test(line)).length === 2)
})

/** Headers of the event that a request has caused in a service. */
async function headersIn(service: string, requestId: string): Promise<unknown> {
  const database = openDatabase('test', clones.get(service)!.url)
  const [row] = await database.query<{ headers: unknown }>(
    `select headers from lintel.outbox where headers->>'requestId' = $1`,
    [requestId],
  )
  await database.close()
  return row?.headers
}

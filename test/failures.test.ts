import { afterAll, beforeAll, expect, test } from 'vitest'
import { Problem } from '../src/base/errors.ts'
import { operation, problem, resource, service, t } from '../src/contract/index.ts'
import type { Handlers } from '../src/service/handler.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const Tea = resource('tea', {
  id: 'tea',
  fields: { name: t.text({ max: 20 }) },
  requireVersion: true,
  access: { get: 'public', create: 'public', replace: 'public', update: 'public', delete: 'public' },
})
const contract = service('failures', {
  resources: { teas: Tea },
  operations: {
    fail: operation({
      method: 'GET',
      path: '/failures/{kind}',
      access: 'public',
      answer: { name: t.text() },
      problems: ['TEAPOT_EMPTY', 'LEAVES_SPENT'],
    }),
    attempt: operation({ method: 'POST', path: '/attempts/{kind}', access: 'public', status: 202 }),
  },
  problems: { TEAPOT_EMPTY: problem(409, 'There is no tea left'), LEAVES_SPENT: problem(503, 'The leaves are spent') },
})
const SQL = `create table teas (
  id uuid primary key, name varchar(20) not null check (name <> 'coffee'), version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
)`

const because = { cause: new Error('connect ECONNREFUSED 10.0.0.7:5432 with password hush') }
const FAILURES: Record<string, () => unknown> = {
  bug: () => (undefined as unknown as { leaf: string }).leaf,
  error: () => {
    throw new Error('select * from users where password = hush')
  },
  text: () => {
    throw 'hush'
  },
  nothing: () => {
    throw undefined
  },
  undeclared: () => {
    throw new Problem('COFFEE_ONLY', 'hush')
  },
  inherited: () => {
    throw new Problem('constructor', 'hush')
  },
  own: () => {
    throw new Problem('TEAPOT_EMPTY')
  },
  'own-with-words': () => {
    throw new Problem('TEAPOT_EMPTY', 'No oolong left', { details: [{ field: 'name', message: 'is out' }] })
  },
  'own-unavailable': () => {
    throw new Problem('LEAVES_SPENT')
  },
  'bad-gateway': () => {
    throw new Problem('BAD_GATEWAY', undefined, because)
  },
  unavailable: () => {
    throw new Problem('SERVICE_UNAVAILABLE', undefined, because)
  },
  'unavailable-for-long': () => {
    throw new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: 29.2 })
  },
  timeout: () => {
    throw new Problem('GATEWAY_TIMEOUT', undefined, because)
  },
  limited: () => {
    throw new Problem('RATE_LIMITED', undefined, { retryAfterS: 0 })
  },
}

const handlers: Handlers<typeof contract> = {
  fail: async ({ params }) => FAILURES[params.kind!]?.() as never,
  attempt: async ({ params }) => FAILURES[params.kind!]?.() as never,
}

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, handlers, SQL)
})
afterAll(() => running?.stop())

const get = (kind: string, headers = {}) => send(running.url, 'GET', `/failures/${kind}`, { headers })
const write = (method: string, path: string, body?: unknown) => {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, body === undefined ? {} : { headers, body: JSON.stringify(body) })
}

test.each(['bug', 'error', 'text', 'nothing', 'undeclared', 'inherited'])(
  'R-REST-4: a handler that fails (%s) is a 500 that tells the client nothing but the request’s id',
  async (kind) => {
    for (const reply of [await get(kind), await write('POST', `/attempts/${kind}`)]) {
      expect(reply.status).toBe(500)
      const requestId = reply.headers['x-request-id']
      const message = 'Internal server error'
      expect(reply.body).toEqual({ error: { code: 'INTERNAL_ERROR', message, requestId } })
    }
    const asked = await get(kind, { accept: 'application/problem+json' })
    expect(asked.body).toMatchObject({ status: 500, code: 'INTERNAL_ERROR' })
    expect(asked.text).not.toMatch(/hush/)
  },
)

test.each([
  ['bad-gateway', 502, 'BAD_GATEWAY', undefined],
  ['unavailable', 503, 'SERVICE_UNAVAILABLE', '1'],
  ['unavailable-for-long', 503, 'SERVICE_UNAVAILABLE', '30'],
  ['own-unavailable', 503, 'LEAVES_SPENT', '1'],
  ['timeout', 504, 'GATEWAY_TIMEOUT', undefined],
  ['limited', 429, 'RATE_LIMITED', '1'],
])('R-REST-4: %s is a %i %s with Retry-After %s, and no word of the cause', async (kind, status, code, retryAfter) => {
  const reply = await get(kind)
  expect(reply).toMatchObject({ status, body: { error: { code } } })
  expect(reply.headers['retry-after']).toBe(retryAfter)
  expect(reply.text).not.toMatch(/hush|ECONN/)
})

test('R-BODY-6: a contract adds problems of its own, with the status and the words it gives them', async () => {
  const error = { code: 'TEAPOT_EMPTY', message: 'There is no tea left' }
  expect(await get('own')).toMatchObject({ status: 409, body: { error } })
  const words = { ...error, message: 'No oolong left', details: [{ field: 'name', message: 'is out' }] }
  expect(await get('own-with-words')).toMatchObject({ status: 409, body: { error: words } })
})

test('R-BODY-6: one of them that the operation does not declare is a mistake where answers are checked', async () => {
  expect(await write('POST', '/attempts/own')).toMatchObject({
    status: 500,
    body: { error: { code: 'INTERNAL_ERROR' } },
  })
  expect(await write('POST', '/attempts/limited')).toMatchObject({ status: 429 })
})

test('R-REST-4 R-LOCK-2: a write that must say which version it means, and does not, is a 428', async () => {
  const made = await write('POST', '/teas', { name: 'Assam' })
  const path = `/teas/${made.body.id}`
  for (const [method, body] of [['PUT', { name: 'x' }], ['PATCH', { name: 'x' }], ['DELETE']] as const)
    expect(await write(method, path, body), method).toMatchObject({
      status: 428,
      body: { error: { code: 'PRECONDITION_REQUIRED' } },
    })
  expect((await write('PATCH', path, { name: 'x', version: 1 })).status).toBe(200)
})

test('R-REST-4: what only the database refuses is the caller’s mistake all the same', async () => {
  expect((await write('POST', '/teas', { name: 'coffee' })).status).toBe(422)
})

test('R-BODY-4: an operation whose contract has no body takes none', async () => {
  expect((await write('POST', '/attempts/none')).status).toBe(202)
  expect((await write('POST', '/attempts/none', {})).status).toBe(202)
  const extra = await write('POST', '/attempts/none', { admin: true })
  expect(extra).toMatchObject({ status: 400, body: { error: { details: [{ field: 'admin' }] } } })
  const headers = { 'content-type': 'text/plain' }
  expect((await send(running.url, 'POST', '/attempts/none', { headers, body: 'x' })).status).toBe(415)
  const json = { 'content-type': 'application/json' }
  expect((await send(running.url, 'POST', '/attempts/none', { headers: json, body: '{' })).status).toBe(400)
})

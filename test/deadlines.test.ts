import { afterAll, beforeAll, expect, test } from 'vitest'
import { ANONYMOUS } from '../src/auth/caller.ts'
import { http, portClient } from '../src/call/index.ts'
import { event, operation, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { Deadline, NO_DEADLINE } from '../src/resilience/deadline.ts'
import type { Handlers } from '../src/service/handler.ts'
import { shareOut, USUAL_POOL } from '../src/start/connection-budget.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const contract = service('waits', {
  operations: {
    // Long enough for ten connections to be made, on a machine that does other things too.
    hang: operation({
      method: 'PUT',
      path: '/hangs',
      access: 'public',
      answer: { done: t.boolean() },
      timeoutMs: 2_000,
    }),
    goOn: operation({
      method: 'PUT',
      path: '/readings',
      access: 'public',
      answer: { done: t.boolean() },
      timeoutMs: 300,
    }),
    sleep: operation({
      method: 'PUT',
      path: '/sleeps',
      access: 'public',
      answer: { done: t.boolean() },
      timeoutMs: 3_000,
    }),
    write: operation({ method: 'PUT', path: '/writes', access: 'public', answer: { done: t.boolean() } }),
    tell: operation({
      method: 'PUT',
      path: '/times',
      access: 'public',
      answer: { leftMs: t.integer() },
      timeoutMs: 2_000,
    }),
  },
  buckets: { doors: { maxRequests: 10, windowMs: 60_000 } },
  events: { 'note.made': event({}) },
})

const late: Promise<unknown>[] = []
/** What a unit says that is over. */
const outcomes: unknown[] = []
let goOn!: () => void
const released = new Promise<void>((resolve) => {
  goOn = resolve
})
const handlers: Handlers<typeof contract> = {
  async hang(_, { tx }) {
    await tx.query('insert into notes values (1)')
    await released
    const statement = tx.query('insert into notes values (2)')
    late.push(statement.catch((error) => error))
    await statement
    return { done: true }
  },
  async goOn(_, { tx, read, limit, emit, call, cache }) {
    await tx.query('select 1')
    await released
    const write = () => read.query('insert into notes values (5)')
    const ways: (() => unknown)[] = [
      write,
      () => limit('doors', 'any'),
      () => emit('note.made', 'x', {}),
      () => call(contract),
      () => cache.get('key', {}, async () => 'value'),
      () => cache.invalidate('tag'),
    ]
    for (const way of ways)
      outcomes.push(await new Promise((resolve) => resolve(way())).catch((error) => error.message))
    return { done: true }
  },
  async sleep(_, { tx }) {
    await tx.query('insert into notes values (4)')
    await tx.query('select pg_sleep(14)')
    return { done: true }
  },
  async write(_, { tx }) {
    await tx.query('insert into notes values (3)')
    return { done: true }
  },
  tell: async (_, { deadline }) => ({ leftMs: Math.ceil(deadline.remainingMs()) }),
}

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, handlers, 'create table notes (number integer)')
})
afterAll(() => running?.stop())

test('FC-73 R-P-7: ten handlers that never return are answered with 504, and the pool is whole again', async () => {
  const put = (path: string) => send(running.url, 'PUT', path)
  const answers = await Promise.all(Array.from({ length: 10 }, () => put('/hangs')))
  for (const { status, body } of answers) {
    expect(status).toBe(504)
    expect(body).toMatchObject({ error: { code: 'GATEWAY_TIMEOUT' } })
  }
  // None of them has returned yet: what is free is free for the deadline.
  const writes = await Promise.all(Array.from({ length: 10 }, () => put('/writes')))
  expect(writes.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect((await put('/readings')).status).toBe(504)
  // A handler that goes on after its deadline writes nothing more, whichever way it takes.
  goOn()
  await expect.poll(() => late.length).toBe(10)
  for (const outcome of await Promise.all(late)) expect(outcome).toBeInstanceOf(Error)
  await expect.poll(() => outcomes).toEqual(Array(6).fill('the unit of work has ended: nothing more can be done in it'))
  const admin = await connect(running.database)
  expect((await admin.query('select number from notes where number in (2, 5)')).rows).toEqual([])
  await admin.end()
})

test('R-P-7: what a late request has under way is cancelled, what waits for a connection gets 503, and all are free again', async () => {
  const put = (path: string, headers = {}) => send(running.url, 'PUT', path, { headers })
  const admin = await connect(running.database)
  // One connection is not for transactions.
  const transactions = shareOut(USUAL_POOL).poolSize - 1
  const sleeping = Promise.all(Array.from({ length: transactions }, () => put('/sleeps')))
  const asleep = `select 1 from pg_stat_activity where query like '%pg_sleep(14)%' and state = 'active' and pid <> pg_backend_pid()`
  await expect.poll(async () => (await admin.query(asleep)).rows.length, { timeout: 2_500 }).toBe(transactions)
  const kept = await Promise.all(Array.from({ length: 5 }, () => put('/writes', { 'lintel-timeout-ms': '200' })))
  for (const { status, body, headers } of kept)
    expect([status, body.error.code, headers['retry-after']]).toEqual([503, 'SERVICE_UNAVAILABLE', '1'])
  for (const { status, body } of await sleeping) expect([status, body.error.code]).toEqual([504, 'GATEWAY_TIMEOUT'])
  // Long before the statements would have ended by themselves, or by the timeout of PostgreSQL.
  while ((await admin.query(asleep)).rows.length > 0);
  const writes = await Promise.all(Array.from({ length: 10 }, () => put('/writes')))
  expect(writes.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect((await admin.query('select 1 from notes where number = 4')).rows).toEqual([])
  await admin.end()
})

test('R-P-7: a call over HTTP has what is left of the calling request’s time, or of its own where that is less', async () => {
  const leftMs = async (deadline: Deadline) => {
    const { signal } = new AbortController()
    const context = { requestId: 'r-1', trace: undefined, caller: ANONYMOUS, deadline, signal, log: console }
    return (await portClient(contract, http(running.url), context).tell()).leftMs
  }
  expect(await leftMs(Deadline.after(1_000))).toBeLessThanOrEqual(1_000)
  for (const deadline of [Deadline.after(60_000), NO_DEADLINE]) {
    const ownMs = await leftMs(deadline)
    expect(ownMs).toBeGreaterThan(1_000)
    expect(ownMs).toBeLessThanOrEqual(2_000)
  }
})

test('R-P-7: a client may shorten the deadline and not lengthen it; a header that is malformed is ignored', async () => {
  const leftMs = async (header: string | string[]) => {
    const { status, body } = await send(running.url, 'PUT', '/times', { headers: { 'lintel-timeout-ms': header } })
    expect(status).toBe(200)
    return body.leftMs as number
  }
  expect(await leftMs('1000')).toBeLessThanOrEqual(1_000)
  for (const header of ['999999999', '1e2', '-1', '100.5', '0x1', '1000000000', '', 'soon', ['100', '100']]) {
    const ownMs = await leftMs(header)
    expect(ownMs).toBeGreaterThan(1_000)
    expect(ownMs).toBeLessThanOrEqual(2_000)
  }
})

test('R-P-7: a write whose client waits no longer is late, and rolled back', async () => {
  const { status, body } = await send(running.url, 'PUT', '/sleeps', { headers: { 'lintel-timeout-ms': '200' } })
  expect([status, body.error.code]).toEqual([504, 'GATEWAY_TIMEOUT'])
})

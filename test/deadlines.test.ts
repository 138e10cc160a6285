import { afterAll, beforeAll, expect, test } from 'vitest'
import { operation, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import type { Handlers } from '../src/service/handler.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const contract = service('waits', {
  operations: {
    hang: operation({ method: 'PUT', path: '/hangs', access: 'public', answer: { done: t.boolean() }, timeoutMs: 300 }),
    sleep: operation({
      method: 'PUT',
      path: '/sleeps',
      access: 'public',
      answer: { done: t.boolean() },
      timeoutMs: 1_000,
    }),
    write: operation({ method: 'PUT', path: '/writes', access: 'public', answer: { done: t.boolean() } }),
  },
})

const late: Promise<unknown>[] = []
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
  async sleep(_, { tx }) {
    await tx.query('insert into notes values (4)')
    await tx.query('select pg_sleep(14)')
    return { done: true }
  },
  async write(_, { tx }) {
    await tx.query('insert into notes values (3)')
    return { done: true }
  },
}

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, handlers, 'create table notes (number integer)', {
    DATABASE_POOL_SIZE: '15',
  })
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
  // A handler that goes on after its deadline writes nothing more.
  goOn()
  await expect.poll(() => late.length).toBe(10)
  for (const outcome of await Promise.all(late)) expect(outcome).toBeInstanceOf(Error)
})

test('R-P-7: what a late request has under way is cancelled, what waits for a connection gets 503, and all are free again', async () => {
  const put = (path: string) => send(running.url, 'PUT', path)
  const answers = await Promise.all(Array.from({ length: 20 }, () => put('/sleeps')))
  const codes = answers.map(({ status, body }) => `${status} ${(body as any).error.code}`)
  expect(new Set(codes)).toEqual(new Set(['504 GATEWAY_TIMEOUT', '503 SERVICE_UNAVAILABLE']))
  for (const { status, headers } of answers) if (status === 503) expect(headers['retry-after']).toBe('1')
  const admin = await connect(running.database)
  const active = `select 1 from pg_stat_activity where query like '%pg_sleep(14)%' and state <> 'idle' and pid <> pg_backend_pid()`
  // Long before the statements would have ended by themselves, or by the timeout of PostgreSQL.
  while ((await admin.query(active)).rows.length > 0);
  const writes = await Promise.all(Array.from({ length: 10 }, () => put('/writes')))
  expect(writes.map(({ status }) => status)).toEqual(Array(10).fill(200))
  expect((await admin.query('select 1 from notes where number = 4')).rows).toEqual([])
  await admin.end()
})

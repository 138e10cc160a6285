import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type Running, start } from '../src/start/start.ts'
import { databaseSettings, type TestSystem, testSystem } from '../src/testing/system.ts'
import system from './jobs/system.ts'
import { until } from './system-process.ts'

// In production, where no mail can go out without SMTP_URL.
const env = { NODE_ENV: 'production', LOG_LEVEL: 'fatal', RATE_LIMIT_MAX: '100000' }
let first: TestSystem
let second: Running
let db: pg.Client

beforeAll(async () => {
  first = await testSystem(system, inject('databaseServer'), env)
  second = await start(system, { ...env, ...databaseSettings(first.databases), PORT: '0' })
  db = new pg.Client(first.databases.notes)
  await db.connect()
})
afterAll(async () => {
  await db?.end()
  await second?.stop()
  await first?.stop()
})

const ask = (id: string, text: string) =>
  fetch(`${first.url}/notes/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', 'x-request-id': `about-${text}` },
    body: JSON.stringify({ text }),
  })
const kept = async (text: string) => (await db.query('select 1 from kept where text = $1', [text])).rowCount
const work = async (name: string) => (await db.query('select * from lintel.work where job = $1', [name])).rows
const health = async () => (await (await fetch(`${first.url}/health`)).json()) as { status: string; checks: any }

test('a job that a handler enqueues is done once, on behalf of its request, and leaves no row', async () => {
  expect((await ask('x', 'one')).status).toBe(200)
  await until(async () => (await kept('kept one')) === 1)
  // What it does in a transaction of its own is there before it goes on.
  expect(await kept('one: about-one, attempt 1, 1 before')).toBe(1)
  await until(async () => (await work('keep')).length === 0)
})

test('one that fails has no effect, is tried again, and then is dead, which is no outage', async () => {
  await ask('x', 'broken')
  await until(async () => (await work('keep'))[0].dead_at !== null)
  expect(await kept('broken: about-broken, attempt 1, 1 before')).toBe(1)
  expect(await kept('broken: about-broken, attempt 2, the last, 2 before')).toBe(1)
  expect([await kept('kept broken'), (await work('keep'))[0].error]).toEqual([0, 'Error: no'])
  const { status, checks } = await health()
  expect([status, checks.jobs]).toMatchObject(['healthy', { status: 'up', dead: 1 }])
  await db.query(`delete from lintel.work where job = 'keep'`)
})

test.each(['wrong', 'strange', 'schedule', 'delay'])(
  'R-P-2: what cannot be enqueued fails the change: %s',
  async (id) => {
    expect((await ask(id, id)).status).toBe(500)
    expect([await kept(`asked ${id}`), await work('keep')]).toEqual([0, []])
  },
)

test('of one key one waits, with the data of the last', async () => {
  for (const text of ['former', 'latter']) expect((await ask('keyed', text)).status).toBe(200)
  expect(await work('keep')).toMatchObject([{ data: { text: 'latter' }, attempts: 0, key: 'a' }])
  await db.query(`delete from lintel.work where job = 'keep'`)
})

test('jobs that send mail wait where none can go out, and are no trouble', async () => {
  expect((await ask('mail', 'letter')).status).toBe(200)
  expect(await work('mail')).toMatchObject([{ attempts: 0 }])
  expect((await health()).checks.jobs).toMatchObject({ status: 'up', oldestDueMs: expect.any(Number) })
})

test('a schedule is done once by two replicas, and once for all the times that it was missed', async () => {
  const isDone = async () => (await work('tidy'))[0]?.due_at.getTime() - Date.now() > 80_000_000
  await until(isDone)
  expect(await kept('tidied')).toBe(1)
  await db.query(`update lintel.work set due_at = now() - interval '3 days' where job = 'tidy'`)
  await db.query('notify lintel_events')
  await until(isDone)
  expect(await kept('tidied')).toBe(2)
  // One that fails each time is never dead: it counts among those that are tried again.
  await db.query(`update lintel.work set error = 'Error: no' where job = 'tidy'`)
  await expect.poll(health, { timeout: 20_000 }).toMatchObject({ checks: { jobs: { status: 'up', retrying: 1 } } })
})

test('R-EVT-5, R-IDEM-1: what is old is removed by schedules that every service has, by one of its replicas', async () => {
  await db.query(`insert into lintel.idempotency_keys (key, body_hash, status, headers, body, created_at)
    values ('old', '', 201, '{}', '', now() - interval '25 hours'), ('new', '', 201, '{}', '', now())`)
  await db.query(`insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at, done_at)
    select 'c', gen_random_uuid(), 'thing.made', 'a', now(), now() - days * interval '1 day' from generate_series(1, 40, 39) days`)
  const partitions = async () =>
    (await db.query(`select from pg_inherits where inhparent = 'lintel.outbox'::regclass`)).rowCount!
  const names = ['lintel:sweepIdempotencyKeys', 'lintel:sweepInbox', 'lintel:sweepOutbox']
  const later = async () =>
    (
      await db.query(
        `select job from lintel.work where job = any($1) and due_at > now() + interval '50 minutes' order by job`,
        [names],
      )
    ).rows
  await db.query(`update lintel.work set due_at = now() where job = any($1)`, [names])
  await db.query('notify lintel_events')
  await until(async () => (await later()).length === 3)
  expect(await later()).toEqual(names.map((job) => ({ job })))
  expect((await db.query('select key from lintel.idempotency_keys')).rows).toEqual([{ key: Buffer.from('new') }])
  expect((await db.query('select from lintel.inbox')).rowCount).toBe(1)
  // The one in use, and the next.
  expect(await partitions()).toBe(2)
})

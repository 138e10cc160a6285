import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { event, resource, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { openDatabase } from '../src/data/pool.ts'
import { insert } from '../src/data/rows.ts'
import { implement } from '../src/service/implement.ts'
import { system } from '../src/start/define-system.ts'
import { freePort } from '../src/testing/free-port.ts'
import { testNats } from '../src/testing/nats.ts'
import { testSystem } from '../src/testing/system.ts'
import reference from '../system.ts'
import { Reference } from './reference.ts'
import { SmtpSink } from './smtp-sink.ts'
import { launcher, until } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

const nats = process.env.NATS_URL
  ? { url: process.env.NATS_URL, stop: async () => {} }
  : ((await testNats()) ?? { url: undefined, stop: async () => {} })
if (!nats.url) console.warn('EVENTS OVER NATS ARE NOT TESTED: neither NATS_URL nor nats-server on PATH')
afterAll(() => nats.stop())

const CARRIERS: [name: string, env: Record<string, string>][] = [
  ['postgres', {}],
  ['nats', { NATS_URL: nats.url ?? '' }],
]

describe.each(CARRIERS.filter(([name]) => name === 'postgres' || nats.url))(
  'R-EVT-4: the reference system with its events on %s',
  (carrier, env) => {
    const api = new Reference()
    const smtp = new SmtpSink()
    beforeAll(async () => {
      // A stream of its own, beside those of other runs on the same server.
      const named = { ...reference, name: `lt-${randomBytes(5).toString('hex')}` }
      await api.start({ ...env, SMTP_URL: await smtp.open() }, named)
    })
    afterAll(async () => {
      await api.system?.stop()
      await smtp.close()
    })

    test('R-ORD-7: mails come, an order is confirmed, and who leaves is forgotten', async () => {
      const user = await api.user('Ann')
      expect((await smtp.mail(user.email)).subject).toBe('Confirm your email address')
      const product = await api.product({ stock: 5 })
      const items = [{ productId: product.id, quantity: 2 }]
      const order = await api.ask('POST', '/users/me/orders', { token: user.token, body: { items } })
      expect(order.status).toBe(201)
      expect((await smtp.mail(user.email, 2)).text).toContain(order.body.id)
      await api.ask('DELETE', '/users/me', { token: user.token })
      await until(async () => {
        const { body } = await api.ask('GET', `/orders/${order.body.id}`, { token: api.admin.token })
        return body.status === 'cancelled'
      })
      expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(5)
      expect(smtp.to(user.email)).toHaveLength(2)
    })

    test('R-OPS-1: /health shows the queue and its figures', async () => {
      await api.user()
      await until(async () => {
        const { queue } = (await api.ask('GET', '/health')).body.checks
        return queue.unpublished === 0 && queue.waiting === 0
      })
      const { status, checks } = (await api.ask('GET', '/health')).body
      expect(status).toBe('healthy')
      expect(checks.queue).toEqual({
        status: 'up',
        ...(carrier === 'nats' && { latency: expect.any(Number) }),
        unpublished: 0,
        oldestUnpublishedMs: 0,
        waiting: 0,
        lagMs: 0,
        deadLetters: 0,
        redeliveries: 0,
      })
    })
  },
)

describe.runIf(nats.url)('R-EVT-2: while NATS is down', () => {
  test('R-OPS-1: requests go on, health is degraded, and their events arrive once it is back', async () => {
    const own = (await testNats())!
    const api = new Reference()
    const smtp = new SmtpSink()
    await api.start({ NATS_URL: own.url, SMTP_URL: await smtp.open() })
    await own.kill()
    const user = await api.user()
    const { status, body } = await api.ask('GET', '/health')
    expect([status, body.status, body.checks.queue.status]).toEqual([200, 'degraded', 'down'])
    expect(body.checks.queue.unpublished).toBeGreaterThan(0)
    expect(smtp.to(user.email)).toEqual([])
    await own.start()
    expect((await smtp.mail(user.email)).subject).toBe('Confirm your email address')
    await own.kill()
    await api.system.stop()
    await smtp.close()
    await own.stop()
  })
})

describe('R-EVT-1: events are checked when they are published', () => {
  test('data that breaks the contract fails the change, and nobody hears of it', async () => {
    const Note = resource('note', {
      id: 'nte',
      fields: { title: t.text() },
      access: { create: 'public', get: 'public' },
      custom: ['create'],
    })
    const notes = service('notes', {
      resources: { notes: Note },
      events: { 'note.created': event({ title: t.text({ max: 3 }) }) },
    })
    const folder = await launched.folder()
    await writeFile(
      join(folder, '0001-notes.sql'),
      `create table notes (id uuid primary key, title text not null, version integer not null default 1,
         created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now())`,
    )
    const made = implement(
      notes,
      {
        notes: {
          create: async ({ body }, { tx, emit }) => {
            const note = await insert(tx, Note, body)
            emit('note.created', note)
            return note
          },
        },
      },
      { migrations: new URL(`file://${folder}/`) },
    )
    const running = await testSystem(system({ services: [made] }), inject('databaseServer'))
    const create = (title: string) =>
      fetch(`${running.url}/notes`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ title }),
      })
    expect((await create('abc')).status).toBe(201)
    expect((await create('abcd')).status).toBe(500)
    const database = openDatabase('notes', running.databases.notes!)
    expect(await database.query('select title from notes')).toEqual([{ title: 'abc' }])
    expect(await database.query('select data from lintel.outbox')).toEqual([{ data: { title: 'abc' } }])
    await database.close()
    await running.stop()
  })
})

const launched = launcher()

describe('R-OPS-4: at start', () => {
  const server = inject('databaseServer')
  let name: string
  let file: string
  beforeEach(async () => {
    name = `lt_${randomBytes(5).toString('hex')}`
    file = join(await launched.folder(), 'system.mts')
    const from = JSON.stringify(new URL('../system.ts', import.meta.url).href)
    await writeFile(file, `import reference from ${from}\nexport default { ...reference, name: '${name}' }\n`)
  })
  afterEach(async () => {
    const admin = await connect(server)
    for (const one of ['users', 'orders']) {
      await admin.query(`drop database if exists ${name}_${one} with (force)`)
      await admin.query(`drop role if exists ${name}_${one}`)
    }
    await admin.end()
  })
  const lintel = (command: string, env: Record<string, string> = {}) =>
    launched.run('lintel', { args: ['--system', file, command], env: { DATABASE_URL: server, ...env } })

  test('a NATS server that nobody reaches is said to be so, and stops the start after START_TIMEOUT', async () => {
    const port = await freePort()
    const NATS_URL = `nats://ann:hunter2@127.0.0.1:${port}`
    const { code, stdout, stderr } = await lintel('start', { NATS_URL, START_TIMEOUT: '1' })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      new RegExp(
        `^lintel: NATS at nats://…@127\\.0\\.0\\.1:${port} can't be used \\(.*\\)\\. Start it with JetStream \\(nats-server -js\\), or correct NATS_URL\\. \\(NATS_UNREACHABLE\\)\\n$`,
      ),
    )
    expect(stdout).toContain('Trying for another 1 s')
    expect(stdout + stderr).not.toContain('hunter2')
  })

  test('R-OPS-4: EVENTS_DATABASE_URL, which named a database of its own, is said to have no effect', async () => {
    const port = await freePort()
    const env = { NATS_URL: `nats://127.0.0.1:${port}`, START_TIMEOUT: '1', EVENTS_DATABASE_URL: server }
    const { stdout } = await lintel('start', env)
    expect(stdout).toContain(
      'EVENTS_DATABASE_URL has no effect any more: consumers read events from the service that publishes them. Unset it; that database may be dropped',
    )
  })
})

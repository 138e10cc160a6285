import { afterAll, beforeAll, expect, test } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'

const fields = { name: t.text({ max: 20 }) }
const list = { search: ['name'], scans: ['q'] } as const
const Tea = resource('tea', { id: 'tea', fields, list, access: { list: 'public', create: 'public' } })
const Cup = resource('cup', { id: 'cup', fields, list, access: { list: 'public', create: 'public' } })
const contract = service('pantry', { resources: { teas: Tea, cups: Cup } })
const SQL = ['teas', 'cups']
  .map(
    (table) => `create table ${table} (
  id uuid primary key, name varchar(20) not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
); create index on ${table} (created_at, id);`,
  )
  .join('\n')

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, {}, SQL, { TRUSTED_PROXIES: '127.0.0.1', RATE_LIMIT_MAX: '100000' })
})
afterAll(() => running?.stop())

const get = (path: string, from: string) => fetch(running.url + path, { headers: { 'x-forwarded-for': from } })

test('FC-74, FC-91: the lists and searches of others are answered while one address’s searches wait', async () => {
  const admin = await connect(running.database)
  await admin.query('begin; lock table teas')
  const searches = Array.from({ length: 100 }, (_, i) =>
    get(`/teas?q=zzzz&count=${i % 2 ? 'exact' : 'none'}`, '192.0.2.1'),
  )
  let answered = 0
  for (const one of searches) one.then(() => answered++).catch(() => {})
  for (let i = 0; i < 20; i++)
    for (const path of ['/cups', '/cups?q=zzzz', '/cups?count=exact'])
      expect((await get(path, '192.0.2.2')).status).toBe(200)
  expect(answered).toBe(0)
  // They are bounded where they wait, and use up nothing of what everybody's lists may have in flight.
  const metrics = await (await fetch(`${running.url}/metrics`)).text()
  expect(metrics).toMatch(/^lintel_requests_in_flight\{operation="pantry\.teas\.list"\} 0$/m)
  await admin.query('rollback')
  await admin.end()
  for (const { status } of await Promise.all(searches)) expect(status).toBe(200)
})

test('FC-110: while a table is locked, writes of others are answered', async () => {
  const make = (path: string) =>
    fetch(running.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': '192.0.2.3' },
      body: '{"name":"oolong"}',
    })
  const admin = await connect(running.database)
  await admin.query('begin; lock table teas')
  // More than there are connections, before anybody else asks for one.
  const blocked = Array.from({ length: 30 }, () => make('/teas'))
  let answered = 0
  for (const one of blocked) one.then(() => answered++).catch(() => {})
  for (let i = 0; i < 20; i++) expect((await make('/cups')).status).toBe(201)
  expect(answered).toBe(0)
  await admin.query('rollback')
  await admin.end()
  for (const { status } of await Promise.all(blocked)) expect(status).toBe(201)
})

import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { Deadline, NO_DEADLINE } from '../resilience/deadline.ts'
import type { Clone } from '../testing/database.ts'
import { connect } from './connection.ts'
import { type Database, openDatabase } from './pool.ts'

let clone: Clone
let admin: pg.Client
let watcher: pg.Client
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  admin = await connect(clone.url)
  watcher = await connect(clone.url)
  await admin.query('create table locked (id integer primary key); create table free (id integer primary key)')
  database = openDatabase('alone', clone.url)
})
afterEach(() => admin.query('rollback'))
afterAll(async () => {
  await database?.close()
  await admin?.end()
  await watcher?.end()
  await clone?.drop()
})

const lock = () => admin.query('begin; lock table locked')

/** A search that takes as long as the table is locked. */
function search(key: string, { deadline = NO_DEADLINE, signal }: { deadline?: Deadline; signal?: AbortSignal } = {}) {
  return read('select count(*) from locked', key, deadline, signal)
}

function read(text: string, key: string, deadline = NO_DEADLINE, signal?: AbortSignal) {
  return database.slow.cells(text, [], { asker: { key, deadline, signal }, isLong: true })
}

/** Statements of ours that the server has under way. */
async function underWay(): Promise<number> {
  const { rows } = await watcher.query(
    `select count(*) from pg_stat_activity where application_name = 'lintel:alone' and state = 'active'`,
  )
  return Number(rows[0].count)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(5)
}

test('FC-110: while lists of two askers wait for a locked table, a search of another is answered', async () => {
  await lock()
  const lists = ['user:ann', 'user:bob'].map((key) =>
    database.slow.cells('select id from locked', [], {
      asker: { key, deadline: NO_DEADLINE, signal: undefined },
      isLong: false,
    }),
  )
  await until(async () => database.load().alone.running === 2)
  expect(await read('select count(*) from free', 'user:cid')).toEqual([['0']])
  expect(database.load().alone.running).toBe(2)
  await admin.query('rollback')
  expect(await Promise.all(lists)).toEqual([[], []])
})

test('FC-74, FC-91: while one asker’s searches wait, another’s are answered', async () => {
  await lock()
  const searches = Array.from({ length: 100 }, () => search('address:192.0.2.1'))
  await until(async () => (await underWay()) > 0)
  for (let i = 0; i < 10; i++) expect(await read('select count(*) from free', 'user:ann')).toEqual([['0']])
  expect(await underWay()).toBe(1)
  expect(database.load().alone).toEqual({ running: 1, waiting: 99 })
  await admin.query('rollback')
  expect(await Promise.all(searches)).toHaveLength(100)
})

test('FC-91: what waits beyond the bound is refused at once, and can come back later', async () => {
  await lock()
  const searches = Array.from({ length: 251 }, () => search('address:192.0.2.1'))
  await expect(search('address:192.0.2.1')).rejects.toMatchObject({ code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 })
  expect(await read('select count(*) from free', 'user:ann')).toEqual([['0']])
  await admin.query('rollback')
  await Promise.all(searches)
})

test('FC-91: the search of a client that leaves is cancelled, and its connection used again', async () => {
  await lock()
  const leaving = new AbortController()
  const [running, waiting] = [1, 2].map(() => search('address:192.0.2.1', { signal: leaving.signal }))
  const refused = Promise.allSettled([running, waiting])
  await until(async () => (await underWay()) > 0)
  leaving.abort()
  expect((await refused).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await until(async () => (await underWay()) === 0)
  const connections = database.load().connections
  expect(await read('select count(*) from free', 'address:192.0.2.1')).toEqual([['0']])
  expect(connections.waiting).toBe(0)
})

test('R-P-7: past its deadline a search is cancelled with 504, and one that still waits gets 503', async () => {
  await lock()
  const deadline = Deadline.after(300)
  const [running, waiting] = [1, 2].map(() => search('address:192.0.2.1', { deadline }))
  const outcomes = await Promise.allSettled([running, waiting])
  expect(outcomes).toMatchObject([
    { reason: { code: 'GATEWAY_TIMEOUT' } },
    { reason: { code: 'SERVICE_UNAVAILABLE', retryAfterS: 1 } },
  ])
  await until(async () => (await underWay()) === 0)
})

test('lists are planned for their values where they run alone, too', async () => {
  expect(await read(`select current_setting('plan_cache_mode'), current_setting('random_page_cost')`, 'a')).toEqual([
    ['force_custom_plan', '0.1'],
  ])
})

import { afterEach, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import type { Clone } from '../testing/database.ts'
import { connect } from './connection.ts'
import { createFeed } from './feed.ts'
import { keepPartitions } from './outbox-partitions.ts'
import { type Database, openDatabase } from './pool.ts'
import { BEGINNING, holdPlace, lastPlace, movePlace, notePlace, overdueReaders, placeBehind, RELAY } from './readers.ts'

const HOUR_MS = 3_600_000
let clone: Clone
let database: Database

beforeEach(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('orders', clone.url)
})
afterEach(async () => {
  await database?.close()
  await clone?.drop()
})

/** Writes an event of so many hours ago; answers its position. */
const write = async (hoursAgo: number) =>
  (
    await database.cells(
      `insert into lintel.outbox (id, type, aggregate_id, data, created_at)
       values (gen_random_uuid(), 'thing.made', 'a', '{}', now() - $1 * interval '1 hour') returning position`,
      [hoursAgo],
    )
  )[0]![0]!
const kept = async () =>
  (await database.cells('select position from lintel.outbox order by position')).map(([one]) => one)
const tables = async () =>
  (
    await database.cells(
      `select relname from pg_class where relnamespace = 'lintel'::regnamespace and relname ~ '^outbox_\\d+$' and relkind = 'r'
       order by length(relname), relname`,
    )
  ).map(([name]) => name)
const all = () => createFeed(database).read(BEGINNING, 100, new AbortController().signal)
async function readToEnd() {
  const reading = { reader: 'relay', holder: '00000000-0000-4000-8000-000000000001', leaseMs: 1_000 }
  const [[position, id]] = (await database.cells('select position, event_id from lintel.readers')) as [
    [string, string | null],
  ]
  await holdPlace(database, { position, eventId: id ?? undefined }, reading)
  await movePlace(database, placeBehind((await all()).at(-1)!), { ...reading, leaseMs: 0 })
}

test('R-EVT-5: a partition ends after a seventh of the retention, and is dropped when it is read and old', async () => {
  const old = await write(30)
  expect(await keepPartitions(clone.url, 7 * HOUR_MS, [RELAY])).toBe(0)
  expect(await tables()).toEqual(['outbox_0', 'outbox_100000000', 'outbox_200000000'])
  const next = await write(20)
  expect([old, next]).toEqual(['1', '100000000'])
  // Nobody has read it.
  expect(await keepPartitions(clone.url, 7 * HOUR_MS, [RELAY])).toBe(0)
  await write(0)
  await readToEnd()
  expect(await keepPartitions(clone.url, 40 * HOUR_MS, [RELAY])).toBe(0)
  expect(await keepPartitions(clone.url, 7 * HOUR_MS, [RELAY])).toBe(2)
  expect(await kept()).toEqual(['200000000'])
  expect((await all()).map(({ position }) => position)).toEqual(['200000000'])
})

test('FC-80: what a consumer of the system has not read stays, whatever its age; one that is in no system any more keeps nothing', async () => {
  const keep = (...readers: string[]) => keepPartitions(clone.url, HOUR_MS, readers)
  await write(30)
  await keep('orders.buyers')
  await write(20)
  await keep('orders.buyers')
  expect(await kept()).toEqual(['1', '100000000'])
  expect(await overdueReaders(database, ['orders.buyers'], HOUR_MS)).toEqual(['orders.buyers'])
  await notePlace(database, 'orders.buyers', await lastPlace(database))
  await notePlace(database, 'orders.former', BEGINNING)
  expect(await overdueReaders(database, ['orders.buyers'], HOUR_MS)).toEqual([])
  expect(await keep('orders.buyers', 'orders.new')).toBe(0)
  expect(await keep('orders.buyers')).toBe(1)
  expect(await kept()).toEqual(['100000000'])
})

test('R-EVT-2: the event at which a reader stands stays, however old', async () => {
  await write(30)
  await readToEnd()
  for (let i = 0; i < 3; i++) expect(await keepPartitions(clone.url, HOUR_MS, [RELAY])).toBe(0)
  expect(await kept()).toEqual(['1'])
})

test('R-EVT-5: what a process has left that died over it is finished by the next', async () => {
  await database.cells('create table lintel.outbox_900000000 (like lintel.outbox)')
  expect(await keepPartitions(clone.url, HOUR_MS, [RELAY])).toBe(0)
  expect(await tables()).toEqual(['outbox_0', 'outbox_100000000'])
})

test('R-EVT-2: a writer that is open for long keeps a partition from ending, and waits for nothing itself', async () => {
  await write(30)
  const writer = await connect(clone.url)
  try {
    await writer.query('begin')
    await writer.query(
      `insert into lintel.outbox (id, type, aggregate_id, data) values (gen_random_uuid(), 't', 'b', '{}')`,
    )
    await expect(keepPartitions(clone.url, HOUR_MS, [RELAY])).rejects.toThrow(/lock timeout/)
    await writer.query(
      `insert into lintel.outbox (id, type, aggregate_id, data) values (gen_random_uuid(), 't', 'b', '{}')`,
    )
    await writer.query('commit')
  } finally {
    await writer.end()
  }
  await keepPartitions(clone.url, HOUR_MS, [RELAY])
  expect(await write(0)).toBe('100000000')
})

test('R-EVT-2: the service itself may neither change nor truncate what was published', async () => {
  for (const change of [`update lintel.outbox set type = 'other'`, 'truncate lintel.outbox'])
    await expect(database.cells(change)).rejects.toThrow(/permission denied/)
})

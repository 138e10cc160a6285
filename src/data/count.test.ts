import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { t } from '../contract/fields.ts'
import { listQueryReader } from '../contract/list-query.ts'
import { resource } from '../contract/resource.ts'
import type { Clone } from '../testing/database.ts'
import { listOf, type RowPage } from './list.ts'
import { type Database, openDatabase, queryable } from './pool.ts'

const Letter = resource('letter', {
  id: 'ltr',
  fields: { kind: t.oneOf('plain', 'registered') },
  softDelete: true,
  list: { filter: ['kind'], exactTotal: 100, maxOffset: 10_000 },
  access: { list: 'public' },
})

/** Autovacuum would sooner or later do what the tests want to see done. */
const TABLE = `
create table letters (
  id uuid primary key, kind text not null, version integer not null default 1,
  created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now(),
  deleted_at timestamptz(3)
) with (autovacuum_enabled = off);
create view active_letters as select * from letters where deleted_at is null`

let clone: Clone
let database: Database
let letters: ReturnType<typeof listOf>

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('letters', clone.url)
})

afterAll(async () => {
  await database?.close()
  await clone?.drop()
})

beforeEach(async () => {
  await database.query('drop table if exists letters cascade')
  for (const statement of TABLE.split(';\n')) await database.query(statement)
  letters = listOf(database, Letter, 'secret')
})

async function add(count: number, kind = 'plain') {
  await database.query(
    'insert into letters (id, kind) select gen_random_uuid(), $2 from generate_series(1, $1::integer)',
    [count, kind],
  )
}

const readQuery = listQueryReader(Letter, Object.keys(Letter.shown))

function pageOf(text: string): Promise<RowPage> {
  return letters.page(readQuery([...new URLSearchParams(text)]), [])
}

/** Until the table has been analysed with so many rows. A list that is asked starts that, and waits for a while only. */
async function analysed(rows: number) {
  await vi.waitUntil(
    async () => {
      const [row] = await database.query<{ tuples: number }>(
        `select reltuples as tuples from pg_class where oid = 'letters'::regclass`,
      )
      return row!.tuples === rows
    },
    { timeout: 20_000 },
  )
  // Without what it estimated before.
  letters = listOf(database, Letter, 'secret')
}

test('FC-116, R-PAGE-6: the total of a table that was never analysed is near the truth', async () => {
  await add(20_000)
  await pageOf('')
  await analysed(20_000)
  const { total, totalIsEstimate } = await pageOf('')
  expect(totalIsEstimate).toBe(true)
  expect(Math.abs(total! - 20_000)).toBeLessThan(2000)
  expect((await pageOf('kind=registered')).total).toBe(0)
})

test('FC-116, R-PAGE-6: so is that of one that was empty when it was analysed, or has grown since', async () => {
  await database.query('analyze letters')
  await add(5000)
  await pageOf('')
  await analysed(5000)
  expect(Math.abs((await pageOf('')).total! - 5000)).toBeLessThan(500)
  await add(20_000, 'registered')
  await database.query('select pg_stat_force_next_flush()')
  letters = listOf(database, Letter, 'secret')
  await pageOf('')
  await analysed(25_000)
  expect(Math.abs((await pageOf('kind=registered')).total! - 20_000)).toBeLessThan(2000)
})

test('FC-116, R-PAGE-6: an estimate is not below the rows that the page has reached', async () => {
  await add(200)
  await database.query('analyze letters')
  expect(await pageOf('limit=10')).toMatchObject({ total: 200, totalIsEstimate: true })
  // The estimate is kept for a while, and rows are added meanwhile.
  await add(100)
  expect(await pageOf('limit=100&page=2')).toMatchObject({ total: 201, totalIsEstimate: true, hasMore: true })
  expect(await pageOf('limit=100&page=3')).toMatchObject({ total: 300, totalIsEstimate: false, hasMore: false })
  expect(await pageOf('limit=100&page=4')).toMatchObject({ rows: [], total: 200, totalIsEstimate: true })
})

test('FC-116: many lists at once have the table analysed once', async () => {
  await add(2000)
  await Promise.all(Array.from({ length: 10 }, () => pageOf('')))
  await analysed(2000)
  expect((await pageOf('')).total).toBe(2000)
  const [row] = await database.query<{ times: number }>(
    `select pg_stat_get_analyze_count('letters'::regclass) as times where pg_stat_force_next_flush() is not null`,
  )
  expect(row!.times).toBeLessThanOrEqual(1)
})

/** ANALYZE works out what an index is of, and so waits for the lock. */
const SLOW_INDEX = `
create or replace function public.held(text) returns text language plpgsql immutable as
  'begin perform pg_advisory_xact_lock_shared(116); return $1; end';
create index on letters (public.held(kind))`

test('FC-116: a list does not wait for an analysis that takes long, and later estimates have what it found', async () => {
  for (const statement of SLOW_INDEX.split(';\n')) await database.query(statement)
  await add(2000)
  const held = await database.acquire()
  try {
    await queryable(held.send).query('select pg_advisory_lock(116)')
    expect(await pageOf('')).toMatchObject({ totalIsEstimate: true })
    const running = `select 1 from pg_stat_activity
      where state = 'active' and query like 'analyze%' and datname = current_database()`
    await vi.waitUntil(async () => (await database.query(running)).length === 1, { timeout: 5000 })
  } finally {
    await queryable(held.send).query('select pg_advisory_unlock(116)')
    held.release()
  }
  await analysed(2000)
  expect(await pageOf('kind=plain')).toMatchObject({ total: 2000, totalIsEstimate: true })
})

import { afterAll, beforeAll, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { encodeId } from '../base/ids.ts'
import { t } from '../contract/fields.ts'
import { listQueryReader } from '../contract/list-query.ts'
import { resource } from '../contract/resource.ts'
import type { Clone } from '../testing/database.ts'
import { nextPlan, nodesOf } from '../testing/query-plan.ts'
import { listOf } from './list.ts'
import { type Database, openDatabase } from './pool.ts'

const Parcel = resource('parcel', {
  id: 'prc',
  fields: { senderId: t.id('usr').server(), state: t.oneOf('sent', 'lost'), weight: t.integer() },
  softDelete: true,
  list: { filter: ['state'], sort: ['weight'], exactTotal: 50, maxOffset: 1000 },
  access: { list: 'public' },
})

const TABLE = `
create table parcels (
  id uuid primary key, sender_id uuid not null, state text not null, weight integer not null,
  version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(), deleted_at timestamptz(3)
) with (autovacuum_enabled = off);
create index on parcels (sender_id, weight, id) where deleted_at is null;
create index on parcels (sender_id, state) where deleted_at is null;
create view active_parcels as select * from parcels where deleted_at is null`

const ANN = '01933a1e-0000-7000-8000-00000000000a'
const ofAnn = [{ field: 'senderId', id: encodeId('usr', ANN) }]

let clone: Clone
let database: Database
let sent: { text: string; values: readonly unknown[] }[] = []

beforeAll(async () => {
  clone = await serviceClone('orders')
  // One connection for lists: PostgreSQL keeps plans by connection.
  database = openDatabase('parcels', clone.url, { listLanes: 1 })
  for (const statement of TABLE.split(';\n')) await database.query(statement)
})

afterAll(async () => {
  await database?.close()
  await clone?.drop()
})

const readQuery = listQueryReader(Parcel, Object.keys(Parcel.shown))
const queryOf = (text: string) => readQuery([...new URLSearchParams(text)])

function parcels() {
  const cells = (text: string, values: readonly unknown[] = []) => {
    sent.push({ text, values })
    return database.slow.cells(text, values)
  }
  return listOf({ ...database, slow: { ...database.slow, cells } }, Parcel, 'secret')
}

/** Rows of one sender; every `nth` is sent, the others are lost. */
async function add(sender: string, count: number, nth: number) {
  await database.query(
    `insert into parcels (id, sender_id, state, weight)
     select gen_random_uuid(), $1, case when i % $3::integer = 0 then 'sent' else 'lost' end, i * 7919 % 10007
     from generate_series(1, $2::integer) i`,
    [sender, count, nth],
  )
}

test('FC-111, R-PAGE-2: a list is planned for its values at the twentieth use as at the first', async () => {
  await database.query('truncate parcels')
  await add(ANN, 20_000, 5_000)
  // Many senders with few rows each: for a sender that it does not know, PostgreSQL expects few.
  await database.query(
    `insert into parcels (id, sender_id, state, weight)
     select gen_random_uuid(), gen_random_uuid(), 'sent', i from generate_series(1, 20000) i`,
  )
  await database.query('analyze parcels')
  const list = parcels()
  const shapes: string[] = []
  for (const use of [1, 20]) {
    for (let i = shapes.length === 0 ? 1 : 2; i <= use; i++) {
      sent = []
      await list.page(queryOf('sort=-weight&count=none'), ofAnn)
    }
    const { text, values } = sent.at(-1)!
    const { plan } = await nextPlan(database.slow, text, values)
    shapes.push(
      nodesOf(plan)
        .map((node) => node['Node Type'])
        .join(' > '),
    )
  }
  expect(shapes[0]).toBe('Limit > Index Scan')
  expect(shapes[1]).toBe(shapes[0])
  const used = await database.slow.query<{ generic: number; custom: number }>(
    'select generic_plans as generic, custom_plans as custom from pg_prepared_statements where statement = $1',
    [sent.at(-1)!.text],
  )
  expect(used).toEqual([{ generic: 0, custom: 22 }])
})

test('FC-111: a single row by its key is planned once', async () => {
  const read = `select id from parcels where id = $1 and 'quick' = 'quick'`
  for (let i = 0; i < 20; i++) await database.cells(read, [ANN])
  const [used] = await database.query<{ generic: number }>(
    'select generic_plans as generic from pg_prepared_statements where statement = $1',
    [read],
  )
  expect(used!.generic).toBeGreaterThan(10)
})

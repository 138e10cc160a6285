import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { newId } from '../base/ids.ts'
import { t } from '../contract/fields.ts'
import { resource } from '../contract/resource.ts'
import type { Clone } from '../testing/database.ts'
import { findBy } from './find-by.ts'
import { type Database, openDatabase } from './pool.ts'
import { readRow } from './row.ts'
import { insert, read, remove } from './rows.ts'
import { transaction } from './transaction.ts'

const access = { list: 'public' } as const
const Task = resource('task', {
  id: 'tsk',
  fields: {
    title: t.text(),
    mail: t.email().optional(),
    kind: t.oneOf('bug', 'wish'),
    ownerId: t.id('usr').optional(),
    tags: t.list(t.text()),
  },
  softDelete: true,
  access,
})
/** Its view groups, and so cannot be locked itself. */
const Crate = resource('crate', {
  id: 'crt',
  fields: { place: t.text(), bottles: t.integer().computed() },
  view: 'crate_details',
  access,
})

const TAIL = `version integer not null default 1, created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()`
const TABLES = [
  `create table tasks (id uuid primary key, title text not null, mail text, kind text not null, owner_id uuid, tags jsonb not null,
    ${TAIL}, deleted_at timestamptz(3))`,
  'create view active_tasks as select * from tasks where deleted_at is null',
  `create table crates (id uuid primary key, place text not null, ${TAIL})`,
  'create table bottles (crate_id uuid not null references crates)',
  `create view crate_details as select c.*, count(b.crate_id)::integer as bottles
    from crates c left join bottles b on b.crate_id = c.id group by c.id`,
]

let clone: Clone
let database: Database
beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
  for (const statement of TABLES) await database.query(statement)
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(() => database.query('truncate tasks, crates, bottles'))

const task = async (values: object = {}) =>
  readRow(await insert(database, Task, { title: 'a', kind: 'bug', tags: [], ...values }))
const titles = async (where: object) => (await findBy(database, Task, where)).map((row) => readRow(row).title)

test('findBy finds by every value that is given, any of a list, or none, in the order of ids', async () => {
  const ownerId = newId('usr')
  await task({ title: 'first', ownerId })
  await task({ title: 'second', kind: 'wish', ownerId })
  await task({ title: 'third' })
  const gone = await task({ title: 'gone', ownerId })
  await remove(database, Task, gone.id)
  expect(await titles({ ownerId })).toEqual(['first', 'second'])
  expect(await titles({ ownerId, kind: 'wish' })).toEqual(['second'])
  expect(await titles({ kind: ['wish', 'bug'], title: ['third', 'second'] })).toEqual(['second', 'third'])
  expect(await titles({ ownerId: null })).toEqual(['third'])
  expect(await titles({ ownerId: newId('ord') })).toEqual([])
  expect(await titles({ id: [gone.id, newId('ord')] })).toEqual([])
})

test('findBy compares addresses without case, as PostgreSQL does', async () => {
  await task({ title: 'ann', mail: 'Ann@Example.com' })
  await task({ title: 'greek', mail: 'ΟΔΥΣΣΕΥΣ@example.com' })
  expect(await titles({ mail: 'aNN@example.COM' })).toEqual(['ann'])
  expect(await titles({ mail: ['οδυσσευσ@example.com', 'ann@example.com'] })).toEqual(['ann', 'greek'])
})

test('findBy says what it cannot look for', async () => {
  await expect(findBy(database, Task, {})).rejects.toThrow('findBy(task) names no field')
  await expect(findBy(database, Task, { title: undefined })).rejects.toThrow('findBy(task) names no field')
  await expect(findBy(database, Task, { name: 'x' })).rejects.toThrow('tasks has no field "name"')
  await expect(findBy(database, Task, { tags: ['x'] })).rejects.toThrow('"tags", which is list')
})

test('findBy finds 10,000 rows at most', async () => {
  await database.query(
    `insert into tasks (id, title, kind, tags) select gen_random_uuid(), 'many', 'bug', '[]' from generate_series(1, 10001)`,
  )
  await expect(findBy(database, Task, { title: 'many' })).rejects.toThrow('found more than 10000 rows')
})

/** Whether another transaction that wants the row has to wait. */
async function isLocked(table: string, uuid: string): Promise<boolean> {
  const rows = await database.query(`select 1 from ${table} where id = $1 for update skip locked`, [uuid])
  return rows.length === 0
}

test('a lock behind a view is on the row of the table, for one and for many, and what is read is what stands then', async () => {
  const one = readRow(await insert(database, Crate, { place: 'cellar' }))
  const uuid = (await database.query<{ id: string }>('select id from crates'))[0]!.id
  for (const lock of [
    async (tx: Database) => readRow(await read(tx, Crate, one.id, 'for update')),
    async (tx: Database) => readRow((await findBy(tx, Crate, { place: 'cellar' }, 'for update'))[0]!),
  ]) {
    let seen: unknown
    await transaction(database, async (tx) => {
      await tx.query('insert into bottles values ($1)', [uuid])
      seen = await lock(tx as never)
      expect(await isLocked('crates', uuid)).toBe(true)
    })
    expect(seen).toMatchObject({ id: one.id, place: 'cellar' })
    expect(await isLocked('crates', uuid)).toBe(false)
  }
  expect(readRow(await read(database, Crate, one.id))).toMatchObject({ bottles: 2 })
})

test('of two that wait for one row behind a view the second sees what the first has done', async () => {
  const { id } = readRow(await insert(database, Crate, { place: 'cellar' }))
  const uuid = (await database.query<{ id: string }>('select id from crates'))[0]!.id
  const fill = () =>
    transaction(database, async (tx) => {
      const { bottles } = readRow(await read(tx, Crate, id, 'for update'))
      if (bottles < 3) await tx.query('insert into bottles values ($1)', [uuid])
    })
  await Promise.all(Array.from({ length: 8 }, fill))
  expect(readRow(await read(database, Crate, id))).toMatchObject({ bottles: 3 })
})

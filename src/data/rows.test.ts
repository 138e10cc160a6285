import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { encodeId, newId } from '../base/ids.ts'
import { t } from '../contract/fields.ts'
import { resource } from '../contract/resource.ts'
import { service } from '../contract/service.ts'
import type { Clone } from '../testing/database.ts'
import { readConstraints } from './constraints.ts'
import { type Database, openDatabase, type Queryable } from './pool.ts'
import { readRow, writeRow } from './row.ts'
import { change, find, insert, read, remove, uuidOf } from './rows.ts'
import { transaction } from './transaction.ts'

const access = { list: 'public' } as const

const Note = resource('note', {
  id: 'not',
  fields: {
    title: t.text(),
    tags: t.list(t.text()).optional(),
    price: t.decimal({ scale: 2 }).optional(),
    done: t.boolean().default(false),
    authorId: t.id('usr').optional(),
    dueAt: t.time().optional(),
  },
  unique: ['title'],
  softDelete: true,
  access,
})
const Stamp = resource('stamp', { id: 'stp', fields: { name: t.text() }, versioned: false, access })
/** Shown with what its table lacks. */
const Parcel = resource('parcel', {
  id: 'pcl',
  fields: { grams: t.integer(), kilos: t.decimal({ scale: 3 }).server() },
  view: 'parcel_details',
  access,
})

const TIMES = `created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()`
const TABLES = [
  `create table notes (id uuid primary key, title text not null, tags jsonb, price numeric(12, 2),
    done boolean not null default false, author_id uuid, due_at timestamptz(3), version integer not null default 1,
    ${TIMES}, deleted_at timestamptz(3))`,
  'create unique index notes_title_key on notes (title) where deleted_at is null',
  'create view active_notes as select * from notes where deleted_at is null',
  `create table stamps (id uuid primary key, name text not null, ${TIMES})`,
  `create table parcels (id uuid primary key, grams integer not null, version integer not null default 1, ${TIMES})`,
  'create view parcel_details as select *, grams / 1000.0 as kilos from parcels',
]

let clone: Clone
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
  for (const statement of TABLES) await database.query(statement)
  database.faults.learn(await readConstraints(database, service('notes', { resources: { notes: Note } })))
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(() => database.query('truncate notes, stamps, parcels'))

async function note(title = 'a note') {
  return readRow(await insert(database, Note, { title }))
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error) => error.code,
  )

/** The same connection, with a look at what is sent. */
function watched(db: Queryable, sent: string[], after: (text: string) => Promise<unknown> = async () => {}): Queryable {
  return {
    ...db,
    async cells(text, values) {
      sent.push(text)
      const rows = await db.cells(text, values)
      await after(text)
      return rows
    },
  }
}

test('values come back as they were given, and defaults where none were', async () => {
  const given = {
    id: newId('not'),
    title: "Zoë’s “note”, \\ and '",
    tags: ['a', 'b"c', '{}'],
    price: 0.3,
    done: true,
    authorId: newId('usr') as `usr_${string}`,
    dueAt: '2026-11-23T16:43:32.120Z',
  }
  const row = await insert(database, Note, given)
  expect(readRow(row)).toMatchObject({ ...given, version: 1 })
  expect(readRow(await read(database, Note, given.id))).toEqual(readRow(row))
  const plain = readRow(await insert(database, Note, { title: 'plain', price: null }))
  expect(plain).toMatchObject({ tags: null, price: null, done: false, authorId: null, dueAt: null })
  expect(plain.id).toMatch(/^not_[0-9a-z]{26}$/)
  expect(plain.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
})

test('R-LOCK-1: versions begin at 1 and go up by one at each change, not when nothing is changed', async () => {
  const { id } = await note()
  expect(readRow(await change(database, Note, id, { done: true }))).toMatchObject({ version: 2, done: true })
  expect(readRow(await change(database, Note, id, { title: 'other', done: false }))).toMatchObject({ version: 3 })
  const before = readRow(await read(database, Note, id))
  expect(readRow(await change(database, Note, id, {}))).toEqual(before)
})

test('R-LOCK-2: a change that names a version is one statement, which changes nothing else', async () => {
  const [{ id }, other] = [await note('this'), await note('that')]
  const sent: string[] = []
  await change(watched(database, sent), Note, id, { done: true }, { version: 1 })
  expect(sent).toHaveLength(1)
  expect(sent[0]).toMatch(/^update notes set .* where id = .* and version = /)
  expect(readRow(await read(database, Note, other.id))).toEqual(other)
})

test('R-LOCK-2: a version that is not the row’s is refused, and the row stays as it was', async () => {
  const { id } = await note()
  const before = readRow(await change(database, Note, id, { done: true }))
  const refusals = [
    [{ version: 1 }, 'VERSION_CONFLICT'],
    [{ version: 3 }, 'VERSION_CONFLICT'],
    [{ ifMatch: [1] }, 'PRECONDITION_FAILED'],
    [{ ifMatch: [] }, 'PRECONDITION_FAILED'],
    [{ ifMatch: [999_999_999_999_999] }, 'PRECONDITION_FAILED'],
    [{ version: 2, ifMatch: [1] }, 'PRECONDITION_FAILED'],
    [{ version: 1, ifMatch: [2] }, 'VERSION_CONFLICT'],
  ] as const
  for (const [expected, code] of refusals) {
    expect(await codeOf(change(database, Note, id, { title: 'changed' }, expected)), JSON.stringify(expected)).toBe(
      code,
    )
    expect(await codeOf(change(database, Note, id, {}, expected)), `${JSON.stringify(expected)}, no change`).toBe(code)
    expect(await codeOf(remove(database, Note, id, expected)), `${JSON.stringify(expected)}, delete`).toBe(code)
  }
  expect(readRow(await read(database, Note, id))).toEqual(before)
  expect(readRow(await change(database, Note, id, { title: 'x' }, { ifMatch: [7, 2], version: 2 })).version).toBe(3)
})

test('R-LOCK-2: of 20 transactions that change one version exactly one does', async () => {
  for (const [expected, code] of [
    [{ version: 1 }, 'VERSION_CONFLICT'],
    [{ ifMatch: [1] }, 'PRECONDITION_FAILED'],
  ] as const) {
    const { id } = await note(code)
    const writers = Array.from({ length: 20 }, (_, i) =>
      codeOf(
        transaction(database, async (tx) => {
          tx.emit({ type: 'note.changed', aggregateId: id, data: String(i) })
          await change(tx, Note, id, { title: `${code} ${i}` }, expected)
        }),
      ),
    )
    const outcomes = await Promise.all(writers)
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === code)).toHaveLength(19)
    const winner = outcomes.indexOf('done')
    expect(readRow(await read(database, Note, id))).toMatchObject({ version: 2, title: `${code} ${winner}` })
    expect(await database.query('select data from lintel.outbox where aggregate_id = $1', [id])).toEqual([
      { data: winner },
    ])
  }
})

test('R-LOCK-2: a version that becomes right after the write has met the row is met by a second try', async () => {
  for (const [expected, title] of [
    [{ version: 2 }, 'by version'],
    [{ ifMatch: [2] }, 'by tag'],
  ] as const) {
    const { id } = await note(title)
    const sent: string[] = []
    const late = watched(database, sent, async () => {
      if (sent.length === 1) await change(database, Note, id, { done: true })
    })
    expect(readRow(await change(late, Note, id, { title: `late ${title}` }, expected))).toMatchObject({ version: 3 })
    expect(readRow(await read(database, Note, id))).toMatchObject({ version: 3, done: true, title: `late ${title}` })
  }
})

test('R-LOCK-2: what has no versions matches no tag, and is written without one', async () => {
  const { id } = readRow(await insert(database, Stamp, { name: 'a' }))
  expect(await codeOf(change(database, Stamp, id, { name: 'b' }, { ifMatch: [1] }))).toBe('PRECONDITION_FAILED')
  expect(readRow(await change(database, Stamp, id, { name: 'b' }))).toMatchObject({ name: 'b' })
})

test('R-DEL-1: what is softly deleted stays in its table with a new version, and is found by nothing', async () => {
  const { id } = await note('gone')
  const other = await note('here')
  expect(readRow(await remove(database, Note, id, { version: 1 }))).toMatchObject({ id, title: 'gone', version: 2 })
  expect(await find(database, Note, id)).toBeUndefined()
  expect(await codeOf(read(database, Note, id, 'for update'))).toBe('NOT_FOUND')
  expect(await codeOf(change(database, Note, id, { done: true }))).toBe('NOT_FOUND')
  expect(await codeOf(change(database, Note, id, { done: true }, { version: 2 }))).toBe('NOT_FOUND')
  expect(await codeOf(change(database, Note, id, {}))).toBe('NOT_FOUND')
  expect(await codeOf(remove(database, Note, id))).toBe('NOT_FOUND')
  const [row] = await database.query(
    'select version, done, deleted_at = updated_at as at_once from notes where id = $1',
    [uuidOf(Note, id)],
  )
  expect(row).toEqual({ version: 2, done: false, at_once: true })
  expect(readRow(await read(database, Note, other.id))).toEqual(other)
})

test('R-DEL-1: a unique value is free again once its row is deleted, and taken until then', async () => {
  const { id } = await note('mine')
  await expect(insert(database, Note, { title: 'mine' })).rejects.toMatchObject({
    code: 'DUPLICATE',
    details: [{ field: 'title', message: 'is already taken' }],
  })
  await remove(database, Note, id)
  const again = await note('mine')
  expect(again.id).not.toBe(id)
  await remove(database, Note, again.id)
  expect((await note('mine')).version).toBe(1)
})

test('what is not softly deleted is gone', async () => {
  const { id } = readRow(await insert(database, Stamp, { name: 'a' }))
  expect(readRow(await remove(database, Stamp, id))).toMatchObject({ name: 'a' })
  expect(await database.query('select * from stamps')).toEqual([])
  expect(await codeOf(remove(database, Stamp, id))).toBe('NOT_FOUND')
})

test('a resource with a view of its own is answered as the view shows it, before and after', async () => {
  const made = readRow(await insert(database, Parcel, { grams: 1500 }))
  expect(made).toMatchObject({ grams: 1500, kilos: 1.5, version: 1 })
  expect(readRow(await change(database, Parcel, made.id, { grams: 250 }))).toMatchObject({ kilos: 0.25, version: 2 })
  expect(await codeOf(change(database, Parcel, made.id, { grams: 1 }, { version: 1 }))).toBe('VERSION_CONFLICT')
  expect(readRow(await remove(database, Parcel, made.id))).toMatchObject({ grams: 250, kilos: 0.25 })
})

test('R-BODY-1: an id of another type names nothing', async () => {
  const { id } = await note()
  const foreign = encodeId('stp', uuidOf(Note, id))
  expect(await codeOf(find(database, Note, foreign))).toBe('NOT_FOUND')
  expect(await codeOf(change(database, Note, foreign, { done: true }))).toBe('NOT_FOUND')
})

test('R-EVT-1: the JSON of chosen fields is whole, whether `id` is among them or not', async () => {
  const { id } = readRow(await insert(database, Note, { title: 'Chosen' }))
  const row = await read(database, Note, id)
  expect(JSON.parse(writeRow(row, ['title']))).toEqual({ title: 'Chosen' })
  expect(JSON.parse(writeRow(row, ['id', 'title']))).toEqual({ id, title: 'Chosen' })
  expect(writeRow(row, [])).toBe('{}')
})

test('a field that the resource does not have is a mistake of the handler’s', async () => {
  await expect(insert(database, Note, { title: 'a', colour: 'red' } as never)).rejects.toThrow(
    'notes has no field "colour"',
  )
})

test('FC-55 R-BODY-7: what SQL has written and JSON does not have is an error that says where it stands', async () => {
  const { id } = readRow(await insert(database, Note, { title: 'odd' }))
  for (const [column, value, said] of [
    ['price', 'NaN', 'is NaN, which JSON cannot represent'],
    ['due_at', 'infinity', 'is infinity, which RFC 3339 does not have'],
    ['due_at', '-infinity', 'is -infinity'],
    ['due_at', '0044-03-15 00:00:00+00 BC', 'is 0044-03-15 00:00:00+00 BC'],
    ['due_at', '12026-01-01 00:00:00+00', 'is 12026-01-01 00:00:00+00'],
    ['tags', '{"secret": 1}', 'has an object where the contract expects list'],
  ]) {
    await database.query('update notes set price = null, due_at = null, tags = null')
    await database.query(`update notes set ${column} = $1`, [value])
    const row = await read(database, Note, id)
    expect(() => writeRow(row)).toThrow(`notes.${column} of ${id} ${said}`)
    if (column !== 'tags') expect(() => readRow(row)).toThrow(`notes.${column} of ${id} ${said}`)
    // What is not asked for does no harm, and the value can be mended.
    expect(JSON.parse(writeRow(row, ['id', 'title']))).toEqual({ id, title: 'odd' })
    const mended = await change(database, Note, id, { price: 1, dueAt: '0001-02-03T04:05:06.000Z', tags: ['a'] })
    expect(readRow(mended)).toMatchObject({ price: 1, dueAt: '0001-02-03T04:05:06.000Z', tags: ['a'] })
  }
})

test('FC-55: hand-written SQL names the column of a time that RFC 3339 does not have', async () => {
  await expect(database.query(`select 'infinity'::timestamptz as "dueAt"`)).rejects.toThrow(
    'the column dueAt is infinity',
  )
  expect(await database.query(`select '0001-02-03 04:05:06.123456+00'::timestamptz as at`)).toEqual([
    { at: '0001-02-03T04:05:06.123Z' },
  ])
})

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { event, operation, resource, service, t } from '../src/contract/index.ts'
import { changeEach, findBy, readRow, type Tx, touch } from '../src/service/index.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const access = { list: 'public', get: 'public', create: 'public', delete: 'public' } as const
const Shelf = resource('shelf', {
  id: 'shf',
  plural: 'shelves',
  fields: {
    name: t.text(),
    stock: t.integer(),
    full: t.boolean().default(false),
    place: t.state({ up: { down: 'public' }, down: {} }, { initial: 'up' }),
  },
  softDelete: true,
  cached: true,
  access,
})
const Pile = resource('pile', {
  id: 'pil',
  fields: { height: t.integer(), doubled: t.integer().computed() },
  view: 'pile_details',
  versioned: false,
  access,
})

const Rows = t.list(t.object({ id: t.id('shf'), quantity: t.integer(), label: t.text() }))
const contract = service('store', {
  resources: { shelves: Shelf, piles: Pile },
  operations: {
    take: operation({
      method: 'PUT',
      path: '/takings',
      access: 'public',
      body: { rows: Rows, silent: t.boolean().default(false) },
      answer: { names: t.list(t.text()) },
    }),
    visit: operation({ method: 'POST', path: '/shelves/{shelfId}/visits', on: Shelf, access: 'public', status: 204 }),
    raise: operation({
      method: 'PUT',
      path: '/raisings',
      access: 'public',
      body: { ids: t.list(t.id('pil')) },
      answer: { doubled: t.list(t.integer()) },
    }),
    drop: operation({ method: 'PUT', path: '/drops', access: 'public', body: { id: t.id('shf'), to: t.text() } }),
    misuse: operation({ method: 'POST', path: '/misuses', access: 'public', body: { id: t.id('shf') }, status: 202 }),
  },
  events: { 'shelf.updated': event(Shelf) },
})

const TAIL = `created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()`
const SQL = `
create table shelves (id uuid primary key, name text not null, stock integer not null, "full" boolean not null, place text not null,
  version integer not null default 1, ${TAIL}, deleted_at timestamptz(3));
create view active_shelves as select * from shelves where deleted_at is null;
create table piles (id uuid primary key, height integer not null, ${TAIL});
create view pile_details as select *, height * 2 as doubled from piles;`

let running: SmallSystem
let db: pg.Client
beforeAll(async () => {
  running = await smallSystem(
    contract,
    {
      async take({ body }, { tx }) {
        const rows = await changeEach(tx, Shelf, body.rows, {
          set: 'stock = stock - given.quantity, name = given.label, "full" = false',
          where: 'stock >= given.quantity',
          event: body.silent ? 'none' : 'usual',
        })
        return { names: rows.map((row) => readRow(row).name).sort() }
      },
      async visit({ params, expected }, { tx }) {
        await touch(tx, Shelf, params.shelfId, expected)
      },
      async raise({ body }, { tx }) {
        const given = body.ids.map((id) => ({ id }))
        const rows = await changeEach(tx, Pile, given, { set: 'height = height + 1' })
        return { doubled: rows.map((row) => readRow(row).doubled) }
      },
      async drop({ body }, { tx }) {
        await changeEach(tx, Shelf, [body], { set: 'place = given."to", stock = 1' })
      },
      async misuse({ body: { id } }, { tx }) {
        const set = 'stock = 0'
        const odd = { id, quantity: {} }
        expect(await changeEach(tx, Shelf, [], { set })).toEqual([])
        await expect(changeEach(tx, Shelf, [{ id }, { id }], { set })).rejects.toThrow('has an id twice')
        await expect(changeEach(tx, Shelf, [odd as never], { set })).rejects.toThrow('"quantity" of another kind')
        await expect(changeEach(tx, Shelf, [{ id, 'a b': 1 }], { set })).rejects.toThrow('expected camelCase')
        const many = Array.from({ length: 10_001 }, () => ({ id: newId('shf') }))
        await expect(changeEach(tx, Shelf, many, { set })).rejects.toThrow('10000 are the most')
      },
    },
    SQL,
  )
  db = new pg.Client(running.database)
  await db.connect()
})
afterAll(async () => {
  await db?.end()
  await running?.stop()
})

const ask = (method: string, path: string, body: object = {}, headers: Record<string, string> = {}) =>
  send(running.url, method, path, {
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const get = async (id: string) => (await send(running.url, 'GET', `/shelves/${id}`)).body
const shelf = async (stock = 5) => (await ask('POST', '/shelves', { name: 'a', stock })).body
const take = (rows: object[], silent = false) => ask('PUT', '/takings', { rows, silent })
const updatesOf = async (id: string) =>
  (await db.query("select 1 from lintel.outbox where aggregate_id = $1 and type = 'shelf.updated'", [id])).rowCount

test('R-LOCK-1, R-CACHE-2, R-EVT-2: SQL of a handler’s own carries version, updatedAt, the cache and the event', async () => {
  const [one, other, short] = [await shelf(), await shelf(), await shelf(1)]
  // What is kept of it now is of no use afterwards.
  for (const { id } of [one, other, short]) expect(await get(id)).toMatchObject({ version: 1 })
  const { body } = await take([
    { id: one.id, quantity: 2, label: 'two' },
    { id: other.id, quantity: 5, label: 'five' },
    { id: short.id, quantity: 2, label: 'none' },
    { id: newId('shf'), quantity: 1, label: 'nobody' },
  ])
  expect(body).toEqual({ names: ['five', 'two'] })
  const after = await get(one.id)
  expect(after).toMatchObject({ stock: 3, name: 'two', version: 2 })
  expect(after.updatedAt > one.updatedAt).toBe(true)
  expect(await get(other.id)).toMatchObject({ stock: 0, version: 2 })
  expect(await get(short.id)).toEqual(short)
  expect([await updatesOf(one.id), await updatesOf(other.id), await updatesOf(short.id)]).toEqual([1, 1, 0])
  await take([{ id: one.id, quantity: 1, label: 'one' }], true)
  expect(await get(one.id)).toMatchObject({ stock: 2, version: 3 })
  expect(await updatesOf(one.id)).toBe(1)
})

test('R-DEL-1: rows that are softly deleted stay as they are', async () => {
  const { id } = await shelf()
  await send(running.url, 'DELETE', `/shelves/${id}`)
  expect((await take([{ id, quantity: 1, label: 'x' }])).body).toEqual({ names: [] })
})

test('FC-78: many at once, in any order, lock in one order, and none takes what is not there', async () => {
  const [a, b] = [await shelf(10), await shelf(10)]
  const rows = [a, b].map(({ id }) => ({ id, quantity: 1, label: 'x' }))
  await Promise.all(Array.from({ length: 16 }, (_, i) => take(i % 2 === 0 ? rows : rows.toReversed())))
  expect([await get(a.id), await get(b.id)]).toMatchObject([
    { stock: 0, version: 11 },
    { stock: 0, version: 11 },
  ])
})

test('a few rows and many are changed alike, each by its own values', async () => {
  const all = await Promise.all(Array.from({ length: 9 }, () => shelf(20)))
  for (const count of [1, 8, 9]) {
    const rows = all.slice(0, count).map(({ id }, i) => ({ id, quantity: i, label: `${count} of ${i}` }))
    expect((await take(rows)).body.names).toEqual(rows.map(({ label }) => label))
  }
  const after = await Promise.all(all.map(({ id }) => get(id)))
  expect(after.map(({ stock, version }) => [stock, version])).toEqual([
    [20, 4],
    ...[1, 2, 3, 4, 5, 6, 7].map((i) => [20 - 2 * i, 3]),
    [12, 2],
  ])
})

test('behind a view what comes back is what the view shows', async () => {
  const pile = (await ask('POST', '/piles', { height: 4 })).body
  expect((await ask('PUT', '/raisings', { ids: [pile.id] })).body).toEqual({ doubled: [10] })
})

test('touch raises version and updatedAt alone, in an expected version, and is a change to cache and consumers', async () => {
  const one = await shelf()
  expect(await get(one.id)).toMatchObject({ version: 1 })
  expect((await ask('POST', `/shelves/${one.id}/visits`, {}, { 'if-match': '"7"' })).status).toBe(412)
  expect((await ask('POST', `/shelves/${one.id}/visits`, {}, { 'if-match': '"1"' })).status).toBe(204)
  const { updatedAt, ...after } = await get(one.id)
  expect(after).toEqual({ ...after, name: 'a', stock: 5, version: 2 })
  expect(updatedAt > one.updatedAt).toBe(true)
  expect(await updatesOf(one.id)).toBe(1)
  expect((await ask('POST', `/shelves/${newId('shf')}/visits`)).status).toBe(404)
})

test('a state is not changed by changeEach: the handler fails, and nothing is changed', async () => {
  const { id } = await shelf()
  expect((await ask('PUT', '/drops', { id, to: 'down' })).status).toBe(500)
  expect(await get(id)).toMatchObject({ place: 'up', stock: 5, version: 1 })
  expect((await ask('PUT', '/drops', { id, to: 'up' })).status).toBe(200)
  expect(await get(id)).toMatchObject({ place: 'up', stock: 1, version: 2 })
})

test('R-P-6: what changeEach cannot do is said', async () => {
  const { id } = await shelf()
  expect((await ask('POST', '/misuses', { id })).status).toBe(202)
})

/** Compiled, and never run: what the types reject. */
export async function notTyped(tx: Tx) {
  await findBy(tx, Shelf, { name: ['a', 'b'], full: true })
  // @ts-expect-error: it has no such field
  await findBy(tx, Shelf, { nam: 'a' })
  // @ts-expect-error: stock is a number
  await findBy(tx, Shelf, { stock: 'a' })
  // @ts-expect-error: an id of a pile
  await changeEach(tx, Shelf, [{ id: newId('pil') }], { set: 'stock = 0' })
  // @ts-expect-error: an id of a pile
  await touch(tx, Shelf, newId('pil'))
}

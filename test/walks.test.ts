import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { orders } from '../services/orders/contract.ts'
import { encodeId } from '../src/base/ids.ts'
import { http } from '../src/call/http.ts'
import { portClient } from '../src/call/port-client.ts'
import { connect } from '../src/data/connection.ts'
import { reference, type User } from './reference.ts'

const api = reference()

const ORDERS = 10_000
const OTHERS = 800

/** A table whose rows share their sort values in plenty; `passing` rows come and go during a walk, the rest last. */
interface Crowd {
  readonly prefix: string
  readonly table: string
  readonly lasting: ReadonlySet<string>
  /** Deletes some of what is passing, and inserts as many at random places. */
  churn(): Promise<void>
}

let ordersDb: pg.Client
let usersDb: pg.Client
let buyer: User
let orderCrowd: Crowd
let productCrowd: Crowd
let userCrowd: Crowd
/** Of the orders that last, the buyer's own. */
let own: ReadonlySet<string>

const random = (values: number, step: string) => `floor(random() * ${values}) * ${step}`
const time = (first: string, values: number) => `timestamptz '${first}' + ${random(values, "interval '1 hour'")}`

/** Each makes `$1` rows: few distinct values in every sort, ids at random places. */
const INSERT_ORDERS = () => `
  insert into orders (id, user_id, status, items, total, currency, created_at, placed_at)
  select gen_random_uuid(), case when i % 4 = 0 then lintel.uuid('${buyer.id}') else gen_random_uuid() end, 'paid', '[]',
    ${random(12, '9.99')}, 'USD', ${time('2026-01-01Z', 20)}, ${time('2020-01-01Z', 7)}
  from generate_series(1, $1::integer) i`
const INSERT_PRODUCTS = () => `
  insert into products (id, sku, name, description, category, price, currency, stock, created_at)
  select gen_random_uuid(), gen_random_uuid(), (array['Chai', 'chai', 'Châi', 'Chang', 'C', 'ß'])[1 + floor(random() * 6)], '',
    'c', ${random(9, '0.5')}, 'USD', 1, ${time('2026-01-01Z', 12)}
  from generate_series(1, $1::integer) i`
const INSERT_USERS = () => `
  insert into users (id, email, name, roles, created_at)
  select gen_random_uuid(), gen_random_uuid() || '@example.com', (array['Ann', 'ann', 'Änn', 'Bob'])[1 + floor(random() * 4)],
    '["member"]', ${time('2026-01-01Z', 12)}
  from generate_series(1, $1::integer) i`

beforeAll(async () => {
  ;[ordersDb, usersDb] = await Promise.all([
    connect(api.system.databases.orders!),
    connect(api.system.databases.users!),
  ])
  buyer = await api.user()
  orderCrowd = await crowd(ordersDb, 'ord', 'orders', INSERT_ORDERS(), ORDERS)
  productCrowd = await crowd(ordersDb, 'prd', 'products', INSERT_PRODUCTS(), OTHERS)
  userCrowd = await crowd(usersDb, 'usr', 'users', INSERT_USERS(), OTHERS)
  const { rows } = await ordersDb.query('select id from orders where user_id = lintel.uuid($1)', [buyer.id])
  own = new Set(rows.map(({ id }) => encodeId('ord', id)).filter((id) => orderCrowd.lasting.has(id)))
})
afterAll(() => Promise.all([ordersDb?.end(), usersDb?.end()]))

async function crowd(db: pg.Client, prefix: string, table: string, insert: string, size: number): Promise<Crowd> {
  const insertRows = async (count: number) => {
    const { rows } = await db.query(`${insert} returning id`, [count])
    return rows.map(({ id }) => id as string)
  }
  const lasting = await insertRows(size)
  const passing = await insertRows(500)
  await db.query(`analyze ${table}`)
  return {
    prefix,
    table,
    lasting: new Set(lasting.map((id) => encodeId(prefix, id))),
    async churn() {
      const going = Array.from({ length: 25 }, () => passing.splice(Math.floor(Math.random() * passing.length), 1)[0])
      await db.query(`delete from ${table} where id = any($1)`, [going])
      passing.push(...(await insertRows(25)))
    },
  }
}

interface Row {
  readonly id: string
  readonly [field: string]: unknown
}

/** Walks a list to its end, with rows coming and going while each page is read. */
async function walk(crowd: Crowd, path: string, user: User): Promise<Row[]> {
  const rows: Row[] = []
  for (let cursor = ''; ; ) {
    const [{ status, body }] = await Promise.all([
      api.ask('GET', `${path}${path.includes('?') ? '&' : '?'}limit=100&count=none${cursor}`, { token: user.token }),
      crowd.churn(),
    ])
    expect(status, JSON.stringify(body)).toBe(200)
    rows.push(...body.data)
    if (body.pagination.nextCursor === null) return rows
    cursor = `&cursor=${body.pagination.nextCursor}`
  }
}

/** Each lasting row once, no row twice, all in the order that was asked for. */
function expectWalk(
  rows: readonly Row[],
  lasting: ReadonlySet<string>,
  keys: readonly { field: string; descending: boolean }[],
) {
  const ids = rows.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const seen = new Set(ids)
  expect([...lasting].filter((id) => !seen.has(id))).toEqual([])
  const order = [...keys, { field: 'id', descending: keys.at(-1)!.descending }]
  const misplaced = rows.filter((row, i) => i > 0 && compare(rows[i - 1]!, row, order) >= 0)
  expect(misplaced).toEqual([])
}

function compare(one: Row, other: Row, order: readonly { field: string; descending: boolean }[]): number {
  for (const { field, descending } of order) {
    const [a, b] = [one[field], other[field]].map((value) => (typeof value === 'string' ? Buffer.from(value) : value))
    const difference = Buffer.isBuffer(a) ? Buffer.compare(a, b as Buffer) : Number(a) - Number(b)
    if (difference !== 0) return descending ? -difference : difference
  }
  return 0
}

function keysOf(sort: string) {
  return sort.split(',').map((term) => ({ field: term.replace(/^[-+]/, ''), descending: term.startsWith('-') }))
}

test.each([
  'createdAt',
  '-createdAt',
  'placedAt',
  '-placedAt',
  'total',
  '-total',
  'total,-createdAt',
  '-placedAt,+total',
])(`R-PAGE-4: ${ORDERS} orders by sort=%s, while others come and go: each that lasts exactly once`, async (sort) => {
  const keys = keysOf(sort)
  const rows = await walk(orderCrowd, `/orders?sort=${sort}&fields=${keys.map(({ field }) => field)}`, api.admin)
  expect(rows.length).toBeGreaterThanOrEqual(ORDERS)
  expectWalk(rows, orderCrowd.lasting, keys)
})

test.each(['-createdAt', 'total', 'placedAt,-total'])(
  'R-PAGE-4: a user’s own orders by sort=%s, while others come and go: each that lasts exactly once',
  async (sort) => {
    expect(own.size).toBeGreaterThanOrEqual(ORDERS / 4)
    const path = `/orders?sort=${sort}&status=paid,shipped&totalMin=0&fields=total,createdAt,placedAt`
    expectWalk(await walk(orderCrowd, path, buyer), own, keysOf(sort))
  },
)

test.each(['name', '-name', 'price', '-price', 'createdAt', '-createdAt', '-price,name', 'name,-createdAt,price'])(
  'R-PAGE-4: products by sort=%s, while others come and go: each that lasts exactly once',
  async (sort) => {
    expectWalk(await walk(productCrowd, `/products?sort=${sort}`, buyer), productCrowd.lasting, keysOf(sort))
  },
)

test.each(['createdAt', '-createdAt', 'name', '-name', 'email', '-email', 'name,-createdAt'])(
  'R-PAGE-4: users by sort=%s, while others come and go: each that lasts exactly once',
  async (sort) => {
    expectWalk(await walk(userCrowd, `/users?sort=${sort}`, api.admin), userCrowd.lasting, keysOf(sort))
  },
)

test('R-PAGE-4: rows that are changed and softly deleted during a walk move nothing else', async () => {
  const sort = 'price'
  const { rows } = await ordersDb.query<{ id: string }>(
    `insert into products (id, sku, name, description, category, price, currency, stock)
     select gen_random_uuid(), gen_random_uuid(), 'x', '', 'changing', ${random(5, '1')}, 'USD', 1 from generate_series(1, 400)
     returning id`,
  )
  const [lasting, changing] = [rows.slice(0, 200), rows.slice(200)].map((some) =>
    some.map(({ id }) => encodeId('prd', id)),
  )
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const [{ body }] = await Promise.all([
      api.ask('GET', `/products?category=changing&sort=${sort}&limit=10${cursor}`),
      api.ask('PATCH', `/products/${changing!.pop()}`, {
        token: api.admin.token,
        body: { price: changing!.length % 7 },
      }),
      api.ask('DELETE', `/products/${changing!.pop()}`, { token: api.admin.token }),
    ])
    seen.push(...body.data.map(({ id }: Row) => id))
    if (body.pagination.nextCursor === null) break
    cursor = `&cursor=${body.pagination.nextCursor}`
  }
  for (const id of lasting!) expect(seen.filter((one) => one === id)).toEqual([id])
})

test('R-PAGE-4: the typed client walks the same way', async () => {
  const all = portClient(orders, http(api.url, { token: api.admin.token }))
  const rows: Row[] = []
  for await (const row of all.orders.eachAll({
    query: { sort: ['total', '-placedAt'], fields: ['total', 'placedAt'] },
  })) {
    rows.push(row)
    if (rows.length % 500 === 0) await orderCrowd.churn()
  }
  expectWalk(rows, orderCrowd.lasting, keysOf('total,-placedAt'))
})

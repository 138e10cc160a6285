import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { serviceClone } from '../../test/service-clone.ts'
import type { Clone } from '../testing/database.ts'
import { type Database, openDatabase } from './pool.ts'
import { purge, sweepIdempotencyKeys } from './purge.ts'
import { statementsOf } from './statements.ts'

const DAY_MS = 86_400_000
let clone: Clone
let database: Database

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('orders', clone.url)
})

afterAll(async () => {
  await database.close()
  await clone.drop()
})

beforeEach(() => database.query('truncate products, carts, cart_items, lintel.idempotency_keys'))

/** Products, the first `deleted` of them deleted as many days ago as `daysAgo` says. */
async function products(count: number, deleted: number, daysAgo: number): Promise<void> {
  await database.query(
    `insert into products (id, sku, name, description, category, price, currency, stock, deleted_at)
     select gen_random_uuid(), gen_random_uuid()::text, 'Chai', '', 'Beverages', 18, 'USD', 1,
       case when i <= $2::integer then now() - $3 * interval '1 day' end
     from generate_series(1, $1::integer) i`,
    [count, deleted, daysAgo],
  )
}

/** How many rows of each table went. */
async function purged(olderThanMs: number): Promise<Record<string, number>> {
  const outcome = await purge(database, orders, olderThanMs)
  return Object.fromEntries(Object.entries(outcome).map(([table, { removed }]) => [table, removed]))
}

async function count(table: string): Promise<number> {
  return (await database.query<{ count: number }>(`select count(*) from ${table}`))[0]!.count
}

/** A cart with one item of each product there is. */
async function cartOfAll({ deletedDaysAgo }: { deletedDaysAgo: number | null }): Promise<void> {
  const id = randomUUID()
  await database.query(
    `insert into carts (id, user_id, deleted_at) values ($1, gen_random_uuid(), now() - $2 * interval '1 day')`,
    [id, deletedDaysAgo],
  )
  await database.query(
    'insert into cart_items (id, cart_id, product_id, quantity) select gen_random_uuid(), $1, id, 1 from products',
    [id],
  )
}

test('R-DEL-1: what was deleted long enough ago goes for good, the rest stays', async () => {
  await products(5, 2, 40)
  await products(3, 3, 20)
  expect(await purged(30 * DAY_MS)).toEqual({ products: 2, carts: 0 })
  expect(await count('products')).toBe(6)
  expect(await purged(10 * DAY_MS)).toEqual({ products: 3, carts: 0 })
  expect(await count('products')).toBe(3)
})

test('R-DEL-1: more than a batch goes in one purge', async () => {
  await products(3500, 2500, 40)
  expect(await purged(30 * DAY_MS)).toEqual({ products: 2500, carts: 0 })
  expect(await count('products')).toBe(1000)
})

test('R-DEL-1: a row that a foreign key points at stays until that is gone', async () => {
  await products(3, 3, 40)
  await cartOfAll({ deletedDaysAgo: null })
  await products(2, 2, 40)
  expect(await purged(30 * DAY_MS)).toEqual({ products: 2, carts: 0 })
  // The cart takes its items along, and they held the products: one purge is enough.
  await database.query(`update carts set deleted_at = now() - interval '40 days'`)
  expect(await purged(30 * DAY_MS)).toEqual({ products: 3, carts: 1 })
  expect(await count('cart_items')).toBe(0)
})

test('R-DEL-1: a key that is in the way only behind a cascade keeps its row, and no other', async () => {
  await products(1, 0, 0)
  for (let i = 0; i < 9; i++) await cartOfAll({ deletedDaysAgo: 40 })
  await database.query('create table notes (item_id uuid references cart_items)')
  await database.query('insert into notes select id from cart_items limit 2')
  try {
    expect(await purge(database, orders, 30 * DAY_MS)).toEqual({
      products: { removed: 0, left: 0, reasons: [] },
      carts: { removed: 7, left: 2, reasons: [expect.stringContaining('"notes_item_id_fkey" on table "notes"')] },
    })
  } finally {
    await database.query('drop table notes')
  }
  expect(await purged(30 * DAY_MS)).toEqual({ products: 0, carts: 2 })
})

test.each([
  ['on delete restrict', 'create table holds (product_id uuid references products on delete restrict)'],
  ['no action', 'create table holds (product_id uuid references products)'],
])('FC-51 R-DEL-1: a purge goes on past a key with %s, and says what it left and why', async (_, table) => {
  await products(5, 5, 40)
  await database.query(table)
  await database.query('insert into holds select id from products order by id limit 2')
  try {
    expect((await purge(database, orders, 30 * DAY_MS)).products).toEqual({
      removed: 3,
      left: 2,
      reasons: ['holds still refers to 2 of them'],
    })
  } finally {
    await database.query('drop table holds')
  }
})

test.each([
  [
    'a key with restrict behind a cascade',
    `create table holds (item_id uuid references cart_items on delete restrict);
     insert into holds select id from cart_items`,
    /RESTRICT|violates foreign key constraint "holds_item_id_fkey"/,
  ],
  [
    'a trigger',
    `create table holds ();
     create function hold() returns trigger language plpgsql as $$ begin raise exception 'carts are kept'; end $$;
     create trigger hold before delete on carts for each row execute function hold()`,
    /^carts are kept$/,
  ],
])('FC-51 R-DEL-1: a purge goes on past %s', async (_, sql, reason) => {
  await products(1, 0, 0)
  await cartOfAll({ deletedDaysAgo: 40 })
  for (const statement of statementsOf(sql)) await database.query(statement.text)
  try {
    const { carts } = await purge(database, orders, 30 * DAY_MS)
    expect(carts).toEqual({ removed: 0, left: 1, reasons: [expect.stringMatching(reason)] })
  } finally {
    await database.query('drop table holds')
    await database.query('drop function if exists hold cascade')
  }
})

test('R-IDEM-1: kept answers go after 24 hours', async () => {
  await database.query(
    `insert into lintel.idempotency_keys (key, body_hash, status, headers, body, created_at)
     select decode(lpad(to_hex(i), 64, '0'), 'hex'), '', 201, '{}', '', now() - i * interval '1 minute'
     from generate_series(1, 2900) i`,
  )
  expect(await sweepIdempotencyKeys(database)).toBe(2900 - 1440 + 1)
  expect(await sweepIdempotencyKeys(database)).toBe(0)
  expect(await count('lintel.idempotency_keys')).toBe(1439)
})

test('R-IDEM-1: replicas that sweep at once share the work', async () => {
  await database.query(
    `insert into lintel.idempotency_keys (key, body_hash, status, headers, body, created_at)
     select decode(lpad(to_hex(i), 64, '0'), 'hex'), '', 201, '{}', '', now() - interval '25 hours'
     from generate_series(1, 2500) i`,
  )
  const swept = await Promise.all([database, database.slow, database.slow].map((db) => sweepIdempotencyKeys(db)))
  expect(swept[0]! + swept[1]! + swept[2]!).toBe(2500)
})

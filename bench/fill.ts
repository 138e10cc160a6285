import { createHash } from 'node:crypto'
import pg from 'pg'
import { generateSigningKey } from '../src/auth/keys.ts'

export const USERS = 5_000
export const PRODUCTS = 500
/** Of the newest order; what the benchmark itself writes is newer. */
export const NEWEST = '2025-06-30T12:00:00Z'

const SPAN = `interval '730 days'`
const BATCH = 25_000

/** A UUIDv7 of a time, and of an md5 in place of chance: the same data every time. */
const uuid = (time: string, hash: string) => `(
  lpad(to_hex((extract(epoch from ${time}) * 1000)::bigint), 12, '0') || '7' || substr(${hash}, 1, 3) || '8' || substr(${hash}, 4, 15)
)::uuid`

const USERS_SQL = `insert into users (id, email, name, roles)
select ${uuid(`timestamptz '${NEWEST}' - ${SPAN}`, `md5('user' || n)`)}, 'user' || n || '@bench.example', 'User ' || n,
  case n when 1 then '["admin"]' else '["member"]' end::jsonb
from generate_series(1, ${USERS}) n`

const PRODUCTS_SQL = `insert into products (id, sku, name, description, category, price, currency, stock, created_at)
select ${uuid(`timestamptz '${NEWEST}' - ${SPAN}`, `md5('product' || n)`)}, 'SKU-' || lpad(n::text, 5, '0'),
  'Product number ' || n, 'What there is to say about product number ' || n, 'category-' || n % 20,
  ((n * 7919) % 20000 + 99) / 100.0, 'USD', 2000000000, timestamptz '${NEWEST}' - ${SPAN}
from generate_series(1, ${PRODUCTS}) n`

/**
 * Orders $1 to $2 of $3, oldest first, as a shop would have written them. Three share each moment. 60 % are pending:
 * more than in a shop, so that a list of them can be 500,000 deep. A line's id is any 26 characters of base32: md5's
 * are among them, and lintel.typeid() for three million lines would take minutes.
 */
const ORDERS_SQL = `
with product as materialized (
  select row_number() over (order by id) - 1 as n, lintel.typeid('prd', id) as id, sku, name, price from products
)
insert into orders (id, user_id, status, items, total, currency, placed_at, created_at, updated_at)
select ${uuid('o.at', `md5('order' || o.n)`)}, (select array_agg(id order by id) from bench_users)[1 + o.h % ${USERS}],
  case when o.h % 20 < 12 then 'pending' when o.h % 20 < 14 then 'paid' when o.h % 20 < 16 then 'shipped'
    when o.h % 20 < 19 then 'delivered' else 'cancelled' end,
  l.items::json, l.total, 'USD', o.at, o.at, o.at
from (
  select n, (hashint8(n) & 2147483647) as h,
    timestamptz '${NEWEST}' - ${SPAN} * (1 - (n / 3 * 3)::float8 / $3::float8) as at
  from generate_series($1::bigint, $2::bigint) n
) o
cross join lateral (
  select sum(p.price * q.quantity) as total, '[' || string_agg(format(
    '{"id":"lin_01%s","productId":"%s","sku":"%s","name":"%s","quantity":%s,"unitPrice":%s,"discount":0,"lineTotal":%s}',
    substr(md5(o.n || '-' || q.line), 1, 24), p.id, p.sku, p.name, q.quantity, trim_scale(p.price),
    trim_scale(p.price * q.quantity)), ',' order by q.line) || ']' as items
  from (
    select line, 1 + (o.h / 7 + line) % 4 as quantity, (o.h / 11 + line * 37) % ${PRODUCTS} as product
    from generate_series(1, 1 + o.h / 20 % 5) line
  ) q join product p on p.n = q.product
) l`

/** Changes with everything that decides what is in the database. */
export const FILL_CHECKSUM = createHash('sha256')
  .update(USERS_SQL + PRODUCTS_SQL + ORDERS_SQL)
  .digest('hex')

/** Fills empty databases. `progress` hears of every batch. */
export async function fill(urls: { users: string; orders: string }, count: number, progress: (done: number) => void) {
  const users = await connected(urls.users)
  const orders = await connected(urls.orders)
  try {
    await users.query(USERS_SQL)
    const key = await generateSigningKey()
    await users.query('insert into signing_keys (kid, key) values ($1, $2)', [key.kid, JSON.stringify(key)])
    const { rows } = await users.query<{ id: string }>('select id from users')
    await orders.query('create temp table bench_users (id uuid)')
    await orders.query('insert into bench_users select unnest($1::uuid[])', [rows.map((row) => row.id)])
    await orders.query(PRODUCTS_SQL)
    await withoutIndexes(orders, async () => {
      for (let from = 1; from <= count; from += BATCH) {
        const to = Math.min(from + BATCH - 1, count)
        await orders.query(ORDERS_SQL, [from, to, count])
        progress(to)
      }
    })
    await users.query('vacuum analyze')
    await orders.query('vacuum analyze')
  } finally {
    await users.end()
    await orders.end()
  }
}

/**
 * Where the reference leaves its events: an outbox of its own. In `lintel.outbox` Lintel's consumers would read and handle them,
 * with CPU that would count as Lintel's.
 */
export const REFERENCE_OUTBOX = `drop table if exists reference_outbox;
create table reference_outbox (like lintel.outbox including all);
grant insert on reference_outbox to public`

/**
 * Takes away what former runs wrote, so that every run begins with the same rows; `vacuum` keeps what follows from being
 * slowed by their remains.
 */
export async function tidy(url: string): Promise<void> {
  const client = await connected(url)
  try {
    await client.query('delete from orders where created_at > $1', [NEWEST])
    // What a service's role may not do without meaning to; whoever has read what was there begins again.
    await client.query('grant truncate on lintel.outbox to current_user')
    await client.query(
      'truncate lintel.outbox, lintel.reader_marks, lintel.idempotency_keys, lintel.inbox, lintel.cache_changes',
    )
    await client.query('revoke truncate on lintel.outbox from current_user')
    await client.query('update lintel.readers set position = 0, event_id = null')
    await client.query(REFERENCE_OUTBOX)
    await client.query('update products set stock = 2000000000')
    await client.query('vacuum analyze')
    await client.query('checkpoint')
  } finally {
    await client.end()
  }
}

/** A million rows go in sooner without their indexes, which are made again from their own definitions. */
async function withoutIndexes(client: pg.Client, work: () => Promise<void>): Promise<void> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
     where indrelid = 'orders'::regclass and not indisprimary`,
  )
  for (const { name } of rows) await client.query(`drop index ${name}`)
  await client.query(`set maintenance_work_mem = '512MB'`)
  await work()
  for (const { definition } of rows) await client.query(definition)
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

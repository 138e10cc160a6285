import pg from 'pg'

/** The newest row's time. */
const NEWEST = '2025-06-30T12:00:00Z'
const BIG_USER = '01900000-0000-7000-8000-000000000001'
const BIG_CART = '01900000-0000-7000-8000-000000000002'
/** A row's time: they are spread over two years, oldest first. */
const AT = `timestamptz '${NEWEST}' - interval '730 days' * (1 - i::float8 / $1::float8)`
/** Any of 0 to `below` - 1, by chance that is the same each time. */
const any = (salt: number, below: string | number) => `((hashint8(i * 31 + ${salt}) & 2147483647) % (${below}))`

/** As the tables of a service would be after years: one user with a tenth of all, values that are common and rare. */
const USERS = [
  `insert into users (id, email, name, roles, created_at)
   select case when i = 1 then '${BIG_USER}' else gen_random_uuid() end, 'user' || i || '@example.com',
     'User ' || ${any(1, '$1::integer')}, case when i % 5000 = 0 then '["admin"]' else '["member"]' end::jsonb, ${AT}
   from generate_series(1, $1::integer) i`,
  `with people as materialized (select row_number() over () - 1 as n, id from users)
   insert into sessions (id, user_id, token_hash, expires_at, created_at)
   select gen_random_uuid(), case when i % 10 = 0 then '${BIG_USER}' else p.id end, 'hash' || i, now() + interval '30 days', ${AT}
   from generate_series(1, $1::integer) i join people p on p.n = ${any(2, '$1::integer')}`,
]

const ORDERS = [
  `insert into products (id, sku, name, description, category, price, currency, stock, created_at)
   select gen_random_uuid(), 'SKU-' || i, 'Product number ' || ${any(3, '$1::integer')}, 'What there is to say about it',
     case when i % 5000 = 0 then 'rarities' else 'category-' || i % 20 end, ${any(4, 1000000)} / 100.0, 'USD', 100, ${AT}
   from generate_series(1, $1::integer) i`,
  `insert into carts (id, user_id, status, created_at)
   select case when i = 1 then '${BIG_CART}' else gen_random_uuid() end, case when i % 10 = 0 then '${BIG_USER}' else gen_random_uuid() end,
     case when i % 5000 = 0 then 'open' else 'ordered' end, ${AT}
   from generate_series(1, $1::integer) i`,
  `with product as materialized (select row_number() over () - 1 as n, id from products),
     cart as materialized (select row_number() over () - 1 as n, id from carts where id <> '${BIG_CART}')
   insert into cart_items (id, cart_id, product_id, quantity)
   select gen_random_uuid(), case when i % 100 = 0 then '${BIG_CART}' else c.id end, p.id, 1
   from generate_series(1, $1::integer) i join product p on p.n = i - 1 join cart c on c.n = (i - 1) / 4`,
  `insert into orders (id, user_id, status, items, total, currency, placed_at, created_at)
   select gen_random_uuid(), case when i % 10 = 0 then '${BIG_USER}' else gen_random_uuid() end,
     case when ${any(5, 5000)} = 0 then 'cancelled' when ${any(6, 10)} < 6 then 'pending' else 'delivered' end,
     ('[{"id":"lin_01455vb4pex5vsknk084sn02q0","productId":"prd_01455vb4pex5vsknk084sn02q0","sku":"SKU-' || i ||
       '","name":"Product","quantity":1,"unitPrice":1.5,"discount":0,"lineTotal":1.5}]')::json,
     ${any(7, 10000000)} / 100.0, 'USD', ${AT} - interval '1 hour' * ${any(8, 100)}, ${AT}
   from generate_series(1, $1::integer) i`,
]

/** Fills empty databases of the reference services with so many rows in each table that has a list. */
export async function fillLists(urls: { users: string; orders: string }, rows: number): Promise<void> {
  for (const [url, statements] of [
    [urls.users, USERS],
    [urls.orders, ORDERS],
  ] as const) {
    const client = new pg.Client({ connectionString: url, options: '-c statement_timeout=0' })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement, [rows])
      await client.query('vacuum analyze')
    } finally {
      await client.end()
    }
  }
}

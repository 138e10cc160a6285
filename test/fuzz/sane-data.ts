import type pg from 'pg'
import { connect } from '../../src/data/connection.ts'

/** What must be true of the data whatever was asked: each a query for rows that break it. */
const RULES: Record<string, Record<string, string>> = {
  orders: {
    'R-ORD-3: stock is never below zero': 'select id, stock from products where stock < 0',
    'R-BODY-3: a line is unitPrice × quantity × (1 − discount), to the cent': `
      select o.id, line from orders o, json_array_elements(o.items) line
      where (line ->> 'lineTotal')::numeric is distinct from round(
        (line ->> 'unitPrice')::numeric * (line ->> 'quantity')::integer * (1 - (line ->> 'discount')::numeric), 2)`,
    'R-ORD-6: the total of an order is the sum of its lines': `
      select id, total from orders
      where total <> (select sum((line ->> 'lineTotal')::numeric) from json_array_elements(items) line)`,
    'R-ORD-3: an order has lines': 'select id from orders where json_array_length(items) = 0',
    'R-ORD-2: a line of a cart has 1 to 10,000 pieces':
      'select id, quantity from cart_items where quantity not between 1 and 10000',
    'R-EVT-2: each order has one order.created, with its total': `
      select id from orders where (select count(*) from lintel.outbox e
        where e.type = 'order.created' and e.aggregate_id = lintel.typeid('ord', orders.id)
          and (e.data ->> 'total')::numeric = orders.total) <> 1`,
    'R-EVT-2: each change of an order has one event of its status': `
      select id from orders where (select coalesce(array_agg(e.data ->> 'status' order by e.position), '{}') from lintel.outbox e
        where e.aggregate_id = lintel.typeid('ord', orders.id) and e.type <> 'order.created') <> (
        select case status when 'pending' then '{}' when 'paid' then '{paid}' when 'shipped' then '{paid,shipped}'
          when 'delivered' then '{paid,shipped,delivered}' when 'cancelled' then
            case version when 2 then '{cancelled}' else '{paid,cancelled}' end end::text[])`,
    'R-EVT-2: no event without its order': `
      select id from lintel.outbox where type like 'order.%'
        and not exists (select 1 from orders o where lintel.typeid('ord', o.id) = aggregate_id)`,
    'R-EVT-2: each product has one product.created, and one product.deleted if it is': `
      select id from products where (select array_agg(e.type order by e.position) from lintel.outbox e
        where e.type in ('product.created', 'product.deleted') and e.aggregate_id = lintel.typeid('prd', products.id))
        <> case when deleted_at is null then '{product.created}' else '{product.created,product.deleted}' end::text[]`,
    'R-EVT-2: no event without its product': `
      select id from lintel.outbox where type like 'product.%'
        and not exists (select 1 from products p where lintel.typeid('prd', p.id) = aggregate_id)`,
  },
  users: {
    'R-USER-1: an address is of one living user': `
      select lower(email) from users where deleted_at is null group by 1 having count(*) > 1`,
    'R-AUTH-5: passwords are kept as argon2id': `select id from users where password_hash not like '$argon2id$%'`,
    'R-EVT-2: each user has one user.created, and one user.deleted if they are': `
      select id from users where (select array_agg(e.type order by e.position) from lintel.outbox e
        where e.type in ('user.created', 'user.deleted') and e.aggregate_id = lintel.typeid('usr', users.id))
        <> case when deleted_at is null then '{user.created}' else '{user.created,user.deleted}' end::text[]`,
    'R-EVT-2: no event without its user': `
      select id from lintel.outbox where type like 'user.%'
        and not exists (select 1 from users u where lintel.typeid('usr', u.id) = aggregate_id)`,
    'R-BODY-7: no password in events or kept answers': `
      select text from (select data::text as text from lintel.outbox union all select body from lintel.idempotency_keys) kept
      where text ~* '"[a-z]*password[a-z]*" *:|argon2id'`,
  },
}

const EVERYWHERE = {
  'R-IDEM-2: failures are not kept': 'select status from lintel.idempotency_keys where status >= 300',
}

const OPEN_TRANSACTIONS = `
  select pid, xact_start, query from pg_stat_activity
  where datname = current_database() and state like 'idle in transaction%'`
/** Handlers of events are still at work, and each of their transactions waits for the next statement now and then. */
const LEFT_OPEN_MS = 10_000

/** Every rule that the data of a service breaks, with the first rows that break it. */
export async function brokenRules(service: string, url: string): Promise<string[]> {
  const client = await connect(url)
  try {
    const broken: string[] = []
    for (const [rule, sql] of Object.entries({ ...RULES[service], ...EVERYWHERE })) {
      const { rows } = await client.query(sql)
      if (rows.length > 0) broken.push(`${rule}; ${rows.length} rows: ${JSON.stringify(rows.slice(0, 3))}`)
    }
    const left = await transactionsLeftOpen(client)
    if (left.length > 0) broken.push(`no transaction is left open; ${left.length}: ${JSON.stringify(left.slice(0, 3))}`)
    return broken
  } finally {
    await client.end()
  }
}

/** Those that are open now and do not end. */
async function transactionsLeftOpen(client: pg.Client): Promise<object[]> {
  const keyOf = ({ pid, xact_start: start }: Row) => `${pid} ${start.getTime()}`
  let left: Row[] = (await client.query(OPEN_TRANSACTIONS)).rows
  for (const endMs = performance.now() + LEFT_OPEN_MS; left.length > 0 && performance.now() < endMs; ) {
    const open = new Set(((await client.query(OPEN_TRANSACTIONS)).rows as Row[]).map(keyOf))
    left = left.filter((row) => open.has(keyOf(row)))
  }
  return left
}

interface Row {
  readonly pid: number
  readonly xact_start: Date
}

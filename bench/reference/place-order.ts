import type pg from 'pg'
import { decodeId, encodeId, newId, uuidv7 } from '../../src/base/ids.ts'
import type { Caller } from './callers.ts'
import { type Answer, orderJson } from './get-order.ts'
import { ask, type Cells } from './postgres.ts'
import { forbidden, type Head, invalid, notFound, Refusal } from './refusal.ts'

/** Locked in the order of their ids, so that two orders never wait for each other; taken all or nothing. */
const TAKE = `with locked as materialized (
  select p.id, p.sku, p.name, p.price, p.currency, p.stock, w.quantity
  from active_products p join unnest($1::uuid[], $2::integer[]) w (id, quantity) using (id) order by p.id for update of p
), taken as (
  update products p set stock = p.stock - l.quantity, version = p.version + 1, updated_at = now() from locked l
  where p.id = l.id and (select count(*) = $3 and bool_and(stock >= quantity) from locked)
) select * from locked`

/** The order and its event in one statement. */
const PLACE = `with placed as (
  insert into orders (id, user_id, items, total, currency) values ($1, $2, $3, $4, $5) returning created_at
), sent as (
  insert into reference_outbox (id, type, aggregate_id, data) values ($6, 'order.created', $7, $8)
) select created_at from placed`

interface Databases {
  readonly users: pg.Client
  readonly writes: pg.Pool
}

export async function placeOrder(
  { users, writes }: Databases,
  userId: string,
  caller: Caller,
  readBody: () => Promise<unknown>,
  head: Head,
): Promise<Answer> {
  const user = decodeId('usr', userId)
  if (!user) throw notFound()
  if (!caller.admin && caller.id !== userId) throw forbidden()
  const items = readItems(await readBody())
  const [buyer] = await ask(users, 'select 1 from active_users where id = $1', [user])
  if (!buyer) throw notFound()
  const amounts = new Map<string, number>()
  for (const { uuid, quantity } of items) amounts.set(uuid, (amounts.get(uuid) ?? 0) + quantity)
  const client = await writes.connect()
  try {
    // Two round trips: what needs no answer first goes with what follows.
    ask(client, 'begin').catch(() => {})
    const found = await ask(client, TAKE, [[...amounts.keys()], [...amounts.values()], amounts.size])
    const { lines, total, currency } = price(items, found, amounts.size)
    const uuid = uuidv7()
    const id = encodeId('ord', uuid)
    const event = `{"userId":"${userId}","status":"pending","total":${total},"currency":"${currency}","items":${lines}}`
    const placing = ask(client, PLACE, [uuid, user, lines, total, currency, uuidv7(), id, event])
    const [placed] = await Promise.all([placing, ask(client, 'commit')])
    const at = placed[0]![0]!
    head.push('etag', '"1"', 'location', `/v1/orders/${id}`, 'cache-control', 'no-store', 'vary', 'accept')
    return { status: 201, json: orderJson([uuid, user, 'pending', lines, total, currency, at, '1', at, at]) }
  } catch (error) {
    await ask(client, 'rollback')
    throw error
  } finally {
    client.release()
  }
}

interface Item {
  readonly productId: string
  readonly uuid: string
  readonly quantity: number
}

/** The order's lines as JSON, and their sum; computed in whole cents. */
function price(items: Item[], found: Cells[], wanted: number) {
  const products = new Map(found.map((row) => [row[0]!, row]))
  if (products.size < wanted) throw new Refusal(422, 'UNPROCESSABLE', 'A product was not found')
  if (found.some((row) => Number(row[5]) < Number(row[6])))
    throw new Refusal(409, 'OUT_OF_STOCK', 'Not enough in stock')
  const currency = found[0]![4]!
  if (found.some((row) => row[4] !== currency)) throw new Refusal(422, 'UNPROCESSABLE', 'An order has one currency')
  let sum = 0
  const lines = items.map(({ productId, uuid, quantity }) => {
    const [, sku, name, unitPrice] = products.get(uuid)!
    const cents = Number(unitPrice!.replace('.', '')) * quantity
    sum += cents
    return (
      `{"id":"${newId('lin')}","productId":"${productId}","sku":${JSON.stringify(sku)},"name":${JSON.stringify(name)},` +
      `"quantity":${quantity},"unitPrice":${unitPrice},"discount":0,"lineTotal":${(cents / 100).toFixed(2)}}`
    )
  })
  return { lines: `[${lines.join(',')}]`, total: (sum / 100).toFixed(2), currency }
}

function readItems(body: unknown): Item[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw invalid('body', 'must be an object')
  for (const name in body) if (name !== 'items') throw invalid(name, 'is not a field')
  const { items } = body as { items?: unknown }
  if (!Array.isArray(items) || items.length > 100) throw invalid('items', 'must be a list of at most 100')
  if (items.length === 0) throw new Refusal(422, 'EMPTY_CART', 'Nothing is ordered')
  return items.map(readItem)
}

function readItem(item: unknown, i: number): Item {
  const at = `items[${i}]`
  if (typeof item !== 'object' || item === null) throw invalid(at, 'must be an object')
  for (const name in item)
    if (name !== 'productId' && name !== 'quantity') throw invalid(`${at}.${name}`, 'is not a field')
  const { productId, quantity } = item as Record<string, unknown>
  const uuid = typeof productId === 'string' ? decodeId('prd', productId) : undefined
  if (!uuid) throw invalid(`${at}.productId`, 'must be an id such as prd_01h455vb4pex5vsknk084sn02q')
  if (!Number.isInteger(quantity) || (quantity as number) < 1 || (quantity as number) > 10_000)
    throw invalid(`${at}.quantity`, 'must be a whole number from 1 to 10000')
  return { productId: productId as string, uuid, quantity: quantity as number }
}

import { Problem, type Tx, uuidOf } from 'lintel/service'
import { Product as ProductResource } from './contract.ts'
import type { OrderLineInput } from './order-line-input.ts'

export interface Product {
  readonly sku: string
  readonly name: string
  readonly price: number
  readonly currency: string
}

/** A line of an order with its product. */
export interface OrderedLine extends OrderLineInput {
  readonly product: Product
}

interface ProductRow extends Product {
  readonly id: string
  readonly stock: number
  readonly quantity: number
}

const WANTED = `select p.id, p.sku, p.name, p.price, p.currency, p.stock, w.quantity
  from active_products p join unnest($1::uuid[], $2::integer[]) w (id, quantity) using (id)`

/**
 * Takes what is wanted from stock, all or nothing. Rows are locked in the order of their ids, so that two orders never
 * wait for each other. Problems: OUT_OF_STOCK, UNPROCESSABLE for a product that is not there.
 */
export async function takeStock(tx: Tx, wanted: readonly OrderLineInput[]): Promise<OrderedLine[]> {
  const amounts = amountsOf(wanted)
  for (const { productId } of wanted) tx.changed(ProductResource, productId)
  const rows = await tx.query<ProductRow>(
    `with locked as materialized (${WANTED} order by p.id for update of p),
     taken as (
       update products p set stock = p.stock - l.quantity, version = p.version + 1, updated_at = now()
       from locked l
       where p.id = l.id and (select count(*) = $3 and bool_and(stock >= quantity) from locked)
     )
     select * from locked`,
    [[...amounts.keys()], [...amounts.values()], amounts.size],
  )
  const lines = withProducts(wanted, rows)
  const short = rows.filter((row) => row.stock < row.quantity).map((row) => row.id)
  if (short.length > 0)
    throw new Problem('OUT_OF_STOCK', undefined, {
      details: wanted
        .filter((item) => short.includes(uuidOf(ProductResource, item.productId)))
        .map((item) => ({ field: item.field, message: `${item.productId} is not in stock in this quantity` })),
    })
  return lines
}

export async function readProducts(tx: Tx, wanted: readonly OrderLineInput[]): Promise<OrderedLine[]> {
  const amounts = amountsOf(wanted)
  return withProducts(wanted, await tx.query<ProductRow>(WANTED, [[...amounts.keys()], [...amounts.values()]]))
}

/**
 * Gives back what was taken. A stock that would grow beyond an integer, such as one that stands for plenty, stops there:
 * nobody's cancellation fails for it.
 */
export async function returnStock(tx: Tx, items: readonly { productId: string; quantity: number }[]): Promise<void> {
  const amounts = amountsOf(items)
  for (const { productId } of items) tx.changed(ProductResource, productId)
  await tx.query(
    `with locked as materialized (
       select p.id, w.quantity from products p join unnest($1::uuid[], $2::integer[]) w (id, quantity) using (id)
       order by p.id for update of p
     )
     update products p
     set stock = least(p.stock::bigint + l.quantity, 2147483647), version = p.version + 1, updated_at = now()
     from locked l where p.id = l.id`,
    [[...amounts.keys()], [...amounts.values()]],
  )
}

/** Quantities by the product's uuid: a product may stand in several lines. */
function amountsOf(items: readonly { productId: string; quantity: number }[]): Map<string, number> {
  const amounts = new Map<string, number>()
  for (const { productId, quantity } of items) {
    const id = uuidOf(ProductResource, productId)
    amounts.set(id, (amounts.get(id) ?? 0) + quantity)
  }
  return amounts
}

function withProducts(wanted: readonly OrderLineInput[], rows: readonly ProductRow[]): OrderedLine[] {
  const found = new Map(rows.map((row) => [row.id, row]))
  const lines: OrderedLine[] = []
  const unknown: OrderLineInput[] = []
  for (const item of wanted) {
    const product = found.get(uuidOf(ProductResource, item.productId))
    if (product) lines.push({ ...item, product })
    else unknown.push(item)
  }
  if (unknown.length > 0)
    throw new Problem('UNPROCESSABLE', 'A product was not found', {
      details: unknown.map(({ field, productId }) => ({ field, message: `${productId} was not found` })),
    })
  return lines
}

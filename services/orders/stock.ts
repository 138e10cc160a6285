import type { ValuesOf } from 'lintel/contract'
import { changeEach, findBy, Problem, type RowOf, readRow, type Tx } from 'lintel/service'
import { orders, Product } from './contract.ts'
import type { OrderLineInput } from './order-line-input.ts'

/** A line of an order with its product. */
export interface OrderedLine extends OrderLineInput {
  readonly product: ProductValues
}

type ProductValues = ValuesOf<typeof Product>
type Line = Pick<OrderLineInput, 'productId' | 'quantity'>

/** Takes what is wanted from stock, all or nothing. Problems: OUT_OF_STOCK, UNPROCESSABLE for a product that is not there. */
export async function takeStock(tx: Tx, wanted: readonly OrderLineInput[]): Promise<OrderedLine[]> {
  const amounts = amountsOf(wanted)
  const taken = await changeEach(tx, Product, amounts, {
    set: 'stock = stock - given.quantity',
    where: 'stock >= given.quantity',
    event: 'none',
  })
  if (taken.length === amounts.length) return withProducts(wanted, taken)
  // Nothing of it stays: the problem undoes what was taken.
  const lines = await readProducts(tx, wanted)
  const enough = new Set(taken.map((row) => readRow(row).id))
  throw new Problem(orders.problems.OUT_OF_STOCK, undefined, {
    details: lines
      .filter(({ productId }) => !enough.has(productId))
      .map(({ field, productId }) => ({ field, message: `${productId} is not in stock in this quantity` })),
  })
}

export async function readProducts(tx: Tx, wanted: readonly OrderLineInput[]): Promise<OrderedLine[]> {
  return withProducts(wanted, await findBy(tx, Product, { id: wanted.map(({ productId }) => productId) }))
}

/**
 * Gives back what was taken. A stock that would grow beyond an integer, such as one that stands for plenty, stops there:
 * nobody's cancellation fails for it. A product that was deleted meanwhile has none to return to.
 */
export async function returnStock(tx: Tx, items: readonly Line[]): Promise<void> {
  const set = 'stock = least(stock::bigint + given.quantity, 2147483647)'
  await changeEach(tx, Product, amountsOf(items), { set, event: 'none' })
}

/** A product may stand in several lines. */
function amountsOf(items: readonly Line[]) {
  const amounts = new Map<Line['productId'], number>()
  for (const { productId, quantity } of items) amounts.set(productId, (amounts.get(productId) ?? 0) + quantity)
  return [...amounts].map(([id, quantity]) => ({ id, quantity }))
}

function withProducts(wanted: readonly OrderLineInput[], rows: readonly RowOf<typeof Product>[]): OrderedLine[] {
  const found = new Map<string, ProductValues>()
  for (const row of rows) {
    const product = readRow(row)
    found.set(product.id, product)
  }
  const lines: OrderedLine[] = []
  const unknown: OrderLineInput[] = []
  for (const item of wanted) {
    const product = found.get(item.productId)
    if (product) lines.push({ ...item, product })
    else unknown.push(item)
  }
  if (unknown.length > 0)
    throw new Problem('UNPROCESSABLE', 'A product was not found', {
      details: unknown.map(({ field, productId }) => ({ field, message: `${productId} was not found` })),
    })
  return lines
}

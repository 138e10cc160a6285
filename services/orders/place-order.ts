import { lineTotal, sum } from 'lintel/money'
import { type HandlerOf, insert, invalid, newId, Problem, type Tx } from 'lintel/service'
import { assertBuyer, holdBuyer } from './buyers.ts'
import { takeCart } from './carts.ts'
import { Order, orders } from './contract.ts'
import type { OrderLineInput } from './order-line-input.ts'
import { type OrderedLine, readProducts, takeStock } from './stock.ts'

export const placeOrder: HandlerOf<typeof orders, 'orders', 'create'> = async ({ params, body }, unit) => {
  const { tx, emit } = unit
  await assertBuyer(params.userId, unit)
  // History that is imported left the shelves long ago.
  const stockTaken = body.placedAt === null
  // Sent in this order, which is that of their locks (see buyers.ts), and without waiting for the first answer.
  const [, ordered] = await Promise.all([
    holdBuyer(params.userId, tx),
    takeWanted(params.userId, body, { tx, stockTaken }),
  ])
  const lines = ordered.map(lineOf)
  const order = await insert(
    tx,
    Order,
    {
      userId: params.userId,
      items: lines,
      total: sum(lines.map((line) => line.lineTotal)),
      currency: currencyOf(ordered),
      placedAt: body.placedAt ?? new Date().toISOString(),
      stockTaken,
    },
    'at commit',
  )
  emit('order.created', order)
  return order
}

async function takeWanted(userId: string, body: Body, { tx, stockTaken }: { tx: Tx; stockTaken: boolean }) {
  const wanted = await wantedOf(userId, body, tx)
  return stockTaken ? takeStock(tx, wanted) : readProducts(tx, wanted)
}

type Body = Parameters<typeof placeOrder>[0]['body']

async function wantedOf(userId: string, { cartId, items }: Body, tx: Tx): Promise<OrderLineInput[]> {
  if (items === null) {
    if (cartId === null) throw invalid('items', 'is required unless cartId is given')
    return takeCart(tx, cartId, userId)
  }
  if (cartId !== null) throw invalid('items', 'cannot be combined with cartId')
  return items.map((item, i) => ({ ...item, field: `items[${i}].productId` }))
}

function lineOf({ productId, quantity, unitPrice, discount, product }: OrderedLine) {
  const price = unitPrice ?? product.price
  return {
    id: newId('lin'),
    productId,
    sku: product.sku,
    name: product.name,
    quantity,
    unitPrice: price,
    discount: discount ?? 0,
    lineTotal: lineTotal(price, quantity, discount ?? 0),
  }
}

/** An order has one currency. */
function currencyOf([first, ...others]: readonly OrderedLine[]): string {
  if (!first) throw new Problem(orders.problems.EMPTY_CART)
  const currencies = [...new Set([first, ...others].map(({ product }) => product.currency))]
  if (currencies.length > 1)
    throw new Problem(
      'UNPROCESSABLE',
      `An order must have a single currency; these products have ${currencies.join(' and ')}`,
    )
  return first.product.currency
}

import { lineTotal, sum } from 'lintel/money'
import { type HandlerOf, insert, newId, Problem, type Unit } from 'lintel/service'
import { assertBuyer, holdBuyer } from './buyers.ts'
import { takeCart } from './carts.ts'
import { Order, type orders } from './contract.ts'
import type { OrderLineInput } from './order-line-input.ts'
import { type Product, readProducts, takeStock } from './stock.ts'

export const placeOrder: HandlerOf<typeof orders, 'orders', 'create'> = async ({ params, body }, unit) => {
  const { tx, emit } = unit
  await assertBuyer(params.userId, unit)
  // History that is imported left the shelves long ago.
  const stockTaken = body.placedAt === null
  // Sent in this order, which is that of their locks (see buyers.ts), and without waiting for the first answer.
  const [, { wanted, products }] = await Promise.all([
    holdBuyer(params.userId, tx),
    takeWanted(params.userId, body, { tx, stockTaken }),
  ])
  const lines = wanted.map((item) => lineOf(item, products.get(item.productId)!))
  const order = await insert(
    tx,
    Order,
    {
      userId: params.userId as `usr_${string}`,
      status: 'pending',
      items: lines,
      total: sum(lines.map((line) => line.lineTotal)),
      currency: currencyOf(products),
      placedAt: body.placedAt ?? new Date().toISOString(),
      stockTaken,
    },
    'at commit',
  )
  emit('order.created', order)
  return order
}

async function takeWanted(userId: string, body: Body, { tx, stockTaken }: { tx: Unit['tx']; stockTaken: boolean }) {
  const wanted = await wantedOf(userId, body, tx)
  if (wanted.length === 0) throw new Problem('EMPTY_CART')
  return { wanted, products: await (stockTaken ? takeStock(tx, wanted) : readProducts(tx, wanted)) }
}

type Body = Parameters<typeof placeOrder>[0]['body']

async function wantedOf(userId: string, { cartId, items }: Body, tx: Unit['tx']): Promise<OrderLineInput[]> {
  if ((cartId === null) === (items === null))
    throw new Problem('VALIDATION_ERROR', undefined, {
      details: [
        {
          field: 'items',
          message: cartId === null ? 'is required unless cartId is given' : 'cannot be combined with cartId',
        },
      ],
    })
  if (cartId !== null) return takeCart(tx, cartId, userId)
  return items!.map((item, i) => ({ ...item, field: `items[${i}].productId` }))
}

function lineOf({ productId, quantity, unitPrice, discount }: OrderLineInput, product: Product) {
  const price = unitPrice ?? product.price
  return {
    id: newId('lin') as `lin_${string}`,
    productId: productId as `prd_${string}`,
    sku: product.sku,
    name: product.name,
    quantity,
    unitPrice: price,
    discount: discount ?? 0,
    lineTotal: lineTotal(price, quantity, discount ?? 0),
  }
}

/** An order has one currency. */
function currencyOf(products: ReadonlyMap<string, Product>): string {
  const currencies = [...new Set([...products.values()].map((product) => product.currency))]
  if (currencies.length > 1)
    throw new Problem(
      'UNPROCESSABLE',
      `An order must have a single currency; these products have ${currencies.join(' and ')}`,
    )
  return currencies[0]!
}

import {
  change,
  find,
  type HandlerOf,
  insert,
  invalid,
  Problem,
  type RowOf,
  read,
  readRow,
  remove,
  type Tx,
  touch,
} from 'lintel/service'
import { Cart, CartItem, type orders, Product } from './contract.ts'
import type { OrderLineInput } from './order-line-input.ts'

const MAX_QUANTITY = 10_000
/** As many as an order takes. */
const MAX_ITEMS = 100

/** Same product again: quantities add up. */
export const addItem: HandlerOf<typeof orders, 'cartItems', 'create'> = async ({ params, body }, { tx }) => {
  const { items, currency } = await changeOpenCart(tx, params.cartId)
  const { productId, quantity } = body
  const standing = items.find((item) => item.productId === productId)
  if (!standing && items.length >= MAX_ITEMS) throw unfit(`does not fit: a cart holds at most ${MAX_ITEMS} products`)
  const product = await find(tx, Product, productId)
  if (!product) throw unfit('does not exist')
  if (items.length > (standing ? 1 : 0) && readRow(product).currency !== currency)
    throw unfit('has a different currency from the cart')
  const whole = quantity + (standing?.quantity ?? 0)
  if (whole > MAX_QUANTITY)
    throw invalid('quantity', `must be at most ${MAX_QUANTITY}, including what is already in the cart`)
  return standing
    ? change(tx, CartItem, standing.id, { quantity: whole })
    : insert(tx, CartItem, { cartId: params.cartId, productId, quantity })
}

export const changeItem: HandlerOf<typeof orders, 'cartItems', 'update'> = async (
  { params, body, expected },
  { tx },
) => {
  await changeOpenCart(tx, params.cartId)
  return change(tx, CartItem, params.id, body, expected)
}

export const removeItem: HandlerOf<typeof orders, 'cartItems', 'delete'> = async ({ params, expected }, { tx }) => {
  await changeOpenCart(tx, params.cartId)
  await remove(tx, CartItem, params.id, expected)
}

export const deleteCart: HandlerOf<typeof orders, 'carts', 'delete'> = async ({ params, expected }, { tx }) => {
  assertOpen(await read(tx, Cart, params.id, 'for update'))
  await remove(tx, Cart, params.id, expected)
}

/** Closes a user's open cart and returns what was in it. */
export async function takeCart(tx: Tx, cartId: string, userId: string): Promise<OrderLineInput[]> {
  const row = await find(tx, Cart, cartId, 'for update')
  if (!row || readRow(row).userId !== userId)
    throw new Problem('UNPROCESSABLE', 'The cart was not found', {
      details: [{ field: 'cartId', message: 'is not a cart of this user' }],
    })
  const { items } = assertOpen(row)
  await change(tx, Cart, cartId, { status: 'ordered' })
  return items.map(({ productId, quantity }) => ({ productId, quantity, field: 'cartId' }))
}

/** A change of its items is a change of the cart, which must be open: its version goes up. */
async function changeOpenCart(tx: Tx, cartId: string) {
  return assertOpen(await touch(tx, Cart, cartId))
}

function assertOpen(row: RowOf<typeof Cart>) {
  const cart = readRow(row)
  if (cart.status !== 'open') throw new Problem('INVALID_TRANSITION', 'The cart is no longer open')
  return cart
}

function unfit(message: string): Problem {
  return new Problem('UNPROCESSABLE', undefined, { details: [{ field: 'productId', message }] })
}

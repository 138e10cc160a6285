import {
  change,
  encodeId,
  type HandlerOf,
  type Id,
  invalid,
  newId,
  Problem,
  read,
  remove,
  type Tx,
  uuidOf,
} from 'lintel/service'
import { Cart, CartItem, type orders, Product } from './contract.ts'
import type { OrderLineInput } from './order-line-input.ts'

const MAX_QUANTITY = 10_000
/** As many as an order takes. */
const MAX_ITEMS = 100

/** Same product again: quantities add up. */
export const addItem: HandlerOf<typeof orders, 'cartItems', 'create'> = async ({ params, body }, { tx }) => {
  await changeOpenCart(tx, params.cartId)
  await assertProduct(tx, params.cartId, body.productId)
  const [item] = await tx.query<{ id: string; quantity: number }>(
    `insert into cart_items (id, cart_id, product_id, quantity) values ($1, $2, $3, $4)
     on conflict (cart_id, product_id) do update
       set quantity = cart_items.quantity + excluded.quantity, version = cart_items.version + 1, updated_at = now()
     returning id, quantity`,
    [uuidOf(CartItem, newId('itm')), uuidOf(Cart, params.cartId), uuidOf(Product, body.productId), body.quantity],
  )
  if (!item) throw new Error('cart_items took no row')
  if (item.quantity > MAX_QUANTITY)
    throw invalid('quantity', `must be at most ${MAX_QUANTITY}, including what is already in the cart`)
  return read(tx, CartItem, encodeId('itm', item.id))
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
  const [cart] = await lock(tx, params.id)
  assertOpen(cart)
  await remove(tx, Cart, params.id, expected)
}

/** Closes a user's open cart and returns what was in it. */
export async function takeCart(tx: Tx, cartId: string, userId: string): Promise<OrderLineInput[]> {
  const [cart] = await lock(tx, cartId)
  if (cart?.user_id !== userId)
    throw new Problem('UNPROCESSABLE', 'The cart was not found', {
      details: [{ field: 'cartId', message: 'is not a cart of this user' }],
    })
  assertOpen(cart)
  const items = await tx.query<{ product_id: Id<'prd'>; quantity: number }>(
    `select lintel.typeid('prd', product_id) as product_id, quantity from cart_items where cart_id = $1 order by id`,
    [uuidOf(Cart, cartId)],
  )
  await tx.query(`update carts set status = 'ordered', version = version + 1, updated_at = now() where id = $1`, [
    uuidOf(Cart, cartId),
  ])
  return items.map((item) => ({ productId: item.product_id, quantity: item.quantity, field: 'cartId' }))
}

/** A change of its items is a change of the cart: it is locked, must be open, and its version goes up. */
async function changeOpenCart(tx: Tx, cartId: string) {
  const [cart] = await lock(tx, cartId)
  assertOpen(cart)
  await tx.query('update carts set version = version + 1, updated_at = now() where id = $1', [uuidOf(Cart, cartId)])
}

function lock(tx: Tx, cartId: string) {
  return tx.query<{ user_id: string; status: string }>(
    `select lintel.typeid('usr', user_id) as user_id, status from active_carts where id = $1 for update`,
    [uuidOf(Cart, cartId)],
  )
}

function assertOpen(cart: { status: string } | undefined) {
  if (!cart) throw new Problem('NOT_FOUND')
  if (cart.status !== 'open') throw new Problem('INVALID_TRANSITION', 'The cart is no longer open')
}

/** A product that is there, in the currency of what the cart holds already. */
async function assertProduct(tx: Tx, cartId: string, productId: string) {
  const [product] = await tx.query<{ fits: boolean; others: number }>(
    `select not exists (select 1 from cart_item_details i where i.cart_id = $2 and i.currency <> p.currency) as fits,
       (select count(*) from cart_items i where i.cart_id = $2 and i.product_id <> p.id) as others
     from active_products p where p.id = $1`,
    [uuidOf(Product, productId), uuidOf(Cart, cartId)],
  )
  const fault = !product
    ? 'does not exist'
    : !product.fits
      ? 'has a different currency from the cart'
      : product.others >= MAX_ITEMS
        ? `does not fit: a cart holds at most ${MAX_ITEMS} products`
        : undefined
  if (fault) throw new Problem('UNPROCESSABLE', undefined, { details: [{ field: 'productId', message: fault }] })
}

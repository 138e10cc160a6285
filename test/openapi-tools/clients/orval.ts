import {
  createCart,
  createCartItem,
  createOrder,
  createProduct,
  createUser,
  listProducts,
  login,
} from './generated/orval.ts'
import { MORE_THAN_THERE_IS, newEmail, PASSWORD, type Story } from './story.ts'

const products = await listProducts({ sort: '-price,name', limit: 5 })
if (products.status !== 200) throw new Error(`status ${products.status}`)
const product = products.data.data[0]!

const email = newEmail()
// What has a default may be left out.
const user = await createUser({ email, name: 'Ada', password: PASSWORD })
if (user.status !== 201) throw new Error(user.data.error.code)
const session = await login({ email, password: PASSWORD })
if (session.status !== 200) throw new Error(session.data.error.code)
const signedIn = { headers: { authorization: `Bearer ${session.data.accessToken}` } }

const cart = await createCart('me', {}, signedIn)
if (cart.status !== 201) throw new Error(cart.data.error.code)
const item = await createCartItem(cart.data.id, { productId: product.id, quantity: 2 }, signedIn)
if (item.status !== 201) throw new Error(item.data.error.code)
const order = await createOrder('me', { cartId: cart.data.id }, signedIn)
if (order.status !== 201) throw new Error(order.data.error.code)

const tooMany = { items: [{ productId: product.id, quantity: MORE_THAN_THERE_IS }] }
const refused = await createOrder('me', tooMany, signedIn)
if (refused.status !== 409) throw new Error(`status ${refused.status}`)
const { code, details = [] } = refused.data.error

const story: Story = {
  names: products.data.data.map(({ name }) => name),
  order: { status: order.data.status, total: order.data.total, firstLine: order.data.items[0]?.name },
  conflict: { code, fields: details.map(({ field }) => field) },
}
console.log(JSON.stringify(story))

/** Never called: what the types are for. */
export function compiled() {
  const made = { sku: 'A-1', name: 'Chai', category: 'Beverages' }
  createProduct({ ...made, price: 18 })
  // @ts-expect-error a product has a price
  createProduct(made)
  // @ts-expect-error there is no such parameter
  listProducts({ order: 'price' })
  // @ts-expect-error a product has no colour
  return product.colour
}

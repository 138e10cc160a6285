import { client } from './generated/hey-api/client.gen.ts'
import {
  createCart,
  createCartItem,
  createOrder,
  createProduct,
  createUser,
  listProducts,
  login,
} from './generated/hey-api/index.ts'
import { baseUrl, MORE_THAN_THERE_IS, newEmail, PASSWORD, type Story } from './story.ts'

client.setConfig({ baseUrl: baseUrl() })

const products = await listProducts({ query: { sort: '-price,name', limit: 5 } })
if (!products.data) throw new Error(products.error.error.code)
const product = products.data.data[0]!

const email = newEmail()
// What has a default may be left out.
const user = await createUser({ body: { email, name: 'Ada', password: PASSWORD } })
if (!user.data) throw new Error(user.error.error.code)
const session = await login({ body: { email, password: PASSWORD } })
if (!session.data) throw new Error(session.error.error.code)
const { accessToken } = session.data
client.setConfig({ auth: () => accessToken })

const path = { userId: 'me' }
const cart = await createCart({ path, body: {} })
if (!cart.data) throw new Error(cart.error.error.code)
const item = await createCartItem({ path: { cartId: cart.data.id }, body: { productId: product.id, quantity: 2 } })
if (!item.data) throw new Error(item.error.error.code)
const order = await createOrder({ path, body: { cartId: cart.data.id } })
if (!order.data) throw new Error(order.error.error.code)

const refused = await createOrder({ path, body: { items: [{ productId: product.id, quantity: MORE_THAN_THERE_IS }] } })
if (refused.response?.status !== 409 || !refused.error) throw new Error(`status ${refused.response?.status}`)
const { code, details = [] } = refused.error.error

const story: Story = {
  names: products.data.data.map(({ name }) => name),
  order: { status: order.data.status, total: order.data.total, firstLine: order.data.items[0]?.name },
  conflict: { code, fields: details.map(({ field }) => field) },
}
console.log(JSON.stringify(story))

/** Never called: what the types are for. */
export function compiled() {
  const made = { sku: 'A-1', name: 'Chai', category: 'Beverages' }
  createProduct({ body: { ...made, price: 18 } })
  // @ts-expect-error a product has a price
  createProduct({ body: made })
  // @ts-expect-error there is no such parameter
  listProducts({ query: { order: 'price' } })
  // @ts-expect-error a product has no colour
  return product.colour
}

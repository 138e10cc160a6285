import createClient from 'openapi-fetch'
import type { paths } from './generated/openapi-typescript.ts'
import { baseUrl, MORE_THAN_THERE_IS, newEmail, PASSWORD, type Story } from './story.ts'

const client = createClient<paths>({ baseUrl: baseUrl() })

const products = await client.GET('/products', { params: { query: { sort: '-price,name', limit: 5 } } })
if (!products.data) throw new Error(products.error.error.code)
const product = products.data.data[0]!

const email = newEmail()
// What has a default may be left out.
const user = await client.POST('/users', { body: { email, name: 'Ada', password: PASSWORD } })
if (!user.data) throw new Error(user.error.error.code)
const login = await client.POST('/auth/login', { body: { email, password: PASSWORD } })
if (!login.data) throw new Error(login.error.error.code)
const headers = { authorization: `Bearer ${login.data.accessToken}` }

const me = { path: { userId: 'me' } }
const cart = await client.POST('/users/{userId}/carts', { params: me, body: {}, headers })
if (!cart.data) throw new Error(cart.error.error.code)
const inCart = { path: { cartId: cart.data.id } }
const item = { productId: product.id, quantity: 2 }
const added = await client.POST('/carts/{cartId}/items', { params: inCart, body: item, headers })
if (!added.data) throw new Error(added.error.error.code)
const order = await client.POST('/users/{userId}/orders', { params: me, body: { cartId: cart.data.id }, headers })
if (!order.data) throw new Error(order.error.error.code)

const tooMany = { items: [{ productId: product.id, quantity: MORE_THAN_THERE_IS }] }
const refused = await client.POST('/users/{userId}/orders', { params: me, body: tooMany, headers })
if (refused.response.status !== 409 || !refused.error) throw new Error(`status ${refused.response.status}`)
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
  client.POST('/products', { body: { ...made, price: 18 } })
  // @ts-expect-error a product has a price
  client.POST('/products', { body: made })
  // @ts-expect-error there is no such parameter
  client.GET('/products', { params: { query: { order: 'price' } } })
  // @ts-expect-error a product has no colour
  return products.data?.data[0]?.colour
}

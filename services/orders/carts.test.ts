import { expect, test } from 'vitest'
import { reference, type User } from '../../test/reference.ts'

const api = reference()

async function cartOf(user: User): Promise<any> {
  return (await api.ask('POST', `/users/${user.id}/carts`, { token: user.token, body: {} })).body
}

test('R-ORD-2: a cart begins open and empty, at its Location, and is the user’s alone', async () => {
  const [ann, bob] = [await api.user(), await api.user()]
  const made = await api.ask('POST', '/users/me/carts', { token: ann.token, body: {} })
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({ userId: ann.id, status: 'open', items: [], total: 0, currency: 'USD', version: 1 })
  const location = made.headers.get('location')!
  expect(location).toBe(`/v1/carts/${made.body.id}`)
  expect((await api.ask('GET', location, { token: ann.token })).body).toEqual(made.body)
  expect((await api.ask('GET', location, { token: bob.token })).status).toBe(403)
  expect((await api.ask('GET', location, { token: api.admin.token })).status).toBe(200)
  expect((await api.ask('GET', `/users/${ann.id}/carts`, { token: ann.token })).body.data).toEqual([made.body])
  expect((await api.ask('GET', `/users/${ann.id}/carts`, { token: bob.token })).status).toBe(403)
})

test('R-ORD-2: items take their price from the product, and quantities of one product add up', async () => {
  const user = await api.user()
  const product = await api.product({ price: 0.1 })
  const other = await api.product({ price: 0.2 })
  const cart = await cartOf(user)
  const path = `/carts/${cart.id}/items`
  const first = await api.ask('POST', path, { token: user.token, body: { productId: product.id, quantity: 1 } })
  expect(first.status).toBe(201)
  expect(first.headers.get('location')).toBe(`/v1${path}/${first.body.id}`)
  expect(first.body).toMatchObject({
    productId: product.id,
    sku: product.sku,
    quantity: 1,
    unitPrice: 0.1,
    lineTotal: 0.1,
  })
  const second = await api.ask('POST', path, { token: user.token, body: { productId: product.id, quantity: 2 } })
  expect(second.body).toMatchObject({ id: first.body.id, quantity: 3, lineTotal: 0.3 })
  await api.ask('POST', path, { token: user.token, body: { productId: other.id, quantity: 1 } })
  const after = (await api.ask('GET', `/carts/${cart.id}`, { token: user.token })).body
  expect(after).toMatchObject({ total: 0.5, version: 4 })
  expect(after.items.map((item: { quantity: number }) => item.quantity)).toEqual([3, 1])
  expect((await api.ask('GET', path, { token: user.token })).body).toMatchObject({
    data: [{ quantity: 3 }, { quantity: 1 }],
    pagination: { total: 2 },
  })
  const priced = await api.ask('POST', path, {
    token: user.token,
    body: { productId: product.id, quantity: 1, unitPrice: 0.01 },
  })
  expect(priced.status).toBe(400)
  expect(priced.body.error.details[0].field).toBe('unitPrice')
})

test('R-ORD-2: an item is changed and removed, and the cart’s total follows', async () => {
  const user = await api.user()
  const product = await api.product({ price: 2.5 })
  const cart = await cartOf(user)
  const item = (
    await api.ask('POST', `/carts/${cart.id}/items`, {
      token: user.token,
      body: { productId: product.id, quantity: 1 },
    })
  ).body
  const path = `/carts/${cart.id}/items/${item.id}`
  expect((await api.ask('PATCH', path, { token: user.token, body: { quantity: 4 } })).body).toMatchObject({
    quantity: 4,
    lineTotal: 10,
  })
  const other = await api.product({})
  expect(
    (await api.ask('PATCH', path, { token: user.token, body: { productId: other.id } })).body.error.details[0],
  ).toMatchObject({ field: 'productId' })
  expect((await api.ask('PATCH', path, { token: user.token, body: { quantity: 0 } })).status).toBe(400)
  expect((await api.ask('GET', `/carts/${cart.id}`, { token: user.token })).body.total).toBe(10)
  expect((await api.ask('DELETE', path, { token: user.token })).status).toBe(204)
  expect((await api.ask('GET', path, { token: user.token })).status).toBe(404)
  expect((await api.ask('GET', `/carts/${cart.id}`, { token: user.token })).body).toMatchObject({ items: [], total: 0 })
})

test('R-ORD-2: an item is found only under its own cart', async () => {
  const user = await api.user()
  const product = await api.product()
  const [cart, other] = [await cartOf(user), await cartOf(user)]
  const item = (
    await api.ask('POST', `/carts/${cart.id}/items`, {
      token: user.token,
      body: { productId: product.id, quantity: 1 },
    })
  ).body
  for (const token of [user.token, api.admin.token]) {
    expect((await api.ask('GET', `/carts/${other.id}/items/${item.id}`, { token })).status).toBe(404)
    expect(
      (await api.ask('PATCH', `/carts/${other.id}/items/${item.id}`, { token, body: { quantity: 2 } })).status,
    ).toBe(404)
    expect((await api.ask('DELETE', `/carts/${other.id}/items/${item.id}`, { token })).status).toBe(404)
  }
  expect((await api.ask('GET', `/carts/${cart.id}/items/${item.id}`, { token: user.token })).body.quantity).toBe(1)
})

test('R-ORD-2: an unknown product is a 422 that names the field, and one of another currency too', async () => {
  const user = await api.user()
  const [dollars, euros] = [await api.product(), await api.product({ currency: 'EUR' })]
  const path = `/carts/${(await cartOf(user)).id}/items`
  const unknown = await api.ask('POST', path, {
    token: user.token,
    body: { productId: 'prd_01h455vb4pex5vsknk084sn02q', quantity: 1 },
  })
  expect(unknown.status).toBe(422)
  expect(unknown.body.error.details[0].field).toBe('productId')
  expect(
    (await api.ask('POST', path, { token: user.token, body: { productId: dollars.id, quantity: 1 } })).status,
  ).toBe(201)
  expect((await api.ask('POST', path, { token: user.token, body: { productId: euros.id, quantity: 1 } })).status).toBe(
    422,
  )
})

test('R-ORD-2: a cart that is no longer open takes no change: 409 INVALID_TRANSITION', async () => {
  const user = await api.user()
  const product = await api.product()
  const cart = await cartOf(user)
  const item = (
    await api.ask('POST', `/carts/${cart.id}/items`, {
      token: user.token,
      body: { productId: product.id, quantity: 1 },
    })
  ).body
  expect((await api.ask('POST', '/users/me/orders', { token: user.token, body: { cartId: cart.id } })).status).toBe(201)
  const changes: [string, string, unknown][] = [
    ['POST', `/carts/${cart.id}/items`, { productId: product.id, quantity: 1 }],
    ['PATCH', `/carts/${cart.id}/items/${item.id}`, { quantity: 2 }],
    ['DELETE', `/carts/${cart.id}/items/${item.id}`, undefined],
    ['DELETE', `/carts/${cart.id}`, undefined],
    ['POST', '/users/me/orders', { cartId: cart.id }],
  ]
  for (const [method, path, body] of changes) {
    const { status, body: answer } = await api.ask(method, path, { token: user.token, body })
    expect([method, path, status, answer.error.code]).toEqual([method, path, 409, 'INVALID_TRANSITION'])
  }
})

test('R-ORD-2: a deleted cart is gone, with its items', async () => {
  const user = await api.user()
  const product = await api.product()
  const cart = await cartOf(user)
  const item = (
    await api.ask('POST', `/carts/${cart.id}/items`, {
      token: user.token,
      body: { productId: product.id, quantity: 1 },
    })
  ).body
  expect((await api.ask('DELETE', `/carts/${cart.id}`, { token: user.token })).status).toBe(204)
  for (const path of [`/carts/${cart.id}`, `/carts/${cart.id}/items`, `/carts/${cart.id}/items/${item.id}`])
    expect((await api.ask('GET', path, { token: user.token })).status).toBe(404)
  expect((await api.ask('GET', '/users/me/carts', { token: user.token })).body.data).toEqual([])
})

test('a cart holds 100 products, as an order does: one more is a 422', async () => {
  const user = await api.user()
  const cart = await cartOf(user)
  const products = await Promise.all(Array.from({ length: 101 }, () => api.product({ price: 1 })))
  const add = (productId: string) =>
    api.ask('POST', `/carts/${cart.id}/items`, { token: user.token, body: { productId, quantity: 1 } })
  for (const { id } of products.slice(0, 100)) expect((await add(id)).status).toBe(201)
  const refused = await add(products[100].id)
  expect([refused.status, refused.body.error.details[0].field]).toEqual([422, 'productId'])
  expect((await add(products[0].id)).status).toBe(201)
  expect((await api.ask('POST', '/users/me/orders', { token: user.token, body: { cartId: cart.id } })).body.total).toBe(
    101,
  )
})

import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reference } from '../../test/reference.ts'

const api = reference()
let db: pg.Client
beforeAll(async () => {
  db = new pg.Client(api.system.databases.orders)
  await db.connect()
})
afterAll(() => db.end())

const events = async (id: string) =>
  (await db.query('select type, data from lintel.outbox where aggregate_id = $1 order by position', [id])).rows

test('FC-57 R-ORD-3: an order of items takes stock, freezes prices and writes order.created, at its Location', async () => {
  const user = await api.user()
  const [chai, chang] = [await api.product({ price: 18, stock: 5 }), await api.product({ price: 0.1, stock: 9 })]
  const items = [
    { productId: chai.id, quantity: 2 },
    { productId: chang.id, quantity: 3 },
  ]
  const placed = await api.ask('POST', `/users/${user.id}/orders`, { token: user.token, body: { items } })
  expect(placed.status).toBe(201)
  expect(placed.headers.get('location')).toBe(`/v1/orders/${placed.body.id}`)
  expect(placed.body).toMatchObject({
    userId: user.id,
    status: 'pending',
    total: 36.3,
    currency: 'USD',
    items: [
      { productId: chai.id, sku: chai.sku, quantity: 2, unitPrice: 18, discount: 0, lineTotal: 36 },
      { productId: chang.id, quantity: 3, unitPrice: 0.1, lineTotal: 0.3 },
    ],
  })
  // By one clock, and one after the other.
  expect(placed.body.placedAt <= placed.body.createdAt).toBe(true)
  expect((await api.ask('GET', placed.headers.get('location')!, { token: user.token })).body).toEqual(placed.body)
  expect((await api.ask('GET', `/products/${chai.id}`)).body).toMatchObject({ stock: 3, version: 2 })
  await api.ask('PATCH', `/products/${chai.id}`, { token: api.admin.token, body: { price: 99 } })
  expect((await api.ask('GET', `/orders/${placed.body.id}`, { token: user.token })).body.total).toBe(36.3)
  const { items: lines, total, currency, userId, status, placedAt } = placed.body
  expect(await events(placed.body.id)).toEqual([
    { type: 'order.created', data: { items: lines, total, currency, userId, status, placedAt } },
  ])
})

test('R-ORD-3: a cart is ordered at the prices of the moment, and closed', async () => {
  const user = await api.user()
  const product = await api.product({ price: 10, stock: 4 })
  const cart = (await api.ask('POST', '/users/me/carts', { token: user.token, body: {} })).body
  await api.ask('POST', `/carts/${cart.id}/items`, { token: user.token, body: { productId: product.id, quantity: 4 } })
  await api.ask('PATCH', `/products/${product.id}`, { token: api.admin.token, body: { price: 12 } })
  expect((await api.ask('GET', `/carts/${cart.id}`, { token: user.token })).body.total).toBe(48)
  const placed = await api.ask('POST', '/users/me/orders', { token: user.token, body: { cartId: cart.id } })
  expect(placed.body).toMatchObject({ total: 48, items: [{ quantity: 4, unitPrice: 12 }] })
  expect((await api.ask('GET', `/carts/${cart.id}`, { token: user.token })).body).toMatchObject({ status: 'ordered' })
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(0)
})

test('R-ORD-3: what is refused changes nothing, and names the field', async () => {
  const [user, stranger] = [await api.user(), await api.user()]
  const product = await api.product({ stock: 3 })
  const strangers = (await api.ask('POST', '/users/me/carts', { token: stranger.token, body: {} })).body
  const empty = (await api.ask('POST', '/users/me/carts', { token: user.token, body: {} })).body
  const gone = await api.product()
  await api.ask('DELETE', `/products/${gone.id}`, { token: api.admin.token })
  const euros = await api.product({ currency: 'EUR' })
  const one = { productId: product.id, quantity: 1 }
  const cases: [unknown, number, string, string | undefined][] = [
    [{ items: [] }, 422, 'EMPTY_CART', undefined],
    [{ cartId: empty.id }, 422, 'EMPTY_CART', undefined],
    [{ items: [{ productId: gone.id, quantity: 1 }] }, 422, 'UNPROCESSABLE', 'items[0].productId'],
    [
      { items: [one, { productId: 'prd_01h455vb4pex5vsknk084sn02q', quantity: 1 }] },
      422,
      'UNPROCESSABLE',
      'items[1].productId',
    ],
    [{ items: [one, { productId: euros.id, quantity: 1 }] }, 422, 'UNPROCESSABLE', undefined],
    [{ cartId: strangers.id }, 422, 'UNPROCESSABLE', 'cartId'],
    [{ cartId: empty.id, items: [one] }, 400, 'VALIDATION_ERROR', 'items'],
    [{}, 400, 'VALIDATION_ERROR', 'items'],
    [{ items: [{ productId: product.id, quantity: 0 }] }, 400, 'VALIDATION_ERROR', 'items[0].quantity'],
    [{ items: [one, { productId: product.id, quantity: 3 }] }, 409, 'OUT_OF_STOCK', 'items[0].productId'],
    [{ items: [one, { productId: product.id, quantity: 1, discount: 0.5 }] }, 403, 'FORBIDDEN', 'items[1].discount'],
    [{ items: [{ ...one, unitPrice: 0.01 }] }, 403, 'FORBIDDEN', 'items[0].unitPrice'],
    [{ items: [one], placedAt: '1996-07-04T00:00:00Z' }, 403, 'FORBIDDEN', 'placedAt'],
  ]
  for (const [body, status, code, field] of cases) {
    const answer = await api.ask('POST', '/users/me/orders', { token: user.token, body })
    expect([body, answer.status, answer.body.error.code, answer.body.error.details?.[0].field]).toEqual([
      body,
      status,
      code,
      field,
    ])
  }
  expect((await api.ask('GET', '/users/me/orders', { token: user.token })).body.pagination.total).toBe(0)
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(3)
  expect((await api.ask('GET', `/carts/${empty.id}`, { token: user.token })).body.status).toBe('open')
})

test('R-ORD-3: out of stock names the product', async () => {
  const user = await api.user()
  const product = await api.product({ stock: 1 })
  const { body } = await api.ask('POST', '/users/me/orders', {
    token: user.token,
    body: { items: [{ productId: product.id, quantity: 2 }] },
  })
  expect(body.error.details[0].message).toContain(product.id)
})

test('R-ORD-3: of 50 buyers for 10 pieces exactly 10 get one, and stock never goes below zero', async () => {
  const user = await api.user()
  const [scarce, plenty] = [await api.product({ stock: 10 }), await api.product({ stock: 1000 })]
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => {
      const items = [
        { productId: scarce.id, quantity: 1 },
        { productId: plenty.id, quantity: 1 },
      ]
      return api.ask('POST', '/users/me/orders', {
        token: user.token,
        body: { items: i % 2 ? items : items.reverse() },
      })
    }),
  )
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
  expect(answers.filter(({ status, body }) => status === 409 && body.error.code === 'OUT_OF_STOCK')).toHaveLength(40)
  expect((await api.ask('GET', `/products/${scarce.id}`)).body.stock).toBe(0)
  expect((await api.ask('GET', `/products/${plenty.id}`)).body.stock).toBe(990)
  expect((await api.ask('GET', '/users/me/orders', { token: user.token })).body.pagination.total).toBe(10)
})

test('R-ORD-3: a cart is ordered once, however many try', async () => {
  const user = await api.user()
  const product = await api.product({ stock: 100 })
  const cart = (await api.ask('POST', '/users/me/carts', { token: user.token, body: {} })).body
  await api.ask('POST', `/carts/${cart.id}/items`, { token: user.token, body: { productId: product.id, quantity: 1 } })
  const answers = await Promise.all(
    Array.from({ length: 10 }, () =>
      api.ask('POST', '/users/me/orders', { token: user.token, body: { cartId: cart.id } }),
    ),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)])
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(99)
})

test('R-ORD-3: a buyer that is gone, or never was, cannot buy', async () => {
  const user = await api.user()
  const product = await api.product()
  const body = { items: [{ productId: product.id, quantity: 1 }] }
  expect(
    (await api.ask('POST', '/users/usr_01h455vb4pex5vsknk084sn02q/orders', { token: api.admin.token, body })).status,
  ).toBe(404)
  await api.ask('DELETE', '/users/me', { token: user.token })
  expect((await api.ask('POST', `/users/${user.id}/orders`, { token: user.token, body })).status).toBe(401)
  expect((await api.ask('POST', `/users/${user.id}/orders`, { token: api.admin.token, body })).status).toBe(404)
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(product.stock)
})

test('R-ORD-6: an admin imports history: its time, prices and discounts, with stock left alone', async () => {
  const user = await api.user()
  const product = await api.product({ price: 5, stock: 1 })
  const items = [
    { productId: product.id, quantity: 12, unitPrice: 14.4, discount: 0.15 },
    { productId: product.id, quantity: 3, unitPrice: 0.3335, discount: 0.5 },
  ]
  const placed = await api.ask('POST', `/users/${user.id}/orders`, {
    token: api.admin.token,
    body: { items, placedAt: '1996-07-04T02:00:00+02:00' },
  })
  expect(placed.status).toBe(201)
  // 12 × 14.4 × 0.85 = 146.88; 3 × 0.3335 × 0.5 = 0.50025
  expect(placed.body).toMatchObject({
    placedAt: '1996-07-04T00:00:00.000Z',
    total: 147.38,
    items: [{ lineTotal: 146.88, discount: 0.15 }, { lineTotal: 0.5 }],
  })
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(1)
  const list = await api.ask('GET', `/users/${user.id}/orders?placedBefore=1996-07-05&sort=-placedAt`, {
    token: user.token,
  })
  expect(list.body.data.map((order: { id: string }) => order.id)).toEqual([placed.body.id])
  const precise = await api.ask('POST', `/users/${user.id}/orders`, {
    token: api.admin.token,
    body: { items: [{ productId: product.id, quantity: 1, unitPrice: 1.00001 }] },
  })
  expect(precise.body.error.details[0].field).toBe('items[0].unitPrice')
})

test('R-BODY-3: a line is rounded half away from zero to the cent, each by itself', async () => {
  const product = await api.product()
  const items = [0.005, 0.015, 0.025, 2.675].map((unitPrice) => ({ productId: product.id, quantity: 1, unitPrice }))
  const { body } = await api.ask('POST', `/users/${api.admin.id}/orders`, { token: api.admin.token, body: { items } })
  expect(body.items.map((line: { lineTotal: number }) => line.lineTotal)).toEqual([0.01, 0.02, 0.03, 2.68])
  expect(body.total).toBe(2.74)
})

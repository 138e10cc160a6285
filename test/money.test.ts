import { beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { type Reply, reference, type User } from './reference.ts'

const api = reference()

let ann: User
beforeAll(async () => {
  ann = await api.user()
})

interface Line {
  productId: string
  quantity: number
  unitPrice?: unknown
  discount?: unknown
}

function buy(items: Line[], more: object = {}, { token }: { token: string } = ann): Promise<Reply> {
  return api.ask('POST', `/users/${ann.id}/orders`, { token, body: { items, ...more } })
}

/** History, where prices and discounts may be given. */
function imported(items: Line[]): Promise<Reply> {
  return buy(items, { placedAt: '1996-07-04T00:00:00Z' }, api.admin)
}

/** A cart of these products; quantities as they stand. */
async function cartOf(lines: [price: number, quantity: number][]): Promise<any> {
  const { token } = ann
  const cart = (await api.ask('POST', `/users/${ann.id}/carts`, { token })).body
  for (const [price, quantity] of lines) {
    const body = { productId: (await api.product({ price, stock: 100_000 })).id, quantity }
    expect((await api.ask('POST', `/carts/${cart.id}/items`, { token, body })).status).toBe(201)
  }
  return (await api.ask('GET', `/carts/${cart.id}`, { token })).body
}

function faultsOf({ status, body }: Reply): string[] {
  expect(status).toBe(400)
  return body.error.details.map((fault: { field: string }) => fault.field)
}

describe('amounts', () => {
  test('R-BODY-3: an amount comes back as the number that was sent, wherever it is shown', async () => {
    for (const price of [12.5, 0, 0.01, 0.1, 1, 19.99, 1.1, 4.35, 1_234_567.89, 9_999_999.99]) {
      const made = await api.product({ price })
      expect(made.price).toBe(price)
      expect(made.currency).toBe('USD')
      expect((await api.ask('GET', `/products/${made.id}`)).body.price).toBe(price)
      expect((await api.ask('GET', `/products?q=${made.sku}`)).body.data[0].price).toBe(price)
      expect((await api.ask('GET', `/products/${made.id}?fields=price`)).body).toEqual({ id: made.id, price })
      const { token } = api.admin
      const body = { sku: made.sku, name: 'x', category: 'x', price }
      expect((await api.ask('PUT', `/products/${made.id}`, { token, body })).body.price).toBe(price)
      expect((await api.ask('PATCH', `/products/${made.id}`, { token, body: { price } })).body.price).toBe(price)
    }
  })

  test('R-BODY-3: more than two decimals are a 400, never rounded in silence', async () => {
    const { token } = api.admin
    const { id, price: before } = await api.product()
    for (const price of [12.345, 1.005, 0.001, 1e-7, 19.999, 0.1 + 0.2, 9_999_999.989]) {
      const body = { sku: 'decimals', name: 'x', category: 'x', price }
      expect(faultsOf(await api.ask('POST', '/products', { token, body })), String(price)).toEqual(['price'])
      expect(faultsOf(await api.ask('PATCH', `/products/${id}`, { token, body: { price } }))).toEqual(['price'])
    }
    expect((await api.ask('GET', `/products/${id}`)).body.price).toBe(before)
  })

  test('R-BODY-3: an amount that is negative, or more than the field holds, is a 400', async () => {
    for (const price of [-0.01, -1, 10_000_000, 1e15, 1e21, 1e308]) {
      const body = { sku: 'range', name: 'x', category: 'x', price }
      const reply = await api.ask('POST', '/products', { token: api.admin.token, body })
      expect(faultsOf(reply), String(price)).toEqual(['price'])
    }
  })

  test('R-BODY-3: amounts are kept as numeric', async () => {
    const client = await connect(api.system.databases.orders!)
    const { rows } = await client.query(
      `select attrelid::regclass::text || '.' || attname as name from pg_attribute
       where attrelid::regclass::text in ('products', 'orders') and attname in ('price', 'total') and atttypid = 'numeric'::regtype
       order by 1`,
    )
    await client.end()
    expect(rows.map(({ name }) => name)).toEqual(['orders.total', 'products.price'])
  })
})

describe('sums', () => {
  test('R-BODY-3: 0.1 + 0.2 is 0.30 in a cart, an order, their items and their lists', async () => {
    const prices: [number, number][] = [
      [0.1, 1],
      [0.2, 1],
    ]
    const cart = await cartOf(prices)
    expect(cart).toMatchObject({ total: 0.3, currency: 'USD' })
    const { token } = ann
    const order = await api.ask('POST', `/users/${ann.id}/orders`, { token, body: { cartId: cart.id } })
    expect(order).toMatchObject({ status: 201, body: { total: 0.3, currency: 'USD' } })
    const { id } = order.body
    expect((await api.ask('GET', `/orders/${id}`, { token })).body.total).toBe(0.3)
    const items = (await api.ask('GET', `/orders/${id}/items`, { token })).body.data
    expect(items.map((item: any) => item.lineTotal).sort()).toEqual([0.1, 0.2])
    const exact = await api.ask('GET', '/orders?totalMin=0.30&totalMax=0.3', { token })
    expect(exact.body.data.map((one: any) => [one.id, one.total])).toEqual([[id, 0.3]])
  })

  test('R-BODY-3: three lines of 0.10 are 0.30', async () => {
    const lines: [number, number][] = [
      [0.1, 1],
      [0.1, 1],
      [0.1, 1],
    ]
    const cart = await cartOf(lines)
    expect(cart.total).toBe(0.3)
    const products = cart.items.map(({ productId }: Line) => ({ productId, quantity: 1 }))
    expect((await buy(products)).body.total).toBe(0.3)
  })

  test('R-BODY-3: prices times quantities are exact where doubles are not', async () => {
    const lines: [number, number, number][] = [
      [0.07, 100, 7],
      [1.1, 3, 3.3],
      [4.35, 100, 435],
      [19.99, 10_000, 199_900],
      [8.2, 3, 24.6],
      [0.29, 100, 29],
    ]
    const cart = await cartOf(lines.map(([price, quantity]) => [price, quantity]))
    expect(cart.items.map((item: any) => item.lineTotal)).toEqual(lines.map(([, , total]) => total))
    expect(cart.total).toBe(200_398.9)
    const order = (await buy(cart.items.map(({ productId, quantity }: Line) => ({ productId, quantity })))).body
    expect(order.items.map((item: any) => item.lineTotal)).toEqual(lines.map(([, , total]) => total))
    expect(order.total).toBe(200_398.9)
  })

  test('R-BODY-3: large amounts keep every cent', async () => {
    const cart = await cartOf([
      [9_999_999.99, 10_000],
      [9_999_999.97, 9_999],
      [0.01, 1],
    ])
    expect(cart.items.map((item: any) => item.lineTotal)).toEqual([99_999_999_900, 99_989_999_700.03, 0.01])
    expect(cart.total).toBe(199_989_999_600.04)
    const items = cart.items.map(({ productId, quantity }: Line) => ({ productId, quantity }))
    const order = (await buy(items)).body
    expect(order.total).toBe(199_989_999_600.04)
    const most = Array<Line>(100).fill({ ...items[0], unitPrice: 9_999_999.9999, quantity: 10_000 })
    expect((await imported(most)).body.total).toBe(9_999_999_999_900)
  })

  test('R-BODY-3: amounts of two currencies are never added', async () => {
    const { token } = ann
    const [dollars, euros] = [await api.product(), await api.product({ currency: 'EUR' })]
    const cart = (await api.ask('POST', `/users/${ann.id}/carts`, { token })).body
    const add = (productId: string) =>
      api.ask('POST', `/carts/${cart.id}/items`, { token, body: { productId, quantity: 1 } })
    expect((await add(euros.id)).status).toBe(201)
    expect(await add(dollars.id)).toMatchObject({ status: 422, body: { error: { code: 'UNPROCESSABLE' } } })
    expect((await api.ask('GET', `/carts/${cart.id}`, { token })).body).toMatchObject({ total: 18, currency: 'EUR' })
    const both = [dollars, euros].map(({ id }) => ({ productId: id, quantity: 1 }))
    expect(await buy(both)).toMatchObject({ status: 422, body: { error: { code: 'UNPROCESSABLE' } } })
  })
})

describe('rounding', () => {
  test('R-BODY-3: a line is rounded half away from zero to the cent, from its exact value', async () => {
    const productId = (await api.product()).id
    const lines: [unitPrice: number, quantity: number, discount: number, lineTotal: number][] = [
      [1.005, 1, 0, 1.01],
      [2.675, 1, 0, 2.68],
      [0.005, 1, 0, 0.01],
      [0.0049, 1, 0, 0],
      [0.0001, 50, 0, 0.01],
      [0.0001, 49, 0, 0],
      [1.115, 3, 0, 3.35],
      [18.6, 9, 0.15, 142.29],
      [10, 3, 0.3333, 20],
      [0.1, 1, 0.05, 0.1],
      [0.9, 1, 0.05, 0.86],
      [14.5, 1, 0.0001, 14.5],
      [5, 7, 1, 0],
      [1234.5678, 9999, 0.1234, 10_821_139.11],
    ]
    const { status, body } = await imported(
      lines.map(([unitPrice, quantity, discount]) => ({ productId, unitPrice, quantity, discount })),
    )
    expect(status).toBe(201)
    expect(body.items.map((item: any) => item.lineTotal)).toEqual(lines.map(([, , , lineTotal]) => lineTotal))
    expect(body.items.map((item: any) => item.unitPrice)).toEqual(lines.map(([unitPrice]) => unitPrice))
    expect((await api.ask('GET', `/orders/${body.id}`, { token: ann.token })).body).toEqual(body)
  })

  test('R-BODY-3: it is rounded per line, and the total is the sum of the lines', async () => {
    const line = { productId: (await api.product()).id, unitPrice: 0.005, quantity: 1 }
    const { body } = await imported([line, line, line])
    expect(body.items.map((item: any) => item.lineTotal)).toEqual([0.01, 0.01, 0.01])
    expect(body.total).toBe(0.03)
  })

  test('R-BODY-3: more decimals than the field allows, four here, are a 400', async () => {
    const productId = (await api.product()).id
    const wrong = { productId, quantity: 1, unitPrice: 0.00005, discount: 0.12345 }
    expect(faultsOf(await imported([wrong]))).toEqual(['items[0].unitPrice', 'items[0].discount'])
    const beyond = { productId, quantity: 1, unitPrice: 10_000_000, discount: 1.0001 }
    expect(faultsOf(await imported([beyond]))).toEqual(['items[0].unitPrice', 'items[0].discount'])
  })
})

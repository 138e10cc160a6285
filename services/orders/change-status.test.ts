import pg from 'pg'
import { expect, test } from 'vitest'
import { reference, type User } from '../../test/reference.ts'

const api = reference()

async function orderOf(user: User, stock = 5): Promise<{ order: any; product: any }> {
  const product = await api.product({ stock })
  const body = { items: [{ productId: product.id, quantity: 2 }] }
  return { order: (await api.ask('POST', '/users/me/orders', { token: user.token, body })).body, product }
}

const change = (id: string, status: string, token: string, version?: number) =>
  api.ask('PATCH', `/orders/${id}`, { token, body: { status, ...(version === undefined ? {} : { version }) } })

test('R-ORD-5: an admin takes an order from pending to delivered, an event each', async () => {
  const user = await api.user()
  const { order } = await orderOf(user)
  let version = 1
  for (const status of ['paid', 'shipped', 'delivered']) {
    const changed = await change(order.id, status, api.admin.token, version)
    expect(changed.status).toBe(200)
    expect(changed.body).toMatchObject({ status, version: ++version })
    expect(changed.headers.get('etag')).toBe(`"${version}"`)
  }
  const db = new pg.Client(api.system.databases.orders)
  await db.connect()
  const { rows } = await db.query('select type from lintel.outbox where aggregate_id = $1 order by position', [
    order.id,
  ])
  await db.end()
  expect(rows.map(({ type }) => type)).toEqual(['order.created', 'order.paid', 'order.shipped', 'order.delivered'])
})

test('R-ORD-5: every other change of state is a 409 INVALID_TRANSITION', async () => {
  const states = ['pending', 'paid', 'shipped', 'delivered', 'cancelled']
  const ways: Record<string, string[]> = {
    pending: [],
    paid: ['paid'],
    shipped: ['paid', 'shipped'],
    delivered: ['paid', 'shipped', 'delivered'],
    cancelled: ['cancelled'],
  }
  const allowed: Record<string, string[]> = {
    pending: ['paid', 'cancelled'],
    paid: ['shipped', 'cancelled'],
    shipped: ['delivered'],
    delivered: [],
    cancelled: [],
  }
  const user = await api.user()
  for (const from of states)
    for (const to of states.filter((state) => !allowed[from]!.includes(state))) {
      const { order } = await orderOf(user)
      for (const step of ways[from]!) await change(order.id, step, api.admin.token)
      const { status, body } = await change(order.id, to, api.admin.token)
      expect([from, to, status, body.error.code]).toEqual([from, to, 409, 'INVALID_TRANSITION'])
    }
})

test('R-ORD-5: the owner cancels while it is pending, and stock returns; every other change is an admin’s', async () => {
  const user = await api.user()
  const { order, product } = await orderOf(user)
  const stock = async () => (await api.ask('GET', `/products/${product.id}`)).body.stock
  expect(await stock()).toBe(3)
  for (const status of ['paid', 'shipped', 'delivered', 'pending'])
    expect((await change(order.id, status, user.token)).status).toBe(403)
  expect((await change(order.id, 'cancelled', (await api.user()).token)).status).toBe(403)
  expect((await change(order.id, 'cancelled', user.token)).body.status).toBe('cancelled')
  expect(await stock()).toBe(5)
  const { order: paid } = await orderOf(user)
  await change(paid.id, 'paid', api.admin.token)
  expect((await change(paid.id, 'cancelled', user.token)).status).toBe(403)
  expect((await change(paid.id, 'cancelled', api.admin.token)).status).toBe(200)
})

test('R-ORD-5: ten cancellations at once return the stock once', async () => {
  const user = await api.user()
  const { order, product } = await orderOf(user)
  const answers = await Promise.all(Array.from({ length: 10 }, () => change(order.id, 'cancelled', api.admin.token)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(409)])
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(5)
})

test('R-ORD-5: an order can be cancelled however much there is in stock by then', async () => {
  const user = await api.user()
  const { order, product } = await orderOf(user)
  const most = 2 ** 31 - 1
  await api.ask('PATCH', `/products/${product.id}`, { token: api.admin.token, body: { stock: most - 1 } })
  expect((await change(order.id, 'cancelled', user.token)).status).toBe(200)
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(most)
})

test('R-ORD-6: cancelling imported history returns no stock, for none was taken', async () => {
  const product = await api.product({ stock: 1 })
  const body = { items: [{ productId: product.id, quantity: 7 }], placedAt: '1996-07-04' }
  const refused = await api.ask('POST', `/users/${api.admin.id}/orders`, { token: api.admin.token, body })
  expect(refused.body.error.details[0].field).toBe('placedAt')
  const order = (
    await api.ask('POST', `/users/${api.admin.id}/orders`, {
      token: api.admin.token,
      body: { ...body, placedAt: '1996-07-04T00:00:00Z' },
    })
  ).body
  expect((await change(order.id, 'cancelled', api.admin.token)).status).toBe(200)
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(1)
})

test('R-ORD-5: orders are never deleted nor replaced: 405 with Allow', async () => {
  const user = await api.user()
  const { order } = await orderOf(user)
  for (const method of ['DELETE', 'PUT']) {
    const { status, headers } = await api.ask(method, `/orders/${order.id}`, { token: api.admin.token })
    expect(status).toBe(405)
    expect(headers.get('allow')!.split(', ').sort()).toEqual(['GET', 'HEAD', 'OPTIONS', 'PATCH'])
  }
})

test('R-ORD-4: a user sees their own orders, an admin all, with filters and sorts', async () => {
  const [ann, bob] = [await api.user(), await api.user()]
  const { order: first } = await orderOf(ann)
  const { order: second } = await orderOf(ann)
  const { order: theirs } = await orderOf(bob)
  const ids = async (path: string, token: string) =>
    (await api.ask('GET', path, { token })).body.data.map((one: { id: string }) => one.id)
  expect(await ids('/orders', ann.token)).toEqual([second.id, first.id])
  expect(await ids(`/users/${ann.id}/orders?sort=createdAt`, ann.token)).toEqual([first.id, second.id])
  expect(await ids('/orders?limit=100', api.admin.token)).toEqual(
    expect.arrayContaining([first.id, second.id, theirs.id]),
  )
  expect((await api.ask('GET', `/users/${ann.id}/orders`, { token: bob.token })).status).toBe(403)
  expect((await api.ask('GET', `/orders/${first.id}`, { token: bob.token })).status).toBe(403)
  expect((await api.ask('GET', '/orders')).status).toBe(401)
  await change(first.id, 'paid', api.admin.token)
  expect(await ids('/orders?status=paid,shipped', ann.token)).toEqual([first.id])
  expect(await ids('/orders?totalMin=1000', ann.token)).toEqual([])
  const items = await api.ask('GET', `/orders/${first.id}/items`, { token: ann.token })
  expect(items.body.data).toEqual([expect.objectContaining({ ...first.items[0], orderId: first.id })])
  expect((await api.ask('GET', `/orders/${first.id}/items`, { token: bob.token })).status).toBe(403)
})

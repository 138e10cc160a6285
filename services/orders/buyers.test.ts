import { newId, uuidOf } from 'lintel/service'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { deliverAgain, handledAll, holdBack, takeAway } from '../../test/delivery.ts'
import { reference, type User } from '../../test/reference.ts'
import { until } from '../../test/system-process.ts'
import { User as Users } from '../users/contract.ts'
import { Product as Products } from './contract.ts'

const api = reference()
let db: pg.Client
beforeAll(async () => {
  db = new pg.Client(api.system.databases.orders)
  await db.connect()
})
afterAll(() => db?.end())

const USER_EVENTS = ['user.created', 'user.updated', 'user.deleted']
const heard = () => handledAll(api.system, 'orders.buyers', 'users', USER_EVENTS)
const buyer = async ({ id }: { id: string }) =>
  (await db.query('select email, name, active from buyers where id = $1', [uuidOf(Users, id)])).rows[0]
const order = async (user: { id: string }, token: string, product: { id: string }) =>
  api.ask('POST', `/users/${user.id}/orders`, { token, body: { items: [{ productId: product.id, quantity: 2 }] } })
const remove = (user: User) => api.ask('DELETE', '/users/me', { token: user.token })

/** After an outage it takes a second until a circuit breaker lets calls through again; until then what was heard answers. */
const usersAreAsked = () =>
  until(async () => {
    const path = `/users/${newId('usr')}/carts`
    return (await api.ask('POST', path, { token: api.admin.token, body: {} })).status === 404
  })

test('R-ORD-3: who registers, changes a name or leaves is known here, however often it is told', async () => {
  const user = await api.user('Ann')
  await heard()
  expect(await buyer(user)).toEqual({ email: user.email, name: 'Ann', active: true })
  await api.ask('PATCH', '/users/me', { token: user.token, body: { name: 'Anna' } })
  await heard()
  await deliverAgain(api.system, 'orders.buyers')
  expect(await buyer(user)).toEqual({ email: user.email, name: 'Anna', active: true })
})

test('R-ORD-3: while the users service is down, what was heard of its users answers; of others nobody knows: 503', async () => {
  const [known, gone] = [await api.user(), await api.user()]
  const product = await api.product()
  await heard()
  await remove(gone)
  await heard()
  const letIn = await holdBack(api.system, 'orders.buyers')
  const unknown = await api.user()
  const giveBack = await takeAway(inject('databaseServer'), api.system.databases.users!)
  try {
    expect((await order(known, known.token, product)).status).toBe(201)
    expect((await order(gone, api.admin.token, product)).status).toBe(404)
    const { status, headers, body } = await order(unknown, unknown.token, product)
    expect([status, body.error.code]).toEqual([503, 'SERVICE_UNAVAILABLE'])
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  } finally {
    await giveBack()
    await letIn()
  }
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(product.stock - 2)
})

test('FC-56 R-REST-4: below a user who is not there an admin makes and lists nothing; history stays to be read', async () => {
  const { token } = api.admin
  const nobody = newId('usr')
  const [gone, other] = [await api.user(), await api.user()]
  const product = await api.product()
  expect((await order(gone, gone.token, product)).status).toBe(201)
  expect((await api.ask('POST', `/users/${gone.id}/carts`, { token, body: {} })).status).toBe(201)
  await remove(gone)
  await heard()
  for (const id of [nobody, gone.id])
    expect((await api.ask('POST', `/users/${id}/carts`, { token, body: {} })).status).toBe(404)
  // Whether it is there goes before what is wrong with the body.
  expect((await api.ask('POST', `/users/${nobody}/orders`, { token, body: { odd: 1 } })).status).toBe(404)
  const status = async (path: string) => (await api.ask('GET', path, { token })).status
  expect([await status(`/users/${nobody}/carts`), await status(`/users/${nobody}/orders`)]).toEqual([404, 404])
  expect(await status(`/users/${gone.id}/carts`)).toBe(404)
  const history = await api.ask('GET', `/users/${gone.id}/orders`, { token })
  expect(history.body.data).toMatchObject([{ userId: gone.id, status: 'cancelled' }])
  expect(await status(`/users/${gone.id}/orders?status=paid`)).toBe(200)
  expect(await status(`/users/${other.id}/orders`)).toBe(200)
  // To an owner nothing is told of others.
  const below = await api.ask('GET', `/users/${nobody}/carts`, { token: other.token })
  expect(below.status).toBe(403)
})

test('FC-56 R-ORD-3: while the users service is down, what was heard of its users decides what may be made below them', async () => {
  const { token } = api.admin
  const [known, gone] = [await api.user(), await api.user()]
  await heard()
  await remove(gone)
  await heard()
  const giveBack = await takeAway(inject('databaseServer'), api.system.databases.users!)
  try {
    const make = async (id: string) => (await api.ask('POST', `/users/${id}/carts`, { token, body: {} })).status
    expect([await make(known.id), await make(gone.id), await make(newId('usr'))]).toEqual([201, 404, 503])
    const list = async (id: string) => (await api.ask('GET', `/users/${id}/orders`, { token })).status
    expect([await list(known.id), await list(gone.id), await list(newId('usr'))]).toEqual([200, 404, 503])
    // Who asks for themselves is not asked about.
    expect((await api.ask('POST', '/users/me/carts', { token: known.token, body: {} })).status).toBe(201)
  } finally {
    await giveBack()
  }
})

test('R-ORD-3, R-P-8: an order of a user who is deleted while they place it is a 404', async () => {
  const [user, product] = [await api.user(), await api.product()]
  await usersAreAsked()
  // Without the event that ends the user's session: their token is still good.
  const users = new pg.Client(api.system.databases.users)
  await users.connect()
  await users.query('update users set deleted_at = now() where id = $1', [uuidOf(Users, user.id)])
  await users.end()
  expect((await order(user, user.token, product)).status).toBe(404)
})

test('R-ORD-7: of a user who is deleted open carts go, pending orders are cancelled, and name and email are forgotten', async () => {
  const user = await api.user('Bob')
  const product = await api.product({ stock: 20 })
  const [pending, paid] = [(await order(user, user.token, product)).body, (await order(user, user.token, product)).body]
  await api.ask('PATCH', `/orders/${paid.id}`, { token: api.admin.token, body: { status: 'paid' } })
  const imported = (
    await api.ask('POST', `/users/${user.id}/orders`, {
      token: api.admin.token,
      body: { items: [{ productId: product.id, quantity: 5 }], placedAt: '1996-07-04T00:00:00Z' },
    })
  ).body
  const [open, ordered] = [
    (await api.ask('POST', '/users/me/carts', { token: user.token, body: {} })).body,
    (await api.ask('POST', '/users/me/carts', { token: user.token, body: {} })).body,
  ]
  await api.ask('POST', `/carts/${ordered.id}/items`, {
    token: user.token,
    body: { productId: product.id, quantity: 1 },
  })
  await api.ask('POST', '/users/me/orders', { token: user.token, body: { cartId: ordered.id } })
  const another = await api.user()
  const theirs = (await order(another, another.token, product)).body
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(13)

  await remove(user)
  await heard()
  const status = async ({ id }: { id: string }) =>
    (await api.ask('GET', `/orders/${id}`, { token: api.admin.token })).body.status
  const cart = async ({ id }: { id: string }) =>
    (await api.ask('GET', `/carts/${id}`, { token: api.admin.token })).status
  const check = async () => {
    expect([await status(pending), await status(paid), await status(imported), await status(theirs)]).toEqual([
      'cancelled',
      'paid',
      'cancelled',
      'pending',
    ])
    expect([await cart(open), await cart(ordered)]).toEqual([404, 200])
    // The pending order's 2, the ordered cart's 1; what was imported took none.
    expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(16)
    expect(await buyer(user)).toEqual({ email: null, name: null, active: false })
    const { rows } = await db.query(
      `select aggregate_id from lintel.outbox where type = 'order.cancelled' and data ->> 'userId' = $1`,
      [user.id],
    )
    expect(rows).toHaveLength(3)
  }
  await check()
  await deliverAgain(api.system, 'orders.buyers')
  await check()
})

test('R-ORD-7: who is forgotten stays so, whatever comes after it', async () => {
  const user = await api.user('Carl')
  await remove(user)
  await heard()
  // As when an event of long ago is sent again, of which the inbox knows no more.
  await db.query('delete from lintel.inbox where aggregate_id = $1', [user.id])
  await deliverAgain(api.system, 'orders.buyers')
  await heard()
  expect(await buyer(user)).toEqual({ email: null, name: null, active: false })
  await db.query(
    `insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at, data)
     values ('orders.buyers', gen_random_uuid(), 'user.updated', $1, now(), $2)`,
    [user.id, JSON.stringify({ id: user.id, email: user.email, name: 'Carl' })],
  )
  await api.user()
  await heard()
  expect(await buyer(user)).toEqual({ email: null, name: null, active: false })
})

test('R-ORD-7: an order that is placed while its buyer is being forgotten is refused or cancelled, and keeps no stock', async () => {
  const product = await api.product({ stock: 1_000 })
  const buyers = await Promise.all(Array.from({ length: 8 }, () => api.user()))
  await heard()
  await Promise.all(
    buyers.flatMap((user) => [
      ...Array.from({ length: 4 }, () => order(user, api.admin.token, product)),
      remove(user),
      ...Array.from({ length: 4 }, () => order(user, api.admin.token, product)),
    ]),
  )
  await heard()
  const { rows } = await db.query(`select status from orders where user_id = any($1)`, [
    buyers.map(({ id }) => uuidOf(Users, id)),
  ])
  expect(rows.every(({ status }) => status === 'cancelled')).toBe(true)
  expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(1_000)
})

test('FC-78 R-ORD-7: a checkout and the end of its user wait for each other in one order, and neither in a circle', async () => {
  for (let i = 0; i < 5; i++) {
    const [user, product] = [await api.user(), await api.product()]
    await heard()
    const { body: cart } = await api.ask('POST', `/users/${user.id}/carts`, { token: user.token, body: {} })
    await api.ask('POST', `/carts/${cart.id}/items`, {
      token: user.token,
      body: { productId: product.id, quantity: 2 },
    })
    // The checkout has its buyer and its cart, and waits for the product.
    await db.query('begin')
    await db.query('select from products where id = $1 for update', [uuidOf(Products, product.id)])
    const placed = api.ask('POST', `/users/${user.id}/orders`, { token: user.token, body: { cartId: cart.id } })
    await waitsFor('%update products%')
    await remove(user)
    // In the other order this one would have the buyer, and wait for the cart.
    await waitsFor('%insert into buyers%')
    await db.query('commit')
    const { status, body: order } = await placed
    expect(status).toBe(201)
    await heard()
    expect((await api.ask('GET', `/orders/${order.id}`, { token: api.admin.token })).body.status).toBe('cancelled')
    expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(product.stock)
  }
})

/** Resolves once a statement waits for another's lock. */
async function waitsFor(statement: string) {
  const waiting = `select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and query like $1`
  await until(async () => {
    // In a transaction it would go on showing what it showed first.
    await db.query('select pg_stat_clear_snapshot()')
    return (await db.query(waiting, [statement])).rowCount! > 0
  })
}

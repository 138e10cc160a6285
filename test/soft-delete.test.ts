import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { databaseSettings } from '../src/testing/system.ts'
import { PASSWORD, reference, type User } from './reference.ts'

const api = reference()

let usersDb: Database
let ordersDb: Database

beforeAll(() => {
  usersDb = openDatabase('test', api.system.databases.users!)
  ordersDb = openDatabase('test', api.system.databases.orders!)
})
afterAll(() => Promise.all([usersDb?.close(), ordersDb?.close()]))

const asAdmin = (method: string, path: string, body?: unknown) =>
  api.ask(method, path, { token: api.admin.token, body })
const register = (email: string) => api.ask('POST', '/users', { body: { email, name: 'Ann', password: PASSWORD } })
const newEmail = () => `${crypto.randomUUID()}@example.com`

const rowOf = async (db: Database, table: string, id: string) =>
  (await db.query(`select version, deleted_at from ${table} where id = lintel.uuid($1)`, [id]))[0]
const events = async (db: Database, id: string) =>
  (
    await db.query<{ type: string }>('select type from lintel.outbox where aggregate_id = $1 order by position', [id])
  ).map(({ type }) => type)

async function deletedUser(): Promise<User> {
  const user = await api.user()
  expect((await asAdmin('DELETE', `/users/${user.id}`)).status).toBe(204)
  return user
}

async function deletedProduct(values: Record<string, unknown> = {}) {
  const product = await api.product(values)
  expect((await asAdmin('DELETE', `/products/${product.id}`)).status).toBe(204)
  return product
}

describe('what is deleted', () => {
  test('R-DEL-1, R-REST-6: cannot be read, changed or deleted again', async () => {
    const [user, product] = [await deletedUser(), await deletedProduct()]
    const whole = { sku: product.sku, name: 'x', category: 'x', price: 1 }
    for (const [path, patch, put] of [
      [`/users/${user.id}`, { name: 'x' }, { email: user.email, name: 'x', roles: ['member'] }],
      [`/products/${product.id}`, { stock: 1 }, whole],
    ] as const) {
      const replies = [
        await asAdmin('GET', path),
        await asAdmin('HEAD', path),
        await asAdmin('GET', `${path}?fields=id`),
        await asAdmin('PATCH', path, patch),
        await asAdmin('PATCH', path, { ...patch, version: 2 }),
        await asAdmin('PATCH', path, {}),
        await asAdmin('PUT', path.replace('/users', '/v2/users'), put),
        await asAdmin('DELETE', path),
      ]
      expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(404))
    }
    expect(await events(ordersDb, product.id)).toEqual(['product.created', 'product.deleted'])
  })

  test('R-DEL-1: is in no list, found by no filter or search, and not counted', async () => {
    const category = 'Deleted'
    const here = await api.product({ category, name: 'Here' })
    const gone = await deletedProduct({ category, name: 'Gone' })
    for (const query of [
      `category=${category}`,
      `category=${category}&count=exact`,
      `category=${category}&sort=-name`,
    ]) {
      const { data, pagination } = (await api.ask('GET', `/products?${query}`)).body
      expect(data.map(({ id }: { id: string }) => id)).toEqual([here.id])
      expect(pagination.total).toBe(1)
    }
    expect((await api.ask('GET', `/products?q=${gone.sku}`)).body).toMatchObject({ data: [], pagination: { total: 0 } })
    const user = await deletedUser()
    expect((await asAdmin('GET', `/users?email=${user.email}`)).body).toMatchObject({
      data: [],
      pagination: { total: 0 },
    })
    expect((await asAdmin('GET', '/users?limit=100')).body.data.map(({ id }: { id: string }) => id)).not.toContain(
      user.id,
    )
  })

  test('R-DEL-1: cannot log in, and gets the answer of somebody who never was', async () => {
    const user = await deletedUser()
    const login = (email: string) => api.ask('POST', '/auth/login', { body: { email, password: PASSWORD } })
    const [gone, never] = [await login(user.email), await login(newEmail())]
    expect([gone.status, gone.body.error.code, gone.body.error.message]).toEqual([
      401,
      'INVALID_CREDENTIALS',
      never.body.error.message,
    ])
  })

  test('R-DEL-1: stays in its table with its time and a new version; the view shows the rest', async () => {
    const [user, product] = [await deletedUser(), await deletedProduct()]
    for (const [db, table, { id }] of [
      [usersDb, 'users', user],
      [ordersDb, 'products', product],
    ] as const) {
      const row = await rowOf(db, table, id)
      expect(row).toEqual({ version: 2, deleted_at: expect.any(String) })
      expect(Math.abs(Date.parse(String(row!.deleted_at)) - Date.now())).toBeLessThan(60_000)
      expect(await rowOf(db, `active_${table}`, id)).toBeUndefined()
    }
    const living = await api.product()
    expect(await rowOf(ordersDb, 'active_products', living.id)).toEqual({ version: 1, deleted_at: null })
  })

  test('R-DEL-1: gives its unique values free, in any case of letters, and not before', async () => {
    const email = newEmail()
    const first = await register(email)
    const taken = await register(email.toUpperCase())
    expect([taken.status, taken.body.error.code, taken.body.error.details]).toEqual([
      409,
      'DUPLICATE',
      [{ field: 'email', message: 'is already taken' }],
    ])
    await asAdmin('DELETE', `/users/${first.body.id}`)
    const again = await register(email.toUpperCase())
    expect([again.status, again.body.version]).toEqual([201, 1])
    expect(again.body.id).not.toBe(first.body.id)
    expect((await register(email)).status).toBe(409)
    // The second life ends like the first; neither comes back.
    await asAdmin('DELETE', `/users/${again.body.id}`)
    expect((await register(email)).status).toBe(201)
    expect((await asAdmin('GET', `/users/${first.body.id}`)).status).toBe(404)

    const sku = crypto.randomUUID()
    const product = await api.product({ sku })
    const body = { sku, name: 'Chai', category: 'Teas', price: 1 }
    expect((await asAdmin('POST', '/products', body)).body.error.details).toEqual([
      { field: 'sku', message: 'is already taken' },
    ])
    await asAdmin('DELETE', `/products/${product.id}`)
    expect((await asAdmin('POST', '/products', body)).status).toBe(201)
  })

  test('R-DEL-1: leaves its address to one who changes theirs', async () => {
    const [gone, user] = [await deletedUser(), await api.user()]
    expect((await asAdmin('PATCH', `/users/${user.id}`, { email: gone.email })).body.email).toBe(gone.email)
    const other = await api.user()
    expect((await asAdmin('PATCH', `/users/${other.id}`, { email: gone.email })).status).toBe(409)
  })

  test('R-DEL-1: of 20 who register a freed address at once exactly one gets it', async () => {
    const { email } = await deletedUser()
    const replies = await Promise.all(Array.from({ length: 20 }, () => register(email)))
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(19).fill(409)])
  })

  test('R-DEL-1: of 20 who delete one thing at once exactly one does, and there is one event', async () => {
    const product = await api.product()
    const replies = await Promise.all(Array.from({ length: 20 }, () => asAdmin('DELETE', `/products/${product.id}`)))
    expect(replies.map(({ status }) => status).sort()).toEqual([204, ...Array(19).fill(404)])
    expect(await events(ordersDb, product.id)).toEqual(['product.created', 'product.deleted'])
    expect(await rowOf(ordersDb, 'products', product.id)).toMatchObject({ version: 2 })
  })

  test('R-DEL-1: a product can no longer be bought, and stays in the orders that have it', async () => {
    const user = await api.user()
    const mine = (method: string, path: string, body?: unknown) => api.ask(method, path, { token: user.token, body })
    const product = await api.product()
    const wanted = { items: [{ productId: product.id, quantity: 1 }] }
    const order = (await mine('POST', '/users/me/orders', wanted)).body
    const cart = (await mine('POST', '/users/me/carts', {})).body
    await asAdmin('DELETE', `/products/${product.id}`)
    expect((await mine('POST', '/users/me/orders', wanted)).body.error).toMatchObject({
      code: 'UNPROCESSABLE',
      details: [{ field: 'items[0].productId' }],
    })
    expect((await mine('POST', `/carts/${cart.id}/items`, { productId: product.id, quantity: 1 })).status).toBe(422)
    expect((await mine('GET', `/orders/${order.id}`)).body).toEqual(order)
    expect((await mine('GET', `/orders/${order.id}/items`)).body.data).toMatchObject([{ productId: product.id }])
  })

  test('R-DEL-1: a cart takes its items out of sight, and cannot be ordered', async () => {
    const user = await api.user()
    const mine = (method: string, path: string, body?: unknown) => api.ask(method, path, { token: user.token, body })
    const cart = (await mine('POST', '/users/me/carts', {})).body
    const product = await api.product()
    const item = (await mine('POST', `/carts/${cart.id}/items`, { productId: product.id, quantity: 1 })).body
    expect((await mine('DELETE', `/carts/${cart.id}`)).status).toBe(204)
    const items = `/carts/${cart.id}/items`
    const replies = [
      await mine('GET', `/carts/${cart.id}`),
      await mine('GET', items),
      await mine('GET', `${items}/${item.id}`),
      await mine('POST', items, { productId: product.id, quantity: 1 }),
      await mine('PATCH', `${items}/${item.id}`, { quantity: 2 }),
      await mine('DELETE', `${items}/${item.id}`),
      await mine('DELETE', `/carts/${cart.id}`),
    ]
    expect(replies.map(({ status }) => status)).toEqual(Array(7).fill(404))
    expect((await mine('GET', '/users/me/carts')).body).toMatchObject({ data: [], pagination: { total: 0 } })
    expect((await mine('POST', '/users/me/orders', { cartId: cart.id })).body.error).toMatchObject({
      code: 'UNPROCESSABLE',
      details: [{ field: 'cartId' }],
    })
    expect((await api.ask('GET', `/products/${product.id}`)).body.stock).toBe(100)
  })
})

describe('lintel purge', () => {
  async function purge(...args: string[]): Promise<{ code: number; output: string }> {
    const loader = ['--conditions=lintel-source', '--import', new URL('./source/register.mjs', import.meta.url).href]
    const command = [...loader, 'src/cli/main.ts', 'purge', ...args]
    const env = { PATH: process.env.PATH, LOG_LEVEL: 'warn', ...databaseSettings(api.system.databases) }
    return promisify(execFile)(process.execPath, command, { env }).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, output: stdout + stderr }),
    )
  }

  const age = (db: Database, table: string, id: string, interval: string) =>
    db.query(`update ${table} set deleted_at = now() - $2::interval where id = lintel.uuid($1)`, [id, interval])

  test('R-DEL-1: --older-than 30d removes for good what was deleted before, and nothing else', async () => {
    const [oldUser, newUser, living] = [await deletedUser(), await deletedUser(), await api.user()]
    const [oldProduct, newProduct] = [await deletedProduct(), await deletedProduct()]
    await age(usersDb, 'users', oldUser.id, '30 days 1 minute')
    await age(usersDb, 'users', newUser.id, '29 days 23 hours 55 minutes')
    await age(ordersDb, 'products', oldProduct.id, '400 days')
    // What lives is never old, whenever it was made.
    await usersDb.query(`update users set created_at = now() - interval '9 years' where id = lintel.uuid($1)`, [
      living.id,
    ])
    const { code, output } = await purge('--older-than', '30d')
    expect(code, output).toBe(0)
    expect(output).toMatch(/^users\.users: 1 removed$/m)
    expect(output).toMatch(/^orders\.products: 1 removed$/m)
    expect(await rowOf(usersDb, 'users', oldUser.id)).toBeUndefined()
    expect(await rowOf(usersDb, 'users', newUser.id)).toMatchObject({ version: 2 })
    expect(await rowOf(usersDb, 'users', living.id)).toMatchObject({ deleted_at: null })
    expect(await rowOf(ordersDb, 'products', oldProduct.id)).toBeUndefined()
    expect(await rowOf(ordersDb, 'products', newProduct.id)).toMatchObject({ version: 2 })
    expect((await asAdmin('GET', `/users/${living.id}`)).status).toBe(200)
  })

  test('R-DEL-1: without an age, or with one that is none, it removes nothing and says why', async () => {
    const product = await deletedProduct()
    await age(ordersDb, 'products', product.id, '400 days')
    for (const args of [['--older-than', '30'], ['--older-than', 'soon'], []]) {
      const { code, output } = await purge(...args)
      expect(code, args.join(' ')).not.toBe(0)
      expect(output).toContain('--older-than')
    }
    expect(await rowOf(ordersDb, 'products', product.id)).toMatchObject({ version: 2 })
  })
})

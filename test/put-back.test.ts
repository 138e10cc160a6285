import { expect, test } from 'vitest'
import { newId } from '../src/base/ids.ts'
import { type Reply, reference, type User } from './reference.ts'

const api = reference()

/** One thing of every resource that can be changed, with the way to change it and who may. */
async function things(user: User) {
  const admin = api.admin.token
  const product = await api.product({ price: 1.5, description: 'Black tea' })
  const cart = (await api.ask('POST', `/users/${user.id}/carts`, { token: user.token, body: {} })).body
  const line = { productId: product.id, quantity: 2 }
  const item = (await api.ask('POST', `/carts/${cart.id}/items`, { token: user.token, body: line })).body
  const order = (await api.ask('POST', `/users/${user.id}/orders`, { token: user.token, body: { items: [line] } })).body
  return [
    { path: `/products/${product.id}`, methods: ['PUT', 'PATCH'], token: admin, change: { name: 'Chai' } },
    { path: `/users/${user.id}`, methods: ['PUT', 'PATCH'], token: user.token, change: { name: 'Bob' } },
    { path: `/v1/users/${user.id}`, methods: ['PUT', 'PATCH'], token: user.token, change: { name: 'Eve' } },
    { path: `/v2/users/${user.id}`, methods: ['PUT', 'PATCH'], token: admin, change: { name: 'Mia' } },
    { path: `/carts/${cart.id}/items/${item.id}`, methods: ['PATCH'], token: user.token, change: { quantity: 3 } },
    { path: `/orders/${order.id}`, methods: ['PATCH'], token: admin, change: { status: 'paid' } },
  ]
}

const withoutTimes = ({ version: _, updatedAt: __, ...rest }: any) => rest
const fieldsOf = ({ body }: Reply) => body.error?.details?.map(({ field }: { field: string }) => field)

test('FC-13, R-BODY-4: what was read can be edited and sent back as a whole, by PUT and PATCH, of every resource', async () => {
  for (const { path, methods, token, change } of await things(await api.user()))
    for (const method of methods) {
      const before = (await api.ask('GET', path, { token })).body
      // An order that stays as it is makes no transition (R-ORD-5).
      const same = path.startsWith('/orders') ? undefined : await api.ask(method, path, { token, body: before })
      if (same) {
        expect([method, path, same.status, same.body]).toMatchObject([method, path, 200, withoutTimes(before)])
        expect(same.body.version, path).toBe(before.version + 1)
      }
      const read = (await api.ask('GET', path, { token })).body
      const edited = await api.ask(method, path, { token, body: { ...read, ...change } })
      expect([method, path, edited.status]).toEqual([method, path, 200])
      const after = (await api.ask('GET', path, { token })).body
      expect(after, path).toMatchObject({ ...withoutTimes(read), ...computed(after), ...change })
    }
})

/** What follows from a change. */
function computed({ lineTotal }: any) {
  return lineTotal === undefined ? {} : { lineTotal }
}

test('FC-13, R-BODY-4: another value of a read-only field is a 400 that names it, with every other fault', async () => {
  for (const { path, methods, token, change } of await things(await api.user()))
    for (const method of methods) {
      const read = (await api.ask('GET', path, { token })).body
      const other = { ...read, ...change, id: newId('xyz'), createdAt: '2020-01-01T00:00:00Z', updatedAt: 5 }
      const refused = await api.ask(method, path, { token, body: other })
      expect([path, refused.status, fieldsOf(refused)?.sort()]).toEqual([path, 400, ['createdAt', 'id', 'updatedAt']])
      const worse = await api.ask(method, path, { token, body: { ...other, 'a.b': 1 } })
      expect(fieldsOf(worse)?.sort(), path).toEqual(['["a.b"]', 'createdAt', 'id', 'updatedAt'])
      expect((await api.ask('GET', path, { token })).body, path).toEqual(read)
    }
})

test('FC-13, R-BODY-4: values are compared as values, lists and times too', async () => {
  const user = await api.user()
  const [, , , , item, order] = await things(user)
  const read = (await api.ask('GET', order!.path, { token: order!.token })).body
  const send = (body: object) => api.ask('PATCH', order!.path, { token: order!.token, body })
  const text = JSON.stringify({ ...read, status: 'paid' })
  const spelt = text.replace(`"total":${read.total}`, `"total":${read.total}.00`)
  expect(spelt).not.toBe(text)
  const [line] = read.items
  for (const items of [[], [line, line], [{ ...line, quantity: 9 }], [{ ...line, extra: 1 }], [5], 'x', null])
    expect(fieldsOf(await send({ status: 'paid', items })), JSON.stringify(items)).toEqual(['items'])
  expect((await send({ status: 'paid', placedAt: read.placedAt.replace('Z', '+01:00') })).status).toBe(400)
  const instant = { createdAt: read.createdAt.replace('Z', '+00:00'), placedAt: read.placedAt.toLowerCase() }
  expect((await api.ask('PATCH', order!.path, { token: order!.token, body: spelt })).status).toBe(200)
  expect((await send({ status: 'shipped', ...instant, items: [line] })).status).toBe(200)
  // Fixed once it is there.
  const { productId } = (await api.ask('GET', item!.path, { token: item!.token })).body
  const ask = (body: object) => api.ask('PATCH', item!.path, { token: item!.token, body })
  expect((await ask({ quantity: 4, productId })).status).toBe(200)
  expect(fieldsOf(await ask({ quantity: 4, productId: newId('prd') }))).toEqual(['productId'])
})

test('FC-13, R-BODY-4: of a copy that is stale the version is looked at first: 409, or 412 by If-Match', async () => {
  for (const { path, methods, token, change } of await things(await api.user())) {
    const stale = (await api.ask('GET', path, { token })).body
    await api.ask('PATCH', path, { token, body: change })
    for (const method of methods) {
      const body = { ...stale, ...change }
      expect((await api.ask(method, path, { token, body })).body.error.code, path).toBe('VERSION_CONFLICT')
      const headers = { 'if-match': `"${stale.version}"` }
      const { version: _, ...rest } = body
      expect((await api.ask(method, path, { token, body: rest, headers })).body.error.code, path).toBe(
        'PRECONDITION_FAILED',
      )
      // With neither, it is what it says of the past that is wrong.
      expect(fieldsOf(await api.ask(method, path, { token, body: rest })), path).toContain('updatedAt')
    }
  }
})

test('FC-13, R-VER-2: in an older version the values are those that it shows', async () => {
  const user = await api.user()
  const path = `/v1/users/${user.id}`
  const read = (await api.ask('GET', path, { token: user.token })).body
  expect(read).toMatchObject({ role: 'member', emailVerified: false })
  const send = (body: object) => api.ask('PUT', path, { token: user.token, body })
  expect((await send({ ...read, name: 'Zoe' })).body).toMatchObject({ name: 'Zoe', role: 'member' })
  const { version: _, updatedAt: __, ...rest } = read
  expect(fieldsOf(await send({ ...rest, emailVerified: true }))).toEqual(['emailVerified'])
  expect(fieldsOf(await send({ ...rest, roles: ['member'] }))).toEqual(['roles'])
  expect((await send({ ...rest, role: 'admin' })).status).toBe(403)
})

test('R-BODY-4: in POST a read-only field is a 400, whatever its value', async () => {
  const product = await api.product()
  const { id: _, sku: __, ...rest } = product
  const made = await api.ask('POST', '/products', { token: api.admin.token, body: { ...rest, sku: 'again' } })
  expect(fieldsOf(made)?.sort()).toEqual(['createdAt', 'updatedAt', 'version'])
})

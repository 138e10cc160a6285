import { beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { type Reply, reference, type User } from './reference.ts'

const api = reference()

let ann: User
let product: any
let cart: any
let order: any

beforeAll(async () => {
  ann = await api.user()
  product = await api.product()
  const { token } = ann
  cart = (await api.ask('POST', `/users/${ann.id}/carts`, { token })).body
  const lines = [{ productId: product.id, quantity: 2 }]
  await api.ask('POST', `/carts/${cart.id}/items`, { token, body: lines[0] })
  order = (await buy({ items: lines })).body
})

/** The fields that a 400 names. */
function faultsOf({ status, body }: Reply, where?: string): string[] {
  expect(status, where).toBe(400)
  return body.error.details.map((fault: { field: string }) => fault.field)
}

function buy(body: unknown, { token }: { token: string } = ann): Promise<Reply> {
  return api.ask('POST', `/users/${ann.id}/orders`, { token, body })
}

describe('ids', () => {
  test('R-BODY-1: every id is a TypeID: its type’s prefix and a UUIDv7', async () => {
    const { token } = api.admin
    const item = (await api.ask('GET', `/carts/${cart.id}`, { token })).body.items[0]
    const ids = { usr: ann.id, prd: product.id, crt: cart.id, itm: item.id, ord: order.id, lin: order.items[0].id }
    for (const [prefix, id] of Object.entries(ids)) {
      // The alphabet is Crockford's: no i, l, o, u. The eleventh character begins with the UUID's version.
      expect(id).toMatch(new RegExp(`^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`))
      expect(id.slice(prefix.length + 1).charAt(10)).toMatch(/[ef]/)
    }
    expect(item.productId).toBe(product.id)
    expect(order.userId).toBe(ann.id)
  })

  test('R-BODY-1: in Postgres they are uuid primary keys, of version 7', async () => {
    for (const [service, tables] of [
      ['users', ['users']],
      ['orders', ['products', 'carts', 'cart_items', 'orders']],
    ] as const) {
      const client = await connect(api.system.databases[service]!)
      try {
        for (const table of tables) {
          const { rows } = await client.query(
            `select t.id::text as id, format_type(a.atttypid, null) as type, a.attname = 'id' as named
             from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
             cross join (select id from ${table} limit 1) t
             where i.indrelid = '${table}'::regclass and i.indisprimary`,
          )
          expect(rows, table).toMatchObject([{ type: 'uuid', named: true }])
          expect(rows[0].id[14]).toBe('7')
        }
      } finally {
        await client.end()
      }
    }
  })

  test('R-BODY-1: an id of another type or shape in a body is a 400 that names it', async () => {
    const { token } = ann
    const suffix = product.id.slice(4)
    const wrong = [
      `usr_${suffix}`,
      suffix,
      product.id.toUpperCase(),
      `${product.id}0`,
      '',
      'x',
      5,
      null,
      {},
      [product.id],
    ]
    for (const productId of wrong) {
      const where = JSON.stringify(productId)
      const add = await api.ask('POST', `/carts/${cart.id}/items`, { token, body: { productId, quantity: 1 } })
      expect(faultsOf(add, where)).toEqual(['productId'])
      expect(faultsOf(await buy({ items: [{ productId, quantity: 1 }] }), where)).toEqual(['items[0].productId'])
    }
    expect(faultsOf(await buy({ cartId: product.id }))).toEqual(['cartId'])
  })
})

describe('times', () => {
  const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

  test('R-BODY-2: every resource has createdAt and updatedAt, RFC 3339 in UTC', async () => {
    const { token } = api.admin
    const items = (await api.ask('GET', `/carts/${cart.id}/items`, { token })).body.data
    const lines = (await api.ask('GET', `/orders/${order.id}/items`, { token })).body.data
    const paths = [`/users/${ann.id}`, `/products/${product.id}`, `/carts/${cart.id}`, `/orders/${order.id}`]
    const read = await Promise.all(paths.map(async (path) => (await api.ask('GET', path, { token })).body))
    for (const thing of [...read, ...items, ...lines]) {
      expect(thing.createdAt).toMatch(UTC)
      expect(thing.updatedAt).toMatch(UTC)
      expect(Math.abs(Date.parse(thing.createdAt) - Date.now())).toBeLessThan(60_000)
      expect(thing.updatedAt >= thing.createdAt).toBe(true)
    }
  })

  test('R-BODY-2: a change moves updatedAt and leaves createdAt', async () => {
    const { id, sku } = await api.product()
    const client = await connect(api.system.databases.orders!)
    const hour = `interval '1 hour'`
    await client.query(
      `update products set created_at = now() - ${hour}, updated_at = now() - ${hour} where sku = $1`,
      [sku],
    )
    await client.end()
    const before = (await api.ask('GET', `/products/${id}`)).body
    const { body } = await api.ask('PATCH', `/products/${id}`, { token: api.admin.token, body: { price: 5 } })
    expect(body.createdAt).toBe(before.createdAt)
    expect(body.updatedAt > before.updatedAt).toBe(true)
  })

  test('R-BODY-2: a time with an offset comes back in UTC, to the millisecond', async () => {
    for (const [given, shown] of [
      ['1996-07-04T01:30:00+02:00', '1996-07-03T23:30:00.000Z'],
      ['1996-07-04t00:00:00z', '1996-07-04T00:00:00.000Z'],
      ['1996-07-04T00:00:00.1Z', '1996-07-04T00:00:00.100Z'],
      ['1996-07-04T00:00:00.123456789-05:30', '1996-07-04T05:30:00.123Z'],
      ['2024-02-29T12:00:00-00:00', '2024-02-29T12:00:00.000Z'],
      ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
      ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ]) {
      const items = [{ productId: product.id, quantity: 1 }]
      const { status, body } = await buy({ items, placedAt: given }, api.admin)
      expect({ status, placedAt: body.placedAt }, given).toEqual({ status: 201, placedAt: shown })
      expect((await api.ask('GET', `/orders/${body.id}`, { token: ann.token })).body.placedAt).toBe(shown)
    }
  })

  test('R-BODY-2: what is no RFC 3339 time is a 400', async () => {
    const wrong = [
      '1996-07-04',
      '1996-07-04T00:00:00',
      '1996-07-04 00:00:00Z',
      '1996-7-4T00:00:00Z',
      '2023-02-29T00:00:00Z',
      '1996-13-01T00:00:00Z',
      '1996-07-04T24:00:00Z',
      '1996-07-04T00:60:00Z',
      '1996-07-04T00:00:00+25:00',
      '1996-07-04T00:00Z',
      '19960704T000000Z',
      '+011996-07-04T00:00:00Z',
      '0000-01-01T00:00:00Z',
      '9999-12-31T23:59:59-01:00',
      'Thu, 04 Jul 1996 00:00:00 GMT',
      'now',
      'infinity',
      '',
      836438400,
      true,
      {},
    ]
    const items = [{ productId: product.id, quantity: 1 }]
    for (const placedAt of wrong)
      expect(faultsOf(await buy({ items, placedAt }, api.admin), String(placedAt))).toEqual(['placedAt'])
  })
})

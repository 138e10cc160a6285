import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { t } from '../src/contract/fields.ts'
import { resource } from '../src/contract/resource.ts'
import { service } from '../src/contract/service.ts'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { type Reply, reference, type User } from './reference.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'

const api = reference()

let db: Database

beforeAll(() => {
  db = openDatabase('test', api.system.databases.orders!)
})
afterAll(() => db?.close())

const WRITERS = 20
const ifMatch = (tag: string) => ({ 'if-match': tag })

/** How many events of the orders service are about one thing. */
async function events(id: string): Promise<number> {
  return (await db.query('select 1 from lintel.outbox where aggregate_id = $1', [id])).length
}

function codes(replies: readonly Reply[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, body } of replies) {
    const key = [status, body?.error?.code].filter(Boolean).join(' ')
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

const times = <T>(count: number, make: (i: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, i) => make(i)))

const asAdmin = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  api.ask(method, path, { token: api.admin.token, body, headers })

async function orderOf(user: User): Promise<any> {
  const product = await api.product()
  const body = { items: [{ productId: product.id, quantity: 1 }] }
  return (await api.ask('POST', '/users/me/orders', { token: user.token, body })).body
}

const whole = ({ sku, name, category, price }: Record<string, unknown>) => ({ sku, name, category, price, stock: 7 })

describe('versions', () => {
  test('R-LOCK-1: a thing begins at version 1, each change adds one, and the ETag says which', async () => {
    const made = await asAdmin('POST', '/products', {
      sku: crypto.randomUUID(),
      name: 'Chai',
      category: 'Teas',
      price: 1,
    })
    expect([made.body.version, made.headers.get('etag')]).toEqual([1, '"1"'])
    const path = `/products/${made.body.id}`
    const steps = [
      () => asAdmin('PATCH', path, { stock: 1 }),
      () => asAdmin('PUT', path, whole(made.body)),
      () => asAdmin('PATCH', path, { stock: 7 }),
    ]
    for (const [i, step] of steps.entries()) {
      const { status, body, headers } = await step()
      expect([status, body.version, headers.get('etag')]).toEqual([200, i + 2, `"${i + 2}"`])
      const read = await api.ask('GET', path)
      expect([read.body, read.headers.get('etag')]).toEqual([body, `"${i + 2}"`])
      expect((await api.ask('HEAD', path)).headers.get('etag')).toBe(`"${i + 2}"`)
    }
  })

  test('R-LOCK-1: a patch that gives nothing changes nothing', async () => {
    const product = await api.product()
    expect((await asAdmin('PATCH', `/products/${product.id}`, {})).body).toEqual(product)
    expect((await asAdmin('PATCH', `/products/${product.id}`, { version: 1 })).body).toEqual(product)
  })

  test('R-LOCK-1: users, carts and orders count their changes too', async () => {
    const user = await api.user()
    const mine = (method: string, path: string, body?: unknown) => api.ask(method, path, { token: user.token, body })
    expect((await mine('GET', '/users/me')).headers.get('etag')).toBe('"1"')
    expect((await mine('PATCH', '/users/me', { name: 'Other' })).headers.get('etag')).toBe('"2"')
    expect((await mine('GET', '/v2/users/me')).headers.get('etag')).toBe('"2"')

    const { id } = (await mine('POST', '/users/me/carts', {})).body
    const product = await api.product()
    const item = await mine('POST', `/carts/${id}/items`, { productId: product.id, quantity: 1 })
    expect([item.body.version, item.headers.get('etag')]).toEqual([1, '"1"'])
    expect((await mine('GET', `/carts/${id}`)).headers.get('etag')).toBe('"2"')
    expect((await mine('PATCH', `/carts/${id}/items/${item.body.id}`, { quantity: 2 })).headers.get('etag')).toBe('"2"')
    expect((await mine('GET', `/carts/${id}`)).body.version).toBe(3)

    const order = (await mine('POST', '/users/me/orders', { cartId: id })).body
    expect(order.version).toBe(1)
    expect((await mine('GET', `/carts/${id}`)).body.version).toBe(4)
    expect((await asAdmin('PATCH', `/orders/${order.id}`, { status: 'paid' })).body.version).toBe(2)
    expect((await api.ask('GET', `/products/${product.id}`)).body.version).toBe(2)
  })
})

describe('conflicts', () => {
  test(`R-LOCK-2: of ${WRITERS} who send one version in the body exactly one wins; the others get 409 and change nothing`, async () => {
    for (const method of ['PATCH', 'PUT']) {
      const product = await api.product()
      const replies = await times(WRITERS, (i) => {
        const body =
          method === 'PUT'
            ? { ...whole(product), name: `writer ${i}`, version: 1 }
            : { name: `writer ${i}`, version: 1 }
        return asAdmin(method, `/products/${product.id}`, body)
      })
      expect(codes(replies)).toEqual({ 200: 1, '409 VERSION_CONFLICT': WRITERS - 1 })
      const winner = replies.find(({ status }) => status === 200)!.body
      expect(winner).toMatchObject({ version: 2, name: expect.stringMatching(/^writer \d+$/) })
      expect((await api.ask('GET', `/products/${product.id}`)).body).toEqual(winner)
      // Its creation and one change.
      expect(await events(product.id)).toBe(2)
    }
  })

  test(`R-LOCK-2: of ${WRITERS} who send one If-Match exactly one wins; the others get 412 and change nothing`, async () => {
    const product = await api.product()
    const replies = await times(WRITERS, (i) =>
      asAdmin('PATCH', `/products/${product.id}`, { name: `writer ${i}` }, ifMatch('"1"')),
    )
    expect(codes(replies)).toEqual({ 200: 1, '412 PRECONDITION_FAILED': WRITERS - 1 })
    expect((await api.ask('GET', `/products/${product.id}`)).body).toEqual(
      replies.find(({ status }) => status === 200)!.body,
    )
    expect(await events(product.id)).toBe(2)
  })

  test('R-LOCK-2: changes and deletions of one version are one race', async () => {
    const product = await api.product()
    const replies = await times(WRITERS, (i) =>
      i % 2
        ? asAdmin('DELETE', `/products/${product.id}`, undefined, ifMatch('"1"'))
        : asAdmin('PATCH', `/products/${product.id}`, { stock: i, version: 1 }),
    )
    expect(replies.filter(({ status }) => status < 300)).toHaveLength(1)
    for (const { status } of replies) expect([200, 204, 409, 412, 404]).toContain(status)
    expect(await events(product.id)).toBe(2)
  })

  test(`R-LOCK-2: of ${WRITERS} who change an order's status from one version exactly one does`, async () => {
    const user = await api.user()
    for (const [headers, version, code] of [
      [{}, 1, '409 VERSION_CONFLICT'],
      [ifMatch('"1"'), undefined, '412 PRECONDITION_FAILED'],
    ] as const) {
      const { id } = await orderOf(user)
      const replies = await times(WRITERS, (i) =>
        asAdmin('PATCH', `/orders/${id}`, { status: i % 2 ? 'paid' : 'cancelled', version }, headers),
      )
      expect(codes(replies)).toEqual({ 200: 1, [code]: WRITERS - 1 })
      expect((await asAdmin('GET', `/orders/${id}`)).body.version).toBe(2)
      expect(await events(id)).toBe(2)
    }
  })

  test(`R-LOCK-2: of ${WRITERS} changes of a user from one version exactly one wins`, async () => {
    const user = await api.user()
    const replies = await times(WRITERS, (i) =>
      api.ask('PATCH', '/users/me', { token: user.token, body: { name: `name ${i}`, version: 1 } }),
    )
    expect(codes(replies)).toEqual({ 200: 1, '409 VERSION_CONFLICT': WRITERS - 1 })
    expect((await api.ask('GET', '/users/me', { token: user.token })).body.name).toBe(
      replies.find(({ status }) => status === 200)!.body.name,
    )
  })

  test('R-LOCK-2: cart items and carts hold to a version as well', async () => {
    const user = await api.user()
    const mine = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
      api.ask(method, path, { token: user.token, body, headers: headers ?? {} })
    const cart = (await mine('POST', '/users/me/carts', {})).body
    const product = await api.product()
    const item = (await mine('POST', `/carts/${cart.id}/items`, { productId: product.id, quantity: 1 })).body
    const path = `/carts/${cart.id}/items/${item.id}`
    expect((await mine('PATCH', path, { quantity: 2, version: 1 })).body.version).toBe(2)
    const before = (await mine('GET', `/carts/${cart.id}`)).body
    expect((await mine('PATCH', path, { quantity: 3, version: 1 })).body.error.code).toBe('VERSION_CONFLICT')
    expect((await mine('PATCH', path, { quantity: 3 }, ifMatch('"1"'))).status).toBe(412)
    expect((await mine('DELETE', path, undefined, ifMatch('"1"'))).status).toBe(412)
    expect((await mine('DELETE', `/carts/${cart.id}`, undefined, ifMatch('"1"'))).status).toBe(412)
    // Nothing changed: neither the item nor the version of its cart.
    expect((await mine('GET', `/carts/${cart.id}`)).body).toEqual(before)
    expect((await mine('DELETE', path, undefined, ifMatch('"2"'))).status).toBe(204)
    expect((await mine('DELETE', `/carts/${cart.id}`, undefined, ifMatch('"4"'))).status).toBe(204)
  })

  test('R-LOCK-2: a stale write changes nothing, whatever else it gets right', async () => {
    const product = await api.product()
    const path = `/products/${product.id}`
    const current = (await asAdmin('PATCH', path, { stock: 50 })).body
    const stale = [
      await asAdmin('PATCH', path, { stock: 1, version: 1 }),
      await asAdmin('PATCH', path, { stock: 1, version: 3 }),
      await asAdmin('PATCH', path, { version: 1 }),
      await asAdmin('PUT', path, { ...whole(product), version: 1 }),
      await asAdmin('PATCH', path, { stock: 1, version: 1 }, ifMatch('"2"')),
    ]
    expect(codes(stale)).toEqual({ '409 VERSION_CONFLICT': 5 })
    const failed = [
      await asAdmin('PATCH', path, { stock: 1 }, ifMatch('"1"')),
      await asAdmin('PATCH', path, {}, ifMatch('"1"')),
      await asAdmin('PUT', path, whole(product), ifMatch('"3"')),
      await asAdmin('DELETE', path, undefined, ifMatch('"1"')),
      await asAdmin('PATCH', path, { stock: 1, version: 2 }, ifMatch('"1"')),
    ]
    expect(codes(failed)).toEqual({ '412 PRECONDITION_FAILED': 5 })
    expect((await api.ask('GET', path)).body).toEqual(current)
    expect(await events(product.id)).toBe(2)
  })

  test.each([
    'W/"1"',
    '"01"',
    '"1.0"',
    '1',
    '"x"',
    '"99999999999"',
    '"999999999999999999"',
    '"-1"',
    '""',
    '',
    '"2", W/"1"',
    '"1" "2"',
    'garbage, "1',
  ])('R-LOCK-2: If-Match: %s is no version of the thing, and nothing is changed', async (tag) => {
    const product = await api.product()
    const { status, body } = await asAdmin('PATCH', `/products/${product.id}`, { stock: 1 }, ifMatch(tag))
    expect([status, body.error.code]).toEqual([412, 'PRECONDITION_FAILED'])
    expect((await api.ask('GET', `/products/${product.id}`)).body).toEqual(product)
  })

  test.each(['"1"', '"7", "1"', '"1","2"', '*', ' * ', '"a,b", "1"'])(
    'R-LOCK-2: If-Match: %s meets version 1',
    async (tag) => {
      const product = await api.product()
      expect((await asAdmin('PATCH', `/products/${product.id}`, { stock: 1 }, ifMatch(tag))).body.version).toBe(2)
    },
  )

  test('R-LOCK-2: without a version a write is unconditional, and none is lost', async () => {
    const product = await api.product()
    const replies = await times(WRITERS, (i) => asAdmin('PATCH', `/products/${product.id}`, { stock: i }))
    expect(codes(replies)).toEqual({ 200: WRITERS })
    expect(new Set(replies.map(({ body }) => body.version)).size).toBe(WRITERS)
    expect((await api.ask('GET', `/products/${product.id}`)).body.version).toBe(WRITERS + 1)
  })

  test('R-LOCK-2: what is not there is a 404, whatever version was meant; what may not be changed a 403', async () => {
    const product = await api.product()
    expect((await asAdmin('DELETE', `/products/${product.id}`)).status).toBe(204)
    expect((await asAdmin('PATCH', `/products/${product.id}`, { stock: 1, version: 1 })).status).toBe(404)
    expect((await asAdmin('PATCH', `/products/${product.id}`, { stock: 1 }, ifMatch('*'))).status).toBe(404)
    const user = await api.user()
    const other = await api.product()
    const { status } = await api.ask('PATCH', `/products/${other.id}`, {
      token: user.token,
      body: { stock: 1, version: 9 },
    })
    expect(status).toBe(403)
  })

  test.each([0, -1, 1.5, '1', null, true, 2_147_483_648])(
    'R-LOCK-2: version %j in a body is no version, and named',
    async (version) => {
      const product = await api.product()
      const { status, body } = await asAdmin('PATCH', `/products/${product.id}`, { stock: 1, version })
      expect([status, body.error.details[0].field]).toEqual([400, 'version'])
    },
  )
})

describe('a contract that requires versions', () => {
  const Note = resource('note', {
    id: 'not',
    fields: { title: t.text() },
    requireVersion: true,
    access: { list: 'public', get: 'public', create: 'public', replace: 'public', update: 'public', delete: 'public' },
  })
  const notes = service('notes', { resources: { notes: Note } })
  let small: SmallSystem

  beforeAll(async () => {
    small = await smallSystem(
      notes,
      {},
      `create table notes (id uuid primary key, title text not null, version integer not null default 1,
         created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now())`,
    )
  })
  afterAll(() => small?.stop())

  test('R-LOCK-2: a write that names no version is a 428', async () => {
    const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const response = await fetch(small.url + path, {
        method,
        headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      const text = await response.text()
      return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
    }
    const { status, body } = await send('POST', '/notes', { title: 'a' })
    expect(status).toBe(201)
    const path = `/notes/${body.id}`
    for (const [method, given] of [
      ['PATCH', { title: 'b' }],
      ['PUT', { title: 'b' }],
      ['DELETE', undefined],
    ] as const)
      expect(await send(method, path, given), method).toMatchObject({
        status: 428,
        body: { error: { code: 'PRECONDITION_REQUIRED' } },
      })
    expect((await send('GET', path)).body).toEqual(body)
    expect((await send('PATCH', path, { title: 'b', version: 1 })).body).toMatchObject({ title: 'b', version: 2 })
    expect((await send('PUT', path, { title: 'c' }, ifMatch('"2"'))).body).toMatchObject({ title: 'c', version: 3 })
    expect((await send('DELETE', path, undefined, ifMatch('"3"'))).status).toBe(204)
  })
})

describe('reads that may be answered with 304', () => {
  const ifNoneMatch = (tag: string) => ({ headers: { 'if-none-match': tag } })

  test.each(['"1"', 'W/"1"', '"0", "1"', 'W/"7",W/"1"', '*', '"a,b" , "1"'])(
    'R-LOCK-3: If-None-Match: %s of what is unchanged is a 304 without a body',
    async (tag) => {
      const product = await api.product()
      for (const method of ['GET', 'HEAD']) {
        const { status, body, headers } = await api.ask(method, `/products/${product.id}`, ifNoneMatch(tag))
        expect([status, body]).toEqual([304, undefined])
        // What a 200 would have said of it (RFC 9110 15.4.5).
        expect(headers.get('etag')).toBe('"1"')
        expect(headers.get('cache-control')).toBe('public, no-cache')
        expect(headers.get('vary')).toContain('accept')
        expect(headers.get('content-type')).toBeNull()
      }
    },
  )

  test.each(['"2"', 'W/"2"', '1', '"01"', '', '"1" "2"', 'x, "1"'])(
    'R-LOCK-3: If-None-Match: %s matches nothing, and the thing comes',
    async (tag) => {
      const product = await api.product()
      const { status, body } = await api.ask('GET', `/products/${product.id}`, ifNoneMatch(tag))
      expect([status, body]).toEqual([200, product])
    },
  )

  test('R-LOCK-3: once a thing is changed its old tag brings the new one', async () => {
    const user = await api.user()
    const seen = (await api.ask('GET', '/users/me', { token: user.token })).headers.get('etag')!
    const again = () => api.ask('GET', '/users/me', { token: user.token, ...ifNoneMatch(seen) })
    expect((await again()).status).toBe(304)
    await api.ask('PATCH', '/users/me', { token: user.token, body: { name: 'Changed' } })
    expect(await again()).toMatchObject({ status: 200, body: { name: 'Changed', version: 2 } })
  })

  test('R-LOCK-3: also with fields, in each version, and by the owner’s alias', async () => {
    const user = await api.user()
    for (const path of ['/users/me?fields=name', `/v2/users/${user.id}`, '/api/v1/users/me'])
      expect((await api.ask('GET', path, { token: user.token, ...ifNoneMatch('"1"') })).status, path).toBe(304)
  })

  test('R-LOCK-3: who may not read gets no 304, nor does anybody of what is not there', async () => {
    const [user, other] = [await api.user(), await api.user()]
    expect((await api.ask('GET', `/users/${user.id}`, { token: other.token, ...ifNoneMatch('*') })).status).toBe(403)
    expect((await api.ask('GET', `/users/${user.id}`, ifNoneMatch('*'))).status).toBe(401)
    const product = await api.product()
    await asAdmin('DELETE', `/products/${product.id}`)
    expect((await api.ask('GET', `/products/${product.id}`, ifNoneMatch('*'))).status).toBe(404)
  })

  test('R-LOCK-3: a cart shows prices of now, which its version does not: no tag makes it a 304', async () => {
    const user = await api.user()
    const mine = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
      api.ask(method, path, { token: user.token, body, headers })
    const { id } = (await mine('POST', '/users/me/carts', {})).body
    const product = await api.product({ price: 1 })
    const item = (await mine('POST', `/carts/${id}/items`, { productId: product.id, quantity: 1 })).body
    const cart = await mine('GET', `/carts/${id}`)
    await asAdmin('PATCH', `/products/${product.id}`, { price: 2 })
    const later = await mine('GET', `/carts/${id}`, undefined, { 'if-none-match': cart.headers.get('etag')! })
    expect(later).toMatchObject({ status: 200, body: { total: 2, version: cart.body.version } })
    expect(later.headers.get('cache-control')).toBe('no-store')
    // It exists, whatever its version (RFC 9110 13.1.2).
    expect((await mine('GET', `/carts/${id}`, undefined, { 'if-none-match': '*' })).status).toBe(304)
    expect(
      (await mine('GET', `/carts/${id}/items/${item.id}`, undefined, { 'if-none-match': '"1"' })).body.unitPrice,
    ).toBe(2)
    // Its tag serves If-Match all the same.
    expect((await mine('DELETE', `/carts/${id}`, undefined, ifMatch(later.headers.get('etag')!))).status).toBe(204)
  })
})

import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { orders } from '../services/orders/contract.ts'
import { encodeId } from '../src/base/ids.ts'
import { http, portClient } from '../src/call/index.ts'
import { connect } from '../src/data/connection.ts'
import { type Reply, reference, type User } from './reference.ts'

const api = reference()

let db: pg.Client
let ann: User
let bob: User

beforeAll(async () => {
  db = await connect(api.system.databases.orders!)
  ;[ann, bob] = [await api.user('Ann'), await api.user('Bob')]
})
afterAll(() => db?.end())

interface OrderValues {
  user?: User
  status?: string
  total?: number
  createdAt?: string
  placedAt?: string
}

/** Orders as SQL may write them: ids at random places. Answers their ids. */
async function addOrders(...orders: OrderValues[]): Promise<string[]> {
  const rows = orders.map(({ user = ann, ...values }) => ({ ...values, user: user.id }))
  const { rows: added } = await db.query(
    `insert into orders (id, user_id, status, items, total, currency, created_at, placed_at)
     select gen_random_uuid(), lintel.uuid(r."user"), coalesce(r.status, 'pending'), '[]', coalesce(r.total, 1), 'USD',
       coalesce(r."createdAt", now()), coalesce(r."placedAt", now())
     from jsonb_to_recordset($1)
       r ("user" text, status text, total numeric, "createdAt" timestamptz, "placedAt" timestamptz)
     returning id`,
    [JSON.stringify(rows)],
  )
  return added.map(({ id }) => encodeId('ord', id))
}

const get = (path: string, user?: User) => api.ask('GET', path, { token: user?.token })

/** The values of one field, in the order of the list. */
async function column(path: string, field: string, user?: User): Promise<unknown[]> {
  const { status, body } = await get(path, user)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.data.map((row: Record<string, unknown>) => row[field])
}

/** Names of the parameters that a 400 names. */
async function refused(path: string, user?: User): Promise<string[]> {
  const { status, body } = await get(path, user)
  expect(status, path).toBe(400)
  expect(body.error.code).toBe('VALIDATION_ERROR')
  return body.error.details.map((detail: { field: string }) => detail.field)
}

function linksOf({ headers }: Reply): Record<string, string> {
  const links = headers.get('link')!.matchAll(/<([^>]*)>; rel="(\w+)"/g)
  return Object.fromEntries([...links].map(([, target, rel]) => [rel!, target!]))
}

describe('pages', () => {
  let walker: User

  beforeAll(async () => {
    walker = await api.user()
    await addOrders(
      ...Array.from({ length: 45 }, (_, i) => ({ user: walker, total: i % 4, status: i % 2 ? 'paid' : 'pending' })),
    )
  })

  test('R-PAGE-1: without page or cursor a list is page 1 of 20', async () => {
    const { body } = await get('/orders', walker)
    expect(body.data).toHaveLength(20)
    expect(body.pagination).toMatchObject({ page: 1, limit: 20 })
    expect((await get('/orders?page=1&limit=20', walker)).body).toEqual(body)
  })

  test('R-PAGE-1: a page has 1 to 100 rows', async () => {
    expect((await get('/orders?limit=1', walker)).body.data).toHaveLength(1)
    expect((await get('/orders?limit=100', walker)).body.data).toHaveLength(45)
    expect((await get('/orders?limit=20&page=3', walker)).body.data).toHaveLength(5)
    expect((await get('/orders?limit=20&page=4', walker)).body).toMatchObject({
      data: [],
      pagination: { total: 45, page: 4, hasMore: false, nextCursor: null },
    })
  })

  test.each([
    '0',
    '101',
    '-1',
    '1.5',
    '1e1',
    '0x10',
    '%205',
    '5%20',
    'ten',
    '',
    'NaN',
    '9007199254740993',
    '%EF%BC%95',
  ])('R-PAGE-1: limit=%s is refused, and so is a page like it', async (value) => {
    expect(await refused(`/orders?limit=${value}`, walker)).toEqual(['limit'])
    if (value !== '101') expect(await refused(`/orders?page=${value}`, walker)).toEqual(['page'])
  })

  test('R-PAGE-3: the envelope names page in page mode only, and has a nextCursor in both', async () => {
    const first = (await get('/orders?limit=20', walker)).body
    expect(Object.keys(first)).toEqual(['data', 'pagination'])
    expect(first.pagination).toEqual({ total: 45, page: 1, limit: 20, hasMore: true, nextCursor: expect.any(String) })
    const second = (await get(`/orders?limit=20&cursor=${first.pagination.nextCursor}`, walker)).body
    expect(second.pagination).toEqual({ total: 45, limit: 20, hasMore: true, nextCursor: expect.any(String) })
    const last = (await get(`/orders?limit=20&cursor=${second.pagination.nextCursor}`, walker)).body
    expect(last.data).toHaveLength(5)
    expect(last.pagination).toEqual({ total: 45, limit: 20, hasMore: false, nextCursor: null })
  })

  test('R-PAGE-3: a last page that is full says that it is the last', async () => {
    expect((await get('/orders?limit=45', walker)).body.pagination).toMatchObject({ hasMore: false, nextCursor: null })
    expect((await get('/orders?limit=15&page=3', walker)).body.pagination).toMatchObject({
      hasMore: false,
      nextCursor: null,
    })
    expect((await get('/orders?limit=15&page=2', walker)).body.pagination).toMatchObject({ hasMore: true })
  })

  test('R-PAGE-2, R-PAGE-3: page mode and cursor mode show the same rows in the same order', async () => {
    for (const sort of ['total', '-total', '-createdAt', 'total,-placedAt']) {
      const [byPage, byCursor]: string[][] = [[], []]
      for (let page = 1; page <= 5; page++)
        byPage!.push(...((await column(`/orders?limit=10&sort=${sort}&page=${page}`, 'id', walker)) as string[]))
      for (let cursor = ''; ; ) {
        const { data, pagination } = (await get(`/orders?limit=10&sort=${sort}${cursor}`, walker)).body
        byCursor!.push(...data.map(({ id }: { id: string }) => id))
        if (pagination.nextCursor === null) break
        expect(pagination.nextCursor).toMatch(/^[A-Za-z0-9_-]+$/)
        cursor = `&cursor=${pagination.nextCursor}`
      }
      expect(byPage).toEqual(byCursor)
      expect(new Set(byPage).size).toBe(45)
    }
  })

  test.each([
    '/orders?limit=20',
    '/v1/orders?limit=20&sort=+total,-placedAt&status=paid,pending',
    '/api/v2/orders?limit=20&totalMin=0&fields=id,total',
    '/orders?limit=20&cursor=…',
  ])('R-PAGE-3: the links of %s lead through the whole list, and back', async (path) => {
    if (path.includes('…')) path = linksOf(await get(`${path.replace('&cursor=…', '&page=1')}`, walker)).first!
    let reply = await get(path, walker)
    const [start, seen] = [reply.body.data, reply.body.data.map(({ id }: { id: string }) => id)]
    expect(linksOf(reply).prev).toBeUndefined()
    while (linksOf(reply).next) {
      const before = reply
      reply = await get(linksOf(reply).next!, walker)
      expect(reply.status).toBe(200)
      seen.push(...reply.body.data.map(({ id }: { id: string }) => id))
      expect((await get(linksOf(reply).prev!, walker)).body.data).toEqual(before.body.data)
      expect((await get(linksOf(reply).first!, walker)).body.data).toEqual(start)
      expect(Object.keys(reply.body.data[0])).toEqual(Object.keys(start[0]))
    }
    expect(seen).toHaveLength(45)
    expect(new Set(seen).size).toBe(45)
  })

  test('R-PAGE-3: in cursor mode the links go on by cursor, and back to the first page', async () => {
    const { nextCursor } = (await get('/orders?limit=20&sort=total', walker)).body.pagination
    const second = await get(`/orders?limit=20&sort=total&cursor=${nextCursor}`, walker)
    expect(Object.keys(linksOf(second)).sort()).toEqual(['first', 'next'])
    const third = await get(linksOf(second).next!, walker)
    expect(third.body.data).toHaveLength(5)
    expect(Object.keys(linksOf(third))).toEqual(['first'])
    expect((await get(linksOf(third).first!, walker)).body).toEqual(
      (await get('/orders?limit=20&sort=total', walker)).body,
    )
  })

  test('R-PAGE-3, R-VER-1: links lead to the version that was asked for, also where the query named it', async () => {
    for (const path of ['/users?version=2&limit=1', '/v2/users?limit=1', '/api/users?limit=1&version=2']) {
      const first = await get(path, api.admin)
      expect(first.body.data[0]).toHaveProperty('roles')
      for (const target of Object.values(linksOf(first))) {
        const { headers, body } = await get(target, api.admin)
        expect(headers.get('api-version'), target).toBe('2')
        expect(body.data[0]).toHaveProperty('roles')
      }
    }
    const first = linksOf(await get('/users?limit=1', api.admin))
    expect((await get(first.next!, api.admin)).headers.get('api-version')).toBe('1')
  })

  test('R-PAGE-3: links keep what was asked, with characters that mean something in a URL', async () => {
    const [name, other] = ['a&b=c #1 +ü', 'a&b=c #2']
    await api.product({ name, category: 'Links, & more' })
    await api.product({ name: other, category: 'Links, & more' })
    const first = await get(`/products?limit=1&sort=+name&q=${encodeURIComponent('a&b=c #')}`)
    expect(first.body.data).toMatchObject([{ name }])
    expect((await get(linksOf(first).next!)).body.data).toMatchObject([{ name: other }])
    expect((await api.ask('HEAD', '/products?limit=1')).headers.get('link')).toBe(
      (await get('/products?limit=1')).headers.get('link'),
    )
  })

  test('R-PAGE-5: a cursor goes with another limit, other fields and another count', async () => {
    const { nextCursor } = (await get('/orders?limit=20&sort=total', walker)).body.pagination
    const rest = await get(`/orders?limit=100&sort=total&fields=total&count=none&cursor=${nextCursor}`, walker)
    expect(rest.status).toBe(200)
    expect(rest.body.data).toHaveLength(25)
    expect(Object.keys(rest.body.data[0])).toEqual(['id', 'total'])
  })

  test('R-PAGE-5: a cursor goes with no other sort, filter, list or user', async () => {
    await addOrders({ user: ann }, { user: ann }, { user: bob }, { user: bob })
    const cursorOf = async (path: string, user: User) => (await get(path, user)).body.pagination.nextCursor
    const invalid = async (path: string, user: User) => {
      const { status, body } = await get(path, user)
      expect([status, body.error?.code, body.error?.details[0].field], path).toEqual([400, 'INVALID_CURSOR', 'cursor'])
    }
    const plain = await cursorOf('/orders?limit=1', ann)
    await invalid(`/orders?sort=createdAt&cursor=${plain}`, ann)
    await invalid(`/orders?sort=-createdAt,total&cursor=${plain}`, ann)
    await invalid(`/orders?status=pending&cursor=${plain}`, ann)
    const filtered = await cursorOf('/orders?limit=1&status=pending&totalMin=0', ann)
    await invalid(`/orders?status=paid&totalMin=0&cursor=${filtered}`, ann)
    await invalid(`/orders?status=pending&totalMin=1&cursor=${filtered}`, ann)
    await invalid(`/orders?status=pending&totalMax=0&cursor=${filtered}`, ann)
    await invalid(`/orders?cursor=${filtered}`, ann)
    // Another user's list, and everybody's.
    await invalid(`/orders?cursor=${plain}`, bob)
    await invalid(
      `/users/${bob.id}/orders?cursor=${await cursorOf(`/users/${ann.id}/orders?limit=1`, api.admin)}`,
      api.admin,
    )
    await invalid(`/orders?cursor=${await cursorOf('/orders?limit=1', api.admin)}`, ann)
    await invalid(`/orders?cursor=${plain}`, api.admin)
    // Another list, of this service and of another.
    const everybody = await cursorOf('/orders?limit=1', api.admin)
    await invalid(`/products?sort=-createdAt&cursor=${everybody}`, api.admin)
    await invalid(`/users?sort=-createdAt&cursor=${everybody}`, api.admin)
    await invalid(`/products?sort=-createdAt&cursor=${plain}`, ann)
    await invalid(`/users?cursor=${plain}`, api.admin)
    expect((await get(`/orders?limit=1&cursor=${plain}`, ann)).status).toBe(200)
  })

  test('R-PAGE-5: a cursor with any character altered, cut short or empty is INVALID_CURSOR', async () => {
    const { nextCursor } = (await get('/orders?limit=20', walker)).body.pagination as { nextCursor: string }
    const bad = [...nextCursor].map(
      (character, at) => nextCursor.slice(0, at) + (character === 'A' ? 'B' : 'A') + nextCursor.slice(at + 1),
    )
    bad.push(
      '',
      'A',
      nextCursor.slice(0, -1),
      nextCursor.slice(0, 22),
      nextCursor.slice(0, 21),
      nextCursor.slice(1),
      `${nextCursor}A`,
      '%00',
      '%F0%9F%92%A9',
    )
    const replies = await Promise.all(bad.map((cursor) => get(`/orders?cursor=${cursor}`, walker)))
    for (const [i, { status, body }] of replies.entries()) {
      expect(status, bad[i]).toBe(400)
      expect(['INVALID_CURSOR', 'VALIDATION_ERROR']).toContain(body.error.code)
      if (bad[i] !== '%00') expect(body.error.code, bad[i]).toBe('INVALID_CURSOR')
    }
  })

  test('R-PAGE-5: cursor and page together are refused', async () => {
    const { nextCursor } = (await get('/orders?limit=20', walker)).body.pagination
    expect(await refused(`/orders?cursor=${nextCursor}&page=2`, walker)).toEqual(['page'])
    expect(await refused(`/orders?cursor=${nextCursor}&page=1`, walker)).toEqual(['page'])
  })
})

describe('long lists', () => {
  let historian: User
  let path: string

  beforeAll(async () => {
    historian = await api.user()
    path = `/users/${historian.id}/orders`
    await addBulk(10_000)
  })

  async function addBulk(count: number) {
    await db.query(
      `insert into orders (id, user_id, status, items, total, currency, created_at)
       select gen_random_uuid(), lintel.uuid($1), 'paid', '[]', i % 50, 'USD', timestamptz '2026-01-01Z' + i / 100 * interval '1 hour'
       from generate_series(1, $2::integer) i`,
      [historian.id, count],
    )
    await db.query('analyze orders')
  }

  const paginationOf = async (query: string) =>
    (await get(`${path}?fields=id&limit=1${query}`, historian)).body.pagination

  test('R-PAGE-6: total is exact up to 10,000 rows, then an estimate that says so', async () => {
    const exact = await paginationOf('')
    expect(exact.total).toBe(10_000)
    expect(exact).not.toHaveProperty('totalIsEstimate')
    await addBulk(1)
    const estimate = await paginationOf('')
    expect(estimate.totalIsEstimate).toBe(true)
    expect(estimate.total).toBeGreaterThan(10_000)
    expect(estimate.total).toBeLessThan(12_000)
  })

  test('R-PAGE-6: count=exact counts them all, count=none counts nothing, anything else is refused', async () => {
    const { rows } = await db.query('select count(*)::int as count from orders where user_id = lintel.uuid($1)', [
      historian.id,
    ])
    const exact = await paginationOf('&count=exact')
    expect(exact.total).toBe(rows[0].count)
    expect(exact).not.toHaveProperty('totalIsEstimate')
    const none = await paginationOf('&count=none')
    expect(none.total).toBeNull()
    expect(none).not.toHaveProperty('totalIsEstimate')
    expect(none.hasMore).toBe(true)
    expect(await refused(`${path}?count=all`, historian)).toEqual(['count'])
    expect(await paginationOf('&status=pending')).toMatchObject({ total: 0 })
  })

  test('R-PAGE-7: pages reach 10,000 rows deep; a deeper one is a 400 that tells to go by cursor', async () => {
    expect((await get(`${path}?page=100&limit=100&fields=id`, historian)).body.data).toHaveLength(100)
    expect((await get(`${path}?page=10000&limit=1&fields=id`, historian)).body.data).toHaveLength(1)
    for (const query of ['page=101&limit=100', 'page=501', 'page=10001&limit=1', 'page=999999999999999&limit=100']) {
      const { status, body } = await get(`${path}?${query}`, historian)
      expect(status).toBe(400)
      expect(body.error).toMatchObject({
        code: 'VALIDATION_ERROR',
        details: [{ field: 'page', message: expect.stringContaining('cursor') }],
      })
    }
  })

  test('R-PAGE-3, R-PAGE-7: the link behind the last page that can be asked for goes on by cursor', async () => {
    const last = await get(`${path}?page=100&limit=100&sort=createdAt`, historian)
    const next = linksOf(last).next!
    expect(next).toContain('cursor=')
    const beyond = await get(next, historian)
    expect(beyond.status).toBe(200)
    expect(beyond.body.data.length).toBeGreaterThan(0)
    expect(beyond.body.pagination).toMatchObject({ hasMore: false, nextCursor: null })
    expect(linksOf(await get(`${path}?page=99&limit=100`, historian)).next).toContain('page=100')
  })
})

describe('filters', () => {
  let buyer: User
  const days = ['2026-03-01T00:00:00Z', '2026-03-01T00:00:00.001Z', '2026-03-02T00:00:00Z', '2026-03-02T23:59:59.999Z']

  beforeAll(async () => {
    buyer = await api.user('Buyer')
    await addOrders(
      { user: buyer, status: 'pending', total: 10, createdAt: days[0]!, placedAt: '2020-01-01Z' },
      { user: buyer, status: 'paid', total: 10.01, createdAt: days[1]!, placedAt: '2020-01-02Z' },
      { user: buyer, status: 'shipped', total: 20, createdAt: days[2]!, placedAt: '2020-01-03Z' },
      { user: buyer, status: 'cancelled', total: 99.99, createdAt: days[3]!, placedAt: '2020-01-04Z' },
    )
  })

  const statuses = (query: string) => column(`/orders?sort=createdAt&${query}`, 'status', buyer)

  test('R-FILTER-1: one value, or several with commas', async () => {
    expect(await statuses('status=paid')).toEqual(['paid'])
    expect(await statuses('status=pending,paid')).toEqual(['pending', 'paid'])
    expect(await statuses('status=paid,pending,paid')).toEqual(['pending', 'paid'])
    expect(await statuses('status=pending%2Cshipped')).toEqual(['pending', 'shipped'])
    expect(await statuses('status=delivered')).toEqual([])
  })

  test('FC-12, R-FILTER-1: a list may be sent by repetition, as generated clients do', async () => {
    expect(await statuses('status=pending&status=paid')).toEqual(['pending', 'paid'])
    expect(await statuses('status=pending&limit=3&status=paid,shipped')).toEqual(['pending', 'paid', 'shipped'])
    const ids = await column('/orders?sort=-total,createdAt', 'id', buyer)
    expect(await column('/orders?sort=-total&sort=createdAt', 'id', buyer)).toEqual(ids)
    const { body } = await get('/orders?fields=total&fields=status', buyer)
    expect(Object.keys(body.data[0])).toEqual(['id', 'status', 'total'])
    const { id } = body.data[0]
    expect(Object.keys((await get(`/orders/${id}?fields=total&fields=status`, buyer)).body)).toEqual(
      Object.keys(body.data[0]),
    )
    const first = await get('/orders?limit=1&status=pending&status=paid&sort=-total&sort=createdAt', buyer)
    const cursor = first.body.pagination.nextCursor
    const next = await get(`/orders?limit=1&status=paid,pending&sort=-total,createdAt&cursor=${cursor}`, buyer)
    expect(next.body.data).toMatchObject([{ status: 'pending' }])
    expect((await get(linksOf(first).next!, buyer)).body.data).toEqual(next.body.data)
  })

  test('FC-11, R-FILTER-1: an encoded comma in a free text is part of the value, a raw one separates', async () => {
    const [category, other] = ['Food, fresh', 'Food']
    await api.product({ name: 'Leek', category })
    await api.product({ name: 'Beans', category: other })
    const names = (query: string) => column(`/products?sort=name&${query}`, 'name')
    expect(await names('category=Food%2C%20fresh')).toEqual(['Leek'])
    expect(await names('category=Food%2C+fresh,Food')).toEqual(['Beans', 'Leek'])
    expect(await names('category=Food%2c%20fresh&category=Food')).toEqual(['Beans', 'Leek'])
    expect(await names('category=Food,%20fresh')).toEqual(['Beans'])
    const first = await get('/products?limit=1&sort=name&category=Food%2C%20fresh,Food')
    expect((await get(linksOf(first).next!)).body.data).toMatchObject([{ name: 'Leek' }])
    const typed = portClient(orders, http(api.url))
    const { data } = await typed.products.list({ query: { category: [category, other], sort: 'name' } })
    expect(data.map(({ name }) => name)).toEqual(['Beans', 'Leek'])
    expect((await typed.products.list({ query: { category } })).data).toMatchObject([{ name: 'Leek' }])
  })

  test('R-FILTER-1: a time by equality, to the millisecond', async () => {
    expect(await statuses(`createdAt=${days[1]}`)).toEqual(['paid'])
    expect(await statuses('createdAt=2026-03-02')).toEqual(['shipped'])
    expect(await statuses(`createdAt=${days[3]},2026-03-01`)).toEqual(['pending', 'cancelled'])
    expect(await statuses('createdAt=2026-03-01T00:00:00.002Z')).toEqual([])
  })

  test('R-FILTER-1: times are bounded exclusively on both sides, to the millisecond', async () => {
    expect(await statuses(`createdAfter=${days[0]}`)).toEqual(['paid', 'shipped', 'cancelled'])
    expect(await statuses(`createdBefore=${days[3]}`)).toEqual(['pending', 'paid', 'shipped'])
    expect(await statuses(`createdAfter=${days[0]}&createdBefore=${days[2]}`)).toEqual(['paid'])
    expect(await statuses(`createdAfter=${days[1]}&createdBefore=${days[1]}`)).toEqual([])
    expect(await statuses('placedAfter=2020-01-01T00:00:00Z&placedBefore=2020-01-03T00:00:00Z')).toEqual(['paid'])
  })

  test('R-FILTER-1: a date alone is midnight UTC', async () => {
    expect(await statuses('createdAfter=2026-03-01')).toEqual(['paid', 'shipped', 'cancelled'])
    expect(await statuses('createdBefore=2026-03-02')).toEqual(['pending', 'paid'])
    expect(await statuses('createdAfter=2026-02-28&createdBefore=2026-03-03')).toHaveLength(4)
  })

  test('R-FILTER-1: a time may have an offset, with its + raw or encoded', async () => {
    for (const plus of ['+', '%2B', '%20'])
      expect(await statuses(`createdAfter=2026-03-02T01:30:00${plus}01:30`)).toEqual(['cancelled'])
    expect(await statuses('createdBefore=2026-02-28T19:00:00.001-05:00')).toEqual(['pending'])
  })

  test('R-FILTER-1: numbers are bounded inclusively on both sides', async () => {
    expect(await statuses('totalMin=10.01')).toEqual(['paid', 'shipped', 'cancelled'])
    expect(await statuses('totalMax=10.01')).toEqual(['pending', 'paid'])
    expect(await statuses('totalMin=10.01&totalMax=20')).toEqual(['paid', 'shipped'])
    expect(await statuses('totalMin=10&totalMax=10')).toEqual(['pending'])
    expect(await statuses('totalMin=99.99&totalMax=99.99')).toEqual(['cancelled'])
    expect(await statuses('totalMin=10.005&totalMax=10.015')).toEqual(['paid'])
    expect(await statuses('totalMin=-5&totalMax=999999999999999')).toHaveLength(4)
    expect(await statuses('totalMin=20&totalMax=10')).toEqual([])
  })

  test('R-FILTER-1: filters narrow each other, and total counts what they leave', async () => {
    const { body } = await get('/orders?status=paid,shipped&totalMin=15&createdAfter=2026-03-01', buyer)
    expect(body.data).toMatchObject([{ status: 'shipped' }])
    expect(body.pagination.total).toBe(1)
  })

  test('R-FILTER-1: products by category, price and a part of name or sku', async () => {
    const category = 'Filters'
    await api.product({ name: 'Chai', sku: 'F-1', category, price: 18 })
    await api.product({ name: 'Chang', sku: 'F-2', category, price: 19.5, description: 'not a Chai' })
    await api.product({ name: 'Aniseed Syrup', sku: 'chai-like', category: 'Filters too', price: 10 })
    const names = (query: string) => column(`/products?sort=name&${query}`, 'name')
    expect(await names('category=Filters')).toEqual(['Chai', 'Chang'])
    expect(await names('category=Filters,Filters%20too')).toEqual(['Aniseed Syrup', 'Chai', 'Chang'])
    expect(await names('category=filters')).toEqual([])
    expect(await names('category=Filters&priceMin=18&priceMax=18')).toEqual(['Chai'])
    expect(await names('q=CHAI&category=Filters,Filters+too')).toEqual(['Aniseed Syrup', 'Chai'])
    expect(await names('q=f-&category=Filters')).toEqual(['Chai', 'Chang'])
  })

  test('R-FILTER-1: q means every character literally', async () => {
    const category = 'Literally'
    const names = [
      '100% wool',
      '100 kg',
      'a_b',
      'axb',
      'back\\slash',
      "d'Artagnan",
      'say "hi"',
      'CRÈME BRÛLÉE',
      'comma, separated',
    ]
    for (const name of names) await api.product({ name, category })
    const finds = (q: string) => column(`/products?sort=name&category=${category}&q=${encodeURIComponent(q)}`, 'name')
    expect(await finds('0%')).toEqual(['100% wool'])
    expect(await finds('%')).toEqual(['100% wool'])
    expect(await finds('_')).toEqual(['a_b'])
    expect(await finds('\\')).toEqual(['back\\slash'])
    expect(await finds('\\%')).toEqual([])
    expect(await finds("'")).toEqual(["d'Artagnan"])
    expect(await finds('"hi"')).toEqual(['say "hi"'])
    expect(await finds('crème brûlée')).toEqual(['CRÈME BRÛLÉE'])
    expect(await finds(', ')).toEqual(['comma, separated'])
    expect(await finds(`'; drop table products; --`)).toEqual([])
    expect(await finds(`%' or '1'='1`)).toEqual([])
    expect(await column(`/products?category=${category}&limit=100`, 'id')).toHaveLength(names.length)
  })

  test('R-FILTER-1, R-USER-3: users by role, address and time', async () => {
    const [one, other] = [await api.user('Filtered'), await api.user('Filtered too')]
    const emails = (query: string) => column(`/users?limit=100&${query}`, 'email', api.admin)
    expect(await emails('role=admin')).toEqual([api.admin.email])
    expect(await emails('role=admin,member')).toContain(one.email)
    expect(await emails('role=member')).not.toContain(api.admin.email)
    expect(await column('/v2/users?role=admin', 'roles', api.admin)).toEqual([['admin']])
    expect(await emails(`email=${one.email.toUpperCase()}`)).toEqual([one.email])
    expect((await emails(`email=${one.email},${other.email}`)).sort()).toEqual([one.email, other.email].sort())
    expect(await emails('createdAfter=2200-01-01')).toEqual([])
    expect(await emails('createdBefore=2200-01-01')).toContain(one.email)
  })

  test('R-FILTER-2: every unknown parameter is named, with those that exist', async () => {
    const { status, body } = await get('/orders?colour=red&userid=1&total=5&created=2026-01-01&limit=5', buyer)
    expect(status).toBe(400)
    expect(body.error.details.map(({ field }: { field: string }) => field)).toEqual([
      'colour',
      'userid',
      'total',
      'created',
    ])
    expect(body.error.details[0].message).toContain('createdAfter')
    expect(await refused('/orders?Limit=5', buyer)).toEqual(['Limit'])
    expect(await refused('/orders?__proto__=1&constructor=2', buyer)).toEqual(['__proto__', 'constructor'])
    expect(await refused('/products?name=Chai&sku=1&description=x')).toEqual(['name', 'sku', 'description'])
    expect(await refused(`/users?name=Ann&passwordHash=x`, api.admin)).toEqual(['name', 'passwordHash'])
    // Filters of another list, or of another version's name.
    expect(await refused('/v2/users?roles=admin', api.admin)).toEqual(['roles'])
    expect(await refused('/products?status=open')).toEqual(['status'])
  })

  test('R-FILTER-2: single reads and writes name unknown parameters too', async () => {
    const product = await api.product()
    expect(await refused(`/products/${product.id}?limit=5&x=1`)).toEqual(['limit', 'x'])
    const { status, body } = await api.ask('PATCH', `/products/${product.id}?dryRun=true`, {
      token: api.admin.token,
      body: { stock: 1 },
    })
    expect([status, body.error.details[0].field]).toEqual([400, 'dryRun'])
    expect((await get(`/products/${product.id}`)).body.stock).toBe(100)
  })

  test.each([
    'totalMin=1e3',
    'totalMin=%205',
    'totalMin=5%20',
    'totalMin=+5',
    'totalMin=0x10',
    'totalMin=1,5',
    'totalMin=1_000',
    'totalMin=.5',
    'totalMin=5.',
    'totalMin=--5',
    'totalMin=five',
    'totalMin=',
    'totalMin=NaN',
    'totalMin=Infinity',
    'totalMin=%D9%A5',
    'totalMax=99999999999999999999',
    'totalMax=0.12345678901',
    'status=lost',
    'status=Pending',
    'status=pending,',
    'status=,',
    'status=',
    'status=%20pending',
    'createdAfter=yesterday',
    'createdAfter=2026-13-01',
    'createdAfter=2026-02-30',
    'createdAfter=2026-2-3',
    'createdAfter=2026-01-01T00:00:00',
    'createdAfter=2026-01-01T24:00:00Z',
    'createdAfter=1767225600',
    'createdAfter=2026-01-01,2026-01-02',
    'createdAfter=',
    'placedBefore=2026-01-01%00',
  ])('R-FILTER-2: %s is of the wrong type, and named', async (query) => {
    expect([...new Set(await refused(`/orders?${query}`, buyer))]).toEqual([query.split('=')[0]])
  })

  test('R-FILTER-2: a parameter that is given twice, too long or too often is named', async () => {
    const once = ['page', 'limit', 'count', 'totalMin', 'totalMax']
    for (const name of once) expect(await refused(`/orders?${name}=5&${name}=5`, buyer)).toContain(name)
    for (const name of ['createdAfter', 'placedBefore'])
      expect(await refused(`/orders?${name}=2026-01-01&${name}=2026-01-02`, buyer)).toEqual([name])
    expect(await refused('/orders?version=1&version=1', buyer)).toEqual(['version'])
    expect(await refused('/products?q=a&q=b')).toEqual(['q'])
    expect(await refused(`/products?category=${Array.from({ length: 101 }, (_, i) => `c${i}`)}`)).toEqual(['category'])
    expect(await refused(`/products?q=${'a'.repeat(256)}`)).toEqual(['q'])
    expect(await refused('/products?q=')).toEqual(['q'])
    expect(await refused('/users?role=king', api.admin)).toEqual(['role'])
    expect(await refused('/users?email=nobody', api.admin)).toEqual(['email'])
  })

  test('R-FILTER-2: all that is wrong is named at once', async () => {
    expect(
      await refused('/orders?limit=0&page=0&count=x&sort=x&fields=x&status=x&totalMin=x&createdAfter=x&x=1', buyer),
    ).toEqual(
      expect.arrayContaining(['limit', 'page', 'count', 'sort', 'fields', 'status', 'totalMin', 'createdAfter', 'x']),
    )
  })
})

describe('sorts', () => {
  let buyer: User

  beforeAll(async () => {
    buyer = await api.user('Sorter')
    const totals = [5, 1, 3, 1, 5, 3]
    await addOrders(
      ...totals.map((total, i) => ({
        user: buyer,
        total,
        createdAt: `2026-04-0${6 - i}`,
        placedAt: `2026-05-0${(i % 3) + 1}`,
      })),
    )
  })

  const totals = (sort: string) => column(`/orders?sort=${sort}`, 'total', buyer)
  const created = async (sort: string) =>
    (await column(`/orders?sort=${sort}`, 'createdAt', buyer)).map((time) => Number(String(time).slice(9, 10)))

  test('R-SORT-1: - is descending; nothing, a raw + and an encoded one are ascending', async () => {
    expect(await totals('-total')).toEqual([5, 5, 3, 3, 1, 1])
    for (const sort of ['total', '+total', '%2Btotal', '%20total'])
      expect(await totals(sort)).toEqual([1, 1, 3, 3, 5, 5])
    expect(await totals('%2Dtotal')).toEqual([5, 5, 3, 3, 1, 1])
  })

  test('R-SORT-1: further keys order what the first leaves level, each in its own direction', async () => {
    expect(await created('total,createdAt')).toEqual([3, 5, 1, 4, 2, 6])
    expect(await created('-total,+createdAt')).toEqual([2, 6, 1, 4, 3, 5])
    expect(await created('+total,-createdAt')).toEqual([5, 3, 4, 1, 6, 2])
    expect(await created('-total,-createdAt')).toEqual([6, 2, 4, 1, 5, 3])
    expect(await created('placedAt,-total,createdAt')).toEqual([6, 3, 2, 5, 1, 4])
  })

  test('R-SORT-1: ties are broken by id, in the direction of the last key', async () => {
    const ids = async (sort: string) =>
      (await column(`/orders?sort=${sort}&totalMin=1&totalMax=1`, 'id', buyer)) as string[]
    const [up, down] = [await ids('total'), await ids('-total')]
    expect(up).toEqual([...up].sort())
    expect(down).toEqual([...up].reverse())
    expect(await ids('-placedAt,total')).toHaveLength(2)
  })

  test('R-SORT-1: without a sort orders and users come newest first', async () => {
    expect(await column('/orders', 'id', buyer)).toEqual(await column('/orders?sort=-createdAt', 'id', buyer))
    expect(await column('/users', 'id', api.admin)).toEqual(await column('/users?sort=-createdAt', 'id', api.admin))
  })

  test('R-SORT-1: only declared fields sort, and a wrong one is named', async () => {
    for (const sort of [
      'status',
      'id',
      'userId',
      'version',
      'updatedAt',
      'total;drop',
      '',
      ',',
      'total,',
      '--total',
      '-',
      'Total',
      '-+total',
      'total%20desc',
      'stockTaken',
    ])
      expect(await refused(`/orders?sort=${sort}`, buyer), sort).toContain('sort')
    expect(await refused('/orders?sort=total,-total', buyer)).toEqual(['sort'])
    const { body } = await get('/orders?sort=colour,total', buyer)
    expect(body.error.details).toEqual([
      { field: 'sort', message: expect.stringMatching(/"colour".*createdAt, placedAt, total/) },
    ])
    expect(await refused('/products?sort=stock')).toEqual(['sort'])
    expect(await refused('/users?sort=role', api.admin)).toEqual(['sort'])
  })

  test('R-SORT-1: times that SQL writes with microseconds are kept to the millisecond, so that sort, cursor and filter agree', async () => {
    const clock = await api.user('Clock')
    const ends = ['.0004Z', '.000499Z', '.000501Z', '.001Z', '.0014Z', '.0016Z', '.002Z']
    await addOrders(
      ...ends.map((end) => ({
        user: clock,
        createdAt: `2026-06-01T00:00:00${end}`,
        placedAt: `2026-06-01T00:00:00${end}`,
      })),
    )
    for (const sort of ['createdAt', '-createdAt', 'placedAt', '-placedAt']) {
      const whole = await column(`/orders?sort=${sort}`, 'id', clock)
      const walked: unknown[] = []
      for (let cursor = ''; ; ) {
        const { data, pagination } = (await get(`/orders?limit=1&sort=${sort}${cursor}`, clock)).body
        walked.push(data[0].id)
        if (pagination.nextCursor === null) break
        cursor = `&cursor=${pagination.nextCursor}`
      }
      expect(walked).toEqual(whole)
      expect(walked).toHaveLength(ends.length)
    }
    const times = await column('/orders?sort=createdAt', 'createdAt', clock)
    expect(times).toEqual(
      ['.000Z', '.000Z', '.001Z', '.001Z', '.001Z', '.002Z', '.002Z'].map((end) => `2026-06-01T00:00:00${end}`),
    )
    // A row is not after the time that it shows.
    expect(await column(`/orders?createdAfter=${times.at(-1)}`, 'id', clock)).toEqual([])
    expect(await column(`/orders?createdAfter=${times[0]}`, 'id', clock)).toHaveLength(5)
    expect(await column(`/orders?createdBefore=${times[2]}`, 'id', clock)).toHaveLength(2)
  })
})

describe('fields', () => {
  test('R-FIELDS-1: lists and single reads show just what was asked for, and always the id', async () => {
    const product = await api.product({ category: 'Fields' })
    expect((await get('/products?category=Fields&fields=name')).body.data).toEqual([
      { id: product.id, name: product.name },
    ])
    expect((await get(`/products/${product.id}?fields=price,name`)).body).toEqual({
      id: product.id,
      name: product.name,
      price: 18,
    })
    expect((await get(`/products/${product.id}?fields=id`)).body).toEqual({ id: product.id })
    expect((await get(`/products/${product.id}?fields=id,name,name`)).body).toEqual({
      id: product.id,
      name: product.name,
    })
    expect((await get(`/products/${product.id}?fields=${Object.keys(product)}`)).body).toEqual(product)
  })

  test('R-FIELDS-1: members of lists and carts can be chosen too', async () => {
    const [order] = await addOrders({ user: ann, total: 7 })
    expect((await get(`/orders/${order}?fields=items,total`, ann)).body).toEqual({ id: order, items: [], total: 7 })
    const cart = (await api.ask('POST', '/users/me/carts', { token: ann.token, body: {} })).body
    expect((await get('/users/me/carts?fields=status', ann)).body.data).toEqual([{ id: cart.id, status: 'open' }])
    expect((await get(`/carts/${cart.id}?fields=total`, ann)).body).toEqual({ id: cart.id, total: 0 })
  })

  test('R-FIELDS-1: unknown, hidden and empty ones are refused', async () => {
    const product = await api.product()
    for (const path of ['/products', `/products/${product.id}`])
      for (const fields of [
        'colour',
        'name,colour',
        '',
        ',',
        'name,',
        'Name',
        '%20name',
        'deletedAt',
        'constructor',
        '*',
      ])
        expect(await refused(`${path}?fields=${fields}`), fields).toContain('fields')
    for (const fields of ['passwordHash', 'password', 'currentPassword', 'emailVerifiedAt', 'id,passwordHash']) {
      expect(await refused(`/users/me?fields=${fields}`, ann)).toEqual(['fields'])
      expect(await refused(`/users?fields=${fields}`, api.admin)).toEqual(['fields'])
    }
    expect(await refused('/orders?fields=stockTaken', ann)).toEqual(['fields'])
  })

  test('R-FIELDS-1, R-VER-4: each version knows the fields that it shows', async () => {
    expect((await get('/v1/users/me?fields=role', ann)).body).toEqual({ id: ann.id, role: 'member' })
    expect((await get('/v2/users/me?fields=roles', ann)).body).toEqual({ id: ann.id, roles: ['member'] })
    expect(await refused('/v1/users/me?fields=roles', ann)).toEqual(['fields'])
    expect(await refused('/v2/users/me?fields=role', ann)).toEqual(['fields'])
    expect((await get(`/users?fields=role&email=${ann.email}`, api.admin)).body.data).toEqual([
      { id: ann.id, role: 'member' },
    ])
  })

  test('R-FIELDS-1, R-LOCK-2: the ETag of a part is the whole’s, and serves If-Match', async () => {
    const product = await api.product()
    const part = await get(`/products/${product.id}?fields=name`)
    expect(part.headers.get('etag')).toBe('"1"')
    const changed = await api.ask('PATCH', `/products/${product.id}`, {
      token: api.admin.token,
      body: { stock: 5 },
      headers: { 'if-match': part.headers.get('etag')! },
    })
    expect([changed.status, changed.body.version]).toEqual([200, 2])
    expect((await get(`/products/${product.id}?fields=name`)).headers.get('etag')).toBe('"2"')
  })
})

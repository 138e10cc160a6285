import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { operation, resource, service, t } from '../src/contract/index.ts'
import { connect } from '../src/data/connection.ts'
import { reference } from './reference.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'

describe('cached reads of the reference system', () => {
  const api = reference()
  const own = () => ({ token: api.admin.token })

  async function onOrders(text: string, values: unknown[] = []): Promise<void> {
    const client = await connect(api.system.databases.orders!)
    try {
      await client.query(text, values)
    } finally {
      await client.end()
    }
  }

  async function figure(outcome: string, name: string): Promise<number> {
    const { body } = await api.ask('GET', '/metrics')
    const line = new RegExp(`^lintel_cache_reads_total\\{service="${name}",outcome="${outcome}"\\} (\\d+)$`, 'm')
    return Number(line.exec(body as string)![1])
  }

  test('R-CACHE-1: a product that was read is read from the cache, alone and in lists', async () => {
    const { id } = await api.product()
    const first = await api.ask('GET', `/products/${id}`)
    const before = await figure('hits', 'orders')
    const again = await api.ask('GET', `/products/${id}`)
    expect(again.body).toEqual(first.body)
    expect(await figure('hits', 'orders')).toBe(before + 1)
    const lists = [await api.ask('GET', '/products?limit=5'), await api.ask('GET', '/products?limit=5')]
    expect(lists[1]!.body).toEqual(lists[0]!.body)
    expect(lists[1]!.headers.get('link')).toBe(lists[0]!.headers.get('link'))
    expect(await figure('hits', 'orders')).toBe(before + 2)
  })

  test('R-CACHE-2: every kind of write shows in the next read, of one and of the list', async () => {
    const { id } = await api.product({ stock: 10 })
    const user = await api.user()
    const seen = async () => {
      const one = await api.ask('GET', `/products/${id}`)
      const { body } = await api.ask('GET', '/products?sort=-createdAt&limit=3')
      return [one.body.name, one.body.stock, body.data.find((row: { id: string }) => row.id === id)?.stock]
    }
    expect(await seen()).toEqual(['Chai', 10, 10])
    await api.ask('PATCH', `/products/${id}`, { ...own(), body: { name: 'Chang' } })
    expect(await seen()).toEqual(['Chang', 10, 10])
    const items = [{ productId: id, quantity: 3 }]
    const order = await api.ask('POST', `/users/${user.id}/orders`, { token: user.token, body: { items } })
    expect(order.status).toBe(201)
    expect(await seen()).toEqual(['Chang', 7, 7])
    await api.ask('PATCH', `/orders/${order.body.id}`, { token: user.token, body: { status: 'cancelled' } })
    expect(await seen()).toEqual(['Chang', 10, 10])
    await api.ask('DELETE', `/products/${id}`, own())
    expect(await api.ask('GET', `/products/${id}`)).toMatchObject({ status: 404 })
    const { body } = await api.ask('GET', '/products?sort=-createdAt&limit=3')
    expect(body.data.some((row: { id: string }) => row.id === id)).toBe(false)
  })

  test('R-CACHE-4: what the cache has of a user is for nobody who may not see it', async () => {
    const [ann, ben] = [await api.user('Ann'), await api.user('Ben')]
    const path = `/users/${ann.id}`
    for (let i = 0; i < 2; i++) {
      expect(await api.ask('GET', path, ann)).toMatchObject({ status: 200, body: { name: 'Ann' } })
      expect(await api.ask('GET', '/users/me', ann)).toMatchObject({ status: 200, body: { id: ann.id } })
      expect(await api.ask('GET', '/users/me', ben)).toMatchObject({ status: 200, body: { id: ben.id } })
      expect(await api.ask('GET', path, ben)).toMatchObject({ status: 403 })
      expect(await api.ask('GET', path)).toMatchObject({ status: 401 })
      expect(await api.ask('GET', path, own())).toMatchObject({ status: 200, body: { name: 'Ann' } })
    }
    await api.ask('DELETE', path, own())
    expect(await api.ask('GET', path, own())).toMatchObject({ status: 404 })
  })

  test('R-CACHE-4: headers say who may keep an answer, from the cache and without it', async () => {
    const { id } = await api.product()
    const { id: userId, token } = await api.user()
    for (let i = 0; i < 2; i++) {
      const said = async (path: string, by?: string) =>
        (await api.ask('GET', path, { token: by })).headers.get('cache-control')
      expect(await said(`/products/${id}`)).toBe('public, no-cache')
      expect(await said(`/products/${id}`, token)).toBe('private, no-cache')
      expect(await said('/products')).toBe('public, no-cache')
      expect(await said(`/users/${userId}`, token)).toBe('private, no-cache')
    }
  })

  test('R-LOCK-3: entity tags and preconditions are those of the row, from the cache too', async () => {
    const { id } = await api.product()
    const path = `/products/${id}`
    for (const version of [1, 2]) {
      for (let i = 0; i < 2; i++) {
        const { headers } = await api.ask('GET', path)
        expect(headers.get('etag')).toBe(`"${version}"`)
        const ask = (headers: Record<string, string>) => api.ask('GET', path, { headers })
        expect(await ask({ 'if-none-match': `"${version}"` })).toMatchObject({ status: 304, body: undefined })
        expect(await ask({ 'if-none-match': '"9"' })).toMatchObject({ status: 200 })
        expect(await ask({ 'if-match': '"9"' })).toMatchObject({ status: 412 })
        expect((await api.ask('GET', `${path}?fields=name`)).body).toEqual({ id, name: expect.any(String) })
        expect((await api.ask('HEAD', path)).headers.get('etag')).toBe(`"${version}"`)
      }
      await api.ask('PATCH', path, { ...own(), body: { price: 20 } })
    }
  })

  test('R-LOCK-3: a cached list is answered with 304 until a row of it changes, and compressed all the same', async () => {
    const { id } = await api.product()
    const ask = (headers: Record<string, string> = {}) => api.ask('GET', '/products?limit=50', { headers })
    for (const price of [20, 30]) {
      const { headers } = await ask()
      const etag = headers.get('etag')!
      expect(etag).toMatch(/^W\/"[\w-]{22}"$/)
      for (const more of [{}, { 'cache-control': 'no-cache' }]) {
        const unchanged = await ask({ 'if-none-match': etag, ...more })
        expect(unchanged).toMatchObject({ status: 304, body: undefined })
        expect(unchanged.headers.get('etag')).toBe(etag)
        expect(unchanged.headers.get('cache-control')).toBe('public, no-cache')
      }
      // A weak tag matches no If-Match.
      expect(await ask({ 'if-match': etag })).toMatchObject({ status: 412 })
      await api.ask('PATCH', `/products/${id}`, { ...own(), body: { price } })
      const changed = await ask({ 'if-none-match': etag })
      expect(changed.status).toBe(200)
      expect(changed.headers.get('etag')).not.toBe(etag)
    }
    for (let i = 0; i < 10; i++) await api.product()
    expect((await ask({ 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBe('gzip')
    const { headers } = await api.ask('GET', '/orders', own())
    expect(headers.get('etag')).toBeNull()
  })

  test('R-VER-2: each version of the API has entries of its own', async () => {
    const { id, token } = await api.user()
    for (let i = 0; i < 2; i++) {
      expect((await api.ask('GET', `/v1/users/${id}`, { token })).body).toMatchObject({ role: 'member' })
      expect((await api.ask('GET', `/v2/users/${id}`, { token })).body).toMatchObject({ roles: ['member'] })
    }
  })

  test('R-P-5: Cache-Control: no-cache reads the database; a change that nobody has told of is found in tests', async () => {
    const { id } = await api.product()
    await api.ask('GET', `/products/${id}`)
    await onOrders(`update products set name = 'Behind its back' where id = lintel.uuid($1)`, [id])
    // In production it would be the old name, for an hour at most.
    expect(await api.ask('GET', `/products/${id}`)).toMatchObject({ status: 500 })
    await api.ask('PATCH', `/products/${id}`, { ...own(), body: { name: 'Told' } })
    await api.ask('GET', `/products/${id}`)
    await onOrders(`update products set name = 'Again' where id = lintel.uuid($1)`, [id])
    const headers = { 'cache-control': 'no-cache' }
    expect(await api.ask('GET', `/products/${id}`, { headers })).toMatchObject({ status: 200, body: { name: 'Again' } })
  })

  test('R-CACHE-2: what a command has changed, or whoever could not reach Redis, is dropped within 2 s', async () => {
    const { id } = await api.product()
    await api.ask('GET', `/products/${id}`)
    await onOrders(
      `with changed as (update products set name = 'By SQL' where id = lintel.uuid($1))
       insert into lintel.cache_changes (tag) values ('product:' || $1), ('products')`,
      [id],
    )
    const end = performance.now() + 5_000
    let seen: unknown
    while (seen !== 'By SQL' && performance.now() < end) seen = (await api.ask('GET', `/products/${id}`)).body.name
    expect(seen).toBe('By SQL')
  })

  test('R-P-5: the documents say which reads are cached', async () => {
    const { body } = await api.ask('GET', '/openapi.json')
    expect(body.paths['/products/{id}'].get['x-lintel-consistency']).toBe('cached')
    expect(body.paths['/orders/{id}'].get['x-lintel-consistency']).toBeUndefined()
  })
})

describe('the cache of handlers', () => {
  let small: SmallSystem
  let loads = 0

  const Note = resource('note', {
    id: 'not',
    fields: { text: t.text() },
    cached: { maxAgeS: 30 },
    access: { get: 'public', create: 'public', update: 'public' },
  })
  const Draft = resource('draft', { id: 'dft', fields: { text: t.text() }, access: { create: 'public' } })
  const count = { method: 'GET', access: 'public', answer: { count: t.integer(), loads: t.integer() } } as const
  const contract = service('notes', {
    resources: { notes: Note, drafts: Draft },
    operations: {
      counted: operation({ ...count, path: '/counts' }),
      written: operation({ ...count, method: 'PUT', path: '/counts' }),
      forgotten: operation({ ...count, method: 'PUT', path: '/forgotten-counts' }),
      failed: operation({ ...count, method: 'PUT', path: '/failed-counts' }),
      misnamed: operation({ ...count, path: '/misnamed-counts' }),
      dropped: operation({ method: 'DELETE', access: 'public', path: '/counts' }),
    },
  })

  beforeAll(async () => {
    const all = 'select count(*)::int as count from notes'
    small = await smallSystem(
      contract,
      {
        counted: async (_, { cache, read }) =>
          cache.get('count', { tags: ['notes'] }, async () => {
            const [row] = await read.query<{ count: number }>(all)
            return { count: row!.count, loads: ++loads }
          }),
        // What it has not committed is its own.
        written: async (_, { cache, tx }) => {
          await tx.query(`insert into notes (id, text) values (gen_random_uuid(), 'x')`)
          cache.invalidate('notes')
          return cache.get('count', { tags: ['notes'] }, async () => {
            const [row] = await tx.query<{ count: number }>(all)
            return { count: row!.count, loads: -1 }
          })
        },
        forgotten: async (_, { tx }) => {
          await tx.query(`update notes set text = 'other'`)
          return { count: 0, loads: 0 }
        },
        failed: async (_, { cache, tx }) => {
          await tx.query(`insert into notes (id, text) values (gen_random_uuid(), 'x')`)
          cache.invalidate('notes')
          throw new Error('on purpose')
        },
        misnamed: async (_, { cache }) =>
          cache.get('drafts', { tags: ['drafts'] }, async () => ({ count: 0, loads: 0 })),
        dropped: async (_, { cache }) => cache.invalidate('notes'),
      },
      `create table notes (id uuid primary key, text text not null, version integer not null default 1,
         created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now());
       create table drafts (like notes including all);`,
    )
  })
  afterAll(() => small?.stop())

  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(small.url + path, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }

  test('R-CACHE-1: a value is loaded once, and again after a write of a row that it has the tag of', async () => {
    expect((await ask('GET', '/counts')).body).toEqual({ count: 0, loads: 1 })
    expect((await ask('GET', '/counts')).body).toEqual({ count: 0, loads: 1 })
    expect((await ask('POST', '/notes', { text: 'a' })).status).toBe(201)
    expect((await ask('GET', '/counts')).body).toEqual({ count: 1, loads: 2 })
  })

  test('R-CACHE-2: what a transaction has not committed is kept for nobody, and dropped tags are dropped when it commits', async () => {
    const { body: before } = await ask('GET', '/counts')
    expect((await ask('PUT', '/counts')).body).toEqual({ count: before.count + 1, loads: -1 })
    expect((await ask('GET', '/counts')).body).toEqual({ count: before.count + 1, loads: before.loads + 1 })
    expect((await ask('PUT', '/failed-counts')).status).toBe(500)
    expect((await ask('GET', '/counts')).body).toMatchObject({ count: before.count + 1 })
    expect((await ask('DELETE', '/counts')).status).toBe(204)
    expect((await ask('GET', '/counts')).body).toMatchObject({ count: before.count + 1, loads: before.loads + 2 })
  })

  test('R-CACHE-2: hand-written SQL that forgets to say what it changes fails the next read, in tests', async () => {
    const { body } = await ask('POST', '/notes', { text: 'a' })
    expect((await ask('GET', `/notes/${body.id}`)).status).toBe(200)
    expect((await ask('GET', `/notes/${body.id}`)).status).toBe(200)
    expect((await ask('PUT', '/forgotten-counts')).status).toBe(200)
    expect((await ask('GET', `/notes/${body.id}`)).status).toBe(500)
  })

  test('R-CACHE-1: a tag that no write would drop is a mistake that says so', async () => {
    expect((await ask('GET', '/misnamed-counts')).status).toBe(500)
  })

  test('R-CACHE-4: maxAgeS of a contract is what clients are told', async () => {
    const { body } = await ask('POST', '/notes', { text: 'a' })
    for (let i = 0; i < 2; i++)
      expect((await ask('GET', `/notes/${body.id}`)).headers.get('cache-control')).toBe('public, max-age=30')
  })
})

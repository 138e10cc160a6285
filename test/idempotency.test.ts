import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectTo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { type Fields, t } from '../src/contract/fields.ts'
import { resource } from '../src/contract/resource.ts'
import { service } from '../src/contract/service.ts'
import { connect } from '../src/data/connection.ts'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { insert } from '../src/data/rows.ts'
import { implement } from '../src/service/implement.ts'
import { system as systemOf } from '../src/start/define-system.ts'
import { type Running, start } from '../src/start/start.ts'
import { databaseSettings, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'
import { PASSWORD, type Reply, reference, type User } from './reference.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'

const api = reference()

let db: Database
let usersDb: Database

beforeAll(() => {
  db = openDatabase('test', api.system.databases.orders!)
  usersDb = openDatabase('test', api.system.databases.users!)
})
afterAll(() => Promise.all([db?.close(), usersDb?.close()]))

const newKey = () => crypto.randomUUID()

const post = (path: string, user: User | undefined, body: unknown, key: string): Promise<Reply> =>
  api.ask('POST', path, { token: user?.token, body, headers: { 'idempotency-key': key } })

const wanting = (productId: string, quantity = 1) => ({ items: [{ productId, quantity }] })

const stockOf = async (id: string) => (await api.ask('GET', `/products/${id}`)).body.stock
const ordersOf = async (user: User) =>
  (await api.ask('GET', '/orders?count=exact', { token: user.token })).body.pagination.total
const isReplay = ({ headers }: Reply) => headers.get('idempotency-replayed') === 'true'

function gate() {
  let resolve!: () => void
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}

/** What an answer is, apart from whose it is and when. */
const essence = ({ status, headers, body }: Reply) => ({
  status,
  body,
  location: headers.get('location'),
  etag: headers.get('etag'),
  type: headers.get('content-type'),
})

const everyKey = async (database: Database) =>
  (
    await database.query<{ text: string }>(
      `select encode(key, 'escape') || kept::text as text from lintel.idempotency_keys kept`,
    )
  )
    .map(({ text }) => text)
    .join('\n')

describe('repeats', () => {
  test('R-IDEM-1: a repeat gets the same status, Location, ETag and body, says so, and has no second effect', async () => {
    const [user, product, key] = [await api.user(), await api.product({ stock: 10 }), newKey()]
    const first = await post('/users/me/orders', user, wanting(product.id, 3), key)
    expect(first.status).toBe(201)
    expect(first.headers.has('idempotency-replayed')).toBe(false)
    for (let i = 0; i < 3; i++) {
      const again = await post('/users/me/orders', user, wanting(product.id, 3), key)
      expect(again.headers.get('idempotency-replayed')).toBe('true')
      expect(essence(again)).toEqual(essence(first))
      expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
    }
    expect((await api.ask('GET', first.headers.get('location')!, { token: user.token })).body).toEqual(first.body)
    expect([await ordersOf(user), await stockOf(product.id)]).toEqual([1, 7])
    expect(await db.query('select 1 from lintel.outbox where aggregate_id = $1', [first.body.id])).toHaveLength(1)
  })

  test('R-IDEM-1: the first answer is repeated, also when the thing has changed since', async () => {
    const [user, product, key] = [await api.user(), await api.product(), newKey()]
    const first = await post('/users/me/orders', user, wanting(product.id), key)
    await api.ask('PATCH', `/orders/${first.body.id}`, { token: api.admin.token, body: { status: 'paid' } })
    expect((await post('/users/me/orders', user, wanting(product.id), key)).body).toMatchObject({
      status: 'pending',
      version: 1,
    })
  })

  test('R-IDEM-1: every POST knows keys: products, carts, items, users', async () => {
    const user = await api.user()
    const product = await api.product()
    const cart = await post('/users/me/carts', user, {}, 'cart')
    const bodies: [string, User | undefined, unknown][] = [
      ['/products', api.admin, { sku: newKey(), name: 'Chai', category: 'Teas', price: 1 }],
      ['/users/me/carts', user, {}],
      [`/carts/${cart.body.id}/items`, user, { productId: product.id, quantity: 2 }],
      ['/users', undefined, { email: `${newKey()}@example.com`, name: 'Ann', password: PASSWORD }],
    ]
    for (const [path, caller, body] of bodies) {
      const key = newKey()
      const first = await post(path, caller, body, key)
      expect(first.status, path).toBe(201)
      const again = await post(path, caller, body, key)
      expect(isReplay(again), path).toBe(true)
      expect(essence(again)).toEqual(essence(first))
    }
    expect((await api.ask('GET', `/carts/${cart.body.id}`, { token: user.token })).body.items).toMatchObject([
      { quantity: 2 },
    ])
  })

  test('R-IDEM-1: of 50 at once one has the effect; everyone gets 201, or 409 with Retry-After', async () => {
    const [user, product, key] = [await api.user(), await api.product({ stock: 1000 }), newKey()]
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => post('/users/me/orders', user, wanting(product.id), key)),
    )
    const done = replies.filter(({ status }) => status === 201)
    expect(done.filter((reply) => !isReplay(reply))).toHaveLength(1)
    for (const reply of done) expect(essence(reply)).toEqual(essence(done[0]!))
    for (const reply of replies.filter(({ status }) => status !== 201)) {
      expect([reply.status, reply.body.error.code]).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS'])
      expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    }
    expect([await ordersOf(user), await stockOf(product.id)]).toEqual([1, 999])
    const later = await post('/users/me/orders', user, wanting(product.id), key)
    expect(isReplay(later)).toBe(true)
    expect(essence(later)).toEqual(essence(done[0]!))
  })

  test('R-IDEM-1: a repeat is known after 23 hours, and not after 24', async () => {
    const [user, product, key] = [await api.user(), await api.product(), newKey()]
    const first = await post('/users/me/orders', user, wanting(product.id), key)
    const age = (hours: string) =>
      db.query(`update lintel.idempotency_keys set created_at = now() - $1::interval where body::json ->> 'id' = $2`, [
        hours,
        first.body.id,
      ])
    await age('23 hours')
    expect(isReplay(await post('/users/me/orders', user, wanting(product.id), key))).toBe(true)
    await age('24 hours 1 second')
    const anew = await post('/users/me/orders', user, wanting(product.id), key)
    expect([anew.status, isReplay(anew)]).toEqual([201, false])
    expect(anew.body.id).not.toBe(first.body.id)
  })

  test('keys mean nothing to methods that are idempotent by themselves', async () => {
    const [product, headers] = [await api.product(), { 'idempotency-key': newKey() }]
    for (let version = 2; version <= 3; version++) {
      const changed = await api.ask('PATCH', `/products/${product.id}`, {
        token: api.admin.token,
        body: { stock: 1 },
        headers,
      })
      expect([changed.body.version, isReplay(changed)]).toEqual([version, false])
    }
    expect(isReplay(await api.ask('GET', `/products/${product.id}`, { headers }))).toBe(false)
  })
})

describe('replicas', () => {
  let other: Running

  beforeAll(async () => {
    other = await start(system, {
      PORT: '0',
      LOG_LEVEL: 'fatal',
      ...databaseSettings(api.system.databases),
    })
  })
  afterAll(() => other?.stop())

  test('R-IDEM-1: whichever replica answers, there is one effect and one answer', async () => {
    const [user, product, key] = [await api.user(), await api.product({ stock: 100 }), newKey()]
    const ask = async (url: string) => {
      const response = await fetch(`${url}/users/me/orders`, {
        method: 'POST',
        headers: { authorization: `Bearer ${user.token}`, 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(wanting(product.id)),
      })
      return {
        status: response.status,
        replayed: response.headers.get('idempotency-replayed'),
        body: (await response.json()) as { id: string },
      }
    }
    const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i % 2 ? api.url : other.url)))
    const done = replies.filter(({ status }) => status === 201)
    expect(new Set(done.map(({ body }) => body.id)).size).toBe(1)
    for (const url of [api.url, other.url]) {
      const again = await ask(url)
      expect([again.status, again.replayed, again.body.id]).toEqual([201, 'true', done[0]!.body.id])
    }
    expect([await ordersOf(user), await stockOf(product.id)]).toEqual([1, 99])
  })
})

test('R-IDEM-1: a repeat that another build answers, whose contract fills in more, has one effect', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lintel-builds-'))
  await writeFile(
    join(folder, '0001-teas.sql'),
    `create table teas (
      id uuid primary key, name text not null, grade text not null default 'A', version integer not null default 1,
      created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
    )`,
  )
  const build = (fields: Fields) => {
    const teas = resource('tea', { id: 'tea', fields, access: { get: 'public', create: 'public' } })
    return systemOf({
      services: [implement(service('teas', { resources: { teas } }), {}, { migrations: pathToFileURL(`${folder}/`) })],
    })
  }
  const first = await testSystem(build({ name: t.text() }), inject('databaseServer'))
  const second = await start(build({ name: t.text(), grade: t.text().default('A') }), {
    NODE_ENV: 'development',
    PORT: '0',
    LOG_LEVEL: 'fatal',
    ...databaseSettings(first.databases),
  })
  onTestFinished(async () => {
    await second.stop()
    await first.stop()
    await rm(folder, { recursive: true })
  })
  const key = newKey()
  const ids = []
  for (const url of [first.url, second.url, first.url]) {
    const response = await fetch(`${url}/teas`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ name: 'Assam' }),
    })
    ids.push(((await response.json()) as { id: string }).id)
  }
  expect(ids).toEqual([expect.stringMatching(/^tea_/), ids[0], ids[0]])
})

describe('other requests with a key', () => {
  test('R-IDEM-2: another body is a 422, and has no effect', async () => {
    const [user, product, key] = [await api.user(), await api.product({ stock: 10 }), newKey()]
    const other = await api.product()
    await post('/users/me/orders', user, wanting(product.id, 2), key)
    for (const body of [
      wanting(product.id, 3),
      wanting(other.id, 2),
      { items: [...wanting(product.id, 2).items, ...wanting(other.id).items] },
      { items: [] },
    ]) {
      const reply = await post('/users/me/orders', user, body, key)
      expect([reply.status, reply.body.error.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    }
    expect([await ordersOf(user), await stockOf(product.id)]).toEqual([1, 8])
  })

  test('FC-6, R-IDEM-2: of anonymous callers another body is another request, and the same is a repeat', async () => {
    const key = newKey()
    const registration = (name: string) => ({ email: `${name}-${key}@example.com`, name, password: PASSWORD })
    const [ann, bob] = [registration('ann'), registration('bob')]
    const first = await post('/users', undefined, ann, key)
    expect(first.status).toBe(201)
    const stranger = await post('/users', undefined, bob, key)
    expect([stranger.status, isReplay(stranger), stranger.body.email]).toEqual([201, false, bob.email])
    const again = await post('/users', undefined, ann, key)
    expect([isReplay(again), again.body.id]).toEqual([true, first.body.id])
    // Failures are not kept: what did not happen may be tried again.
    const failed = { ...ann, name: '' }
    for (let i = 0; i < 2; i++) expect((await post('/users', undefined, failed, key)).status).toBe(400)
  })

  test('R-IDEM-2: the same members in another order, with other spaces and escapes, are the same body', async () => {
    const [user, key] = [await api.user(), newKey()]
    const [one, two] = [await api.product(), await api.product()]
    const first = await post(
      '/users/me/orders',
      user,
      {
        items: [
          { productId: one.id, quantity: 1 },
          { productId: two.id, quantity: 2 },
        ],
      },
      key,
    )
    expect(first.status).toBe(201)
    const same = [
      `{"items":[{"quantity":1,"productId":"${one.id}"},{"quantity":2,"productId":"${two.id}"}]}`,
      ` { "items" : [ {"productId":"${one.id}","quantity":1.0}, {"productId":"${two.id}" ,"quantity": 2e0} ] }`,
      `{"\\u0069tems":[{"productId":"${one.id}","quantity":1},{"productId":"${two.id}","quantity":2}]}`,
    ]
    for (const body of same) {
      const again = await post('/users/me/orders', user, body, key)
      expect([again.status, isReplay(again), again.body.id]).toEqual([201, true, first.body.id])
    }
    // The order of a list means something.
    const turned = await post(
      '/users/me/orders',
      user,
      {
        items: [
          { productId: two.id, quantity: 2 },
          { productId: one.id, quantity: 1 },
        ],
      },
      key,
    )
    expect(turned.status).toBe(422)
  })

  test('R-IDEM-1: a key is its caller’s: two users with one key have an order each', async () => {
    const [ann, bob, product, key] = [await api.user(), await api.user(), await api.product(), newKey()]
    const [one, two] = [
      await post('/users/me/orders', ann, wanting(product.id), key),
      await post('/users/me/orders', bob, wanting(product.id), key),
    ]
    expect([one.status, two.status, isReplay(two)]).toEqual([201, 201, false])
    expect(two.body).toMatchObject({ userId: bob.id })
    // An admin who acts for Ann is not Ann.
    const third = await post(`/users/${ann.id}/orders`, api.admin, wanting(product.id), key)
    expect([third.status, isReplay(third)]).toEqual([201, false])
    expect(await ordersOf(ann)).toBe(2)
  })

  test('R-IDEM-1: a key is its operation’s: one key serves a cart and an order', async () => {
    const [user, product, key] = [await api.user(), await api.product(), newKey()]
    const cart = await post('/users/me/carts', user, {}, key)
    const order = await post('/users/me/orders', user, wanting(product.id), key)
    expect([cart.status, order.status]).toEqual([201, 201])
    expect([isReplay(order), order.body.id]).toEqual([false, expect.stringMatching(/^ord_/)])
    expect((await post('/users/me/carts', user, {}, key)).body).toEqual(cart.body)
  })

  test('R-IDEM-2: the same key and body for another thing are another request', async () => {
    const [user, product, key] = [await api.user(), await api.product(), newKey()]
    const [one, two] = [await post('/users/me/carts', user, {}, 'one'), await post('/users/me/carts', user, {}, 'two')]
    const item = { productId: product.id, quantity: 1 }
    expect((await post(`/carts/${one.body.id}/items`, user, item, key)).status).toBe(201)
    expect((await post(`/carts/${two.body.id}/items`, user, item, key)).status).toBe(422)
    expect((await api.ask('GET', `/carts/${two.body.id}`, { token: user.token })).body.items).toEqual([])
    // `me` is the same as the id.
    expect(isReplay(await post(`/users/${user.id}/carts`, user, {}, 'one'))).toBe(true)
  })
})

describe('failures', () => {
  test('R-IDEM-2: what was out of stock may be tried again with the same key, once there is stock', async () => {
    const [user, product, key] = [await api.user(), await api.product({ stock: 1 }), newKey()]
    for (let i = 0; i < 2; i++) {
      const short = await post('/users/me/orders', user, wanting(product.id, 2), key)
      expect([short.status, short.body.error.code, isReplay(short)]).toEqual([409, 'OUT_OF_STOCK', false])
    }
    await api.ask('PATCH', `/products/${product.id}`, { token: api.admin.token, body: { stock: 5 } })
    const done = await post('/users/me/orders', user, wanting(product.id, 2), key)
    expect([done.status, isReplay(done)]).toEqual([201, false])
    expect(isReplay(await post('/users/me/orders', user, wanting(product.id, 2), key))).toBe(true)
    expect([await ordersOf(user), await stockOf(product.id)]).toEqual([1, 3])
  })

  test('R-IDEM-2: a refused body leaves the key free for a better one', async () => {
    const [user, product, key] = [await api.user(), await api.product(), newKey()]
    const unknown = 'prd_01h455vb4pex5vsknk084sn02q'
    const refusals: [unknown, number][] = [
      ['{"items":', 400],
      [{ items: [{ productId: product.id, quantity: 0 }] }, 400],
      [{ items: [] }, 422],
      [wanting(unknown), 422],
      [{ ...wanting(product.id), placedAt: '2020-01-01T00:00:00Z' }, 403],
    ]
    for (const [body, status] of refusals)
      expect((await post('/users/me/orders', user, body, key)).status, JSON.stringify(body)).toBe(status)
    expect((await post('/users/me/orders', user, wanting(product.id), key)).status).toBe(201)
    expect(
      (await post('/users', undefined, { email: user.email, name: 'x', password: PASSWORD }, key)).body.error.code,
    ).toBe('DUPLICATE')
    expect(
      (await post('/users', undefined, { email: `${newKey()}@example.com`, name: 'x', password: PASSWORD }, key))
        .status,
    ).toBe(201)
  })

  test('R-IDEM-2: of 20 at once that cannot succeed none is kept', async () => {
    const [user, product, key] = [await api.user(), await api.product({ stock: 0 }), newKey()]
    const replies = await Promise.all(
      Array.from({ length: 20 }, () => post('/users/me/orders', user, wanting(product.id), key)),
    )
    for (const { status, body } of replies) {
      expect(status).toBe(409)
      expect(['OUT_OF_STOCK', 'IDEMPOTENCY_IN_PROGRESS']).toContain(body.error.code)
    }
    await api.ask('PATCH', `/products/${product.id}`, { token: api.admin.token, body: { stock: 1 } })
    expect((await post('/users/me/orders', user, wanting(product.id), key)).status).toBe(201)
  })
})

describe('lost connections', () => {
  test('R-IDEM-2: connections that die in the middle of 30 orders, again and again, leave each key one effect', async () => {
    const [user, product] = [await api.user(), await api.product({ stock: 1000 })]
    const killer = await connect(api.system.databases.orders!)
    const kill = () =>
      killer.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'lintel:orders'`,
      )
    const outcomes: string[] = []
    let answered = () => {}
    const placed = Array.from({ length: 30 }, async () => {
      const key = newKey()
      for (;;) {
        const reply = await post('/users/me/orders', user, wanting(product.id), key)
        outcomes.push([reply.status, reply.body.error?.code].filter(Boolean).join(' '))
        answered()
        if (reply.status === 201) return reply.body.id as string
        expect(['503 SERVICE_UNAVAILABLE', '409 IDEMPOTENCY_IN_PROGRESS']).toContain(outcomes.at(-1))
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      }
    })
    for (let round = 0; round < 10; round++) {
      const next = new Promise<void>((resolve) => {
        answered = resolve
      })
      await kill()
      await Promise.race([next, Promise.all(placed)])
    }
    const ids = await Promise.all(placed)
    await killer.end()
    expect(outcomes).toContain('503 SERVICE_UNAVAILABLE')
    expect(new Set(ids).size).toBe(30)
    expect([await ordersOf(user), await stockOf(product.id)]).toEqual([30, 970])
    const events = await db.query('select 1 from lintel.outbox where aggregate_id = any($1)', [ids])
    expect(events).toHaveLength(30)
  })
})

describe('a handler of one’s own', () => {
  const Note = resource('note', {
    id: 'not',
    fields: { title: t.text() },
    access: { list: 'public', create: 'public' },
    custom: ['create'],
  })
  const notes = service('notes', { resources: { notes: Note } })
  let small: SmallSystem
  let smallDb: Database
  let failing = true
  /** What a handler does before its first statement, such as hashing a password. */
  let before = async () => {}

  beforeAll(async () => {
    small = await smallSystem(
      notes,
      {
        notes: {
          create: async ({ body }, { tx }) => {
            await before()
            const row = await insert(tx, Note, body)
            if (failing) throw new Error('after its insert')
            return row
          },
        },
      },
      `create table notes (id uuid primary key, title text not null, version integer not null default 1,
         created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now())`,
    )
    smallDb = openDatabase('test', small.database)
  })
  afterAll(async () => {
    await smallDb?.close()
    await small?.stop()
  })

  test('R-IDEM-2: one that throws after its insert leaves neither row nor key, and the key may be used again', async () => {
    const send = () =>
      fetch(`${small.url}/notes`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'one' },
        body: '{"title":"a"}',
      })
    const rows = () =>
      smallDb.query(
        'select (select count(*) from notes) as notes, (select count(*) from lintel.idempotency_keys) as keys',
      )
    expect((await send()).status).toBe(500)
    expect(await rows()).toEqual([{ notes: 0, keys: 0 }])
    failing = false
    const done = await send()
    expect([done.status, done.headers.get('idempotency-replayed')]).toEqual([201, null])
    expect((await send()).headers.get('idempotency-replayed')).toBe('true')
    expect(await rows()).toEqual([{ notes: 1, keys: 1 }])
  })

  test('FC-76, R-IDEM-2: before the first statement no transaction is open, and a repeat is a 409; the kept answer needs no handler', async () => {
    failing = false
    const started = gate()
    const go = gate()
    let calls = 0
    before = () => {
      calls++
      started.resolve()
      return go.promise
    }
    const send = () =>
      fetch(`${small.url}/notes`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'slow' },
        body: '{"title":"b"}',
      })
    const first = send()
    await started.promise
    const open = await smallDb.query(
      `select pid from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
    )
    expect(open).toEqual([])
    const meanwhile = await send()
    expect([meanwhile.status, meanwhile.headers.get('retry-after')]).toEqual([409, '1'])
    go.resolve()
    const done = await first
    expect([done.status, done.headers.get('idempotency-replayed')]).toEqual([201, null])
    const again = await send()
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
    expect(calls).toBe(1)
  })
})

describe('keys', () => {
  const body = (sku = newKey()) => ({ sku, name: 'Chai', category: 'Teas', price: 1 })

  test.each(['a', 'a'.repeat(255), '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', 'with spaces inside', '"quoted"', '0'])(
    'R-IDEM-1: %s is a key',
    async (key) => {
      const product = body()
      expect((await post('/products', api.admin, product, key)).status).toBe(201)
      expect(isReplay(await post('/products', api.admin, product, key))).toBe(true)
    },
  )

  test.each(['', 'a'.repeat(256), 'a'.repeat(4000), 'a\tb', 'é', 'a\u00a0b'])(
    'R-IDEM-1: %j is none, and nothing happens',
    async (key) => {
      const product = body()
      const reply = await post('/products', api.admin, product, key)
      expect([reply.status, reply.body.error.code]).toEqual([400, 'VALIDATION_ERROR'])
      expect(reply.body.error.details).toEqual([{ field: 'Idempotency-Key', message: expect.stringContaining('255') }])
      expect((await api.ask('GET', `/products?q=${product.sku}`)).body.data).toEqual([])
    },
  )

  test('R-IDEM-1: control characters in a key are a 400', async () => {
    const { port, hostname } = new URL(api.url)
    for (const control of ['\x01', '\x7f', '\x1b', '\b']) {
      const text = JSON.stringify(body())
      const socket = connectTo(Number(port), hostname)
      socket.end(
        `POST /products HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${api.admin.token}\r\nContent-Type: application/json\r\n` +
          `Idempotency-Key: a${control}b\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
        'latin1',
      )
      let answer = ''
      for await (const chunk of socket) answer += chunk
      expect(answer.split('\r\n')[0], JSON.stringify(control)).toContain(' 400 ')
    }
  })

  test('R-IDEM-1: secrets are never kept: a login with a key keeps nothing, and gives a new token each time', async () => {
    const user = await api.user()
    const before = await everyKey(usersDb)
    const key = newKey()
    const logins = await Promise.all(
      Array.from({ length: 3 }, () => post('/auth/login', undefined, { email: user.email, password: PASSWORD }, key)),
    )
    expect(logins.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(logins.some(isReplay)).toBe(false)
    expect(new Set(logins.map(({ body: { accessToken } }) => accessToken)).size).toBe(3)
    expect(await everyKey(usersDb)).toBe(before)
  })

  test('R-IDEM-1: no key, password or token stands in what is kept', async () => {
    const [key, password, email] = ['a key that is remembered', 'a password nobody guesses', `${newKey()}@example.com`]
    const made = await post('/users', undefined, { email, name: 'Secretive', password }, key)
    expect(made.status).toBe(201)
    expect(isReplay(await post('/users', undefined, { email, name: 'Secretive', password }, key))).toBe(true)
    // The password is part of what was asked: this is another request, of an anonymous caller (FC-6).
    const other = await post('/users', undefined, { email, name: 'Secretive', password: `${password}!` }, key)
    expect([other.status, other.body.error.code]).toEqual([409, 'DUPLICATE'])
    const token = await api.logIn(email, password)
    const user = { id: made.body.id, email, token }
    expect((await post('/users/me/carts', user, {}, key)).status).toBe(201)
    const kept = (await everyKey(usersDb)) + (await everyKey(db))
    expect(kept).toContain(made.body.id)
    for (const secret of [
      key,
      password,
      PASSWORD,
      token,
      token.split('.')[2]!,
      'argon2',
      'accessToken',
      'passwordHash',
    ])
      expect(kept).not.toContain(secret)
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resource, service, t } from '../src/contract/index.ts'
import { operation } from '../src/contract/operation.ts'
import { connect } from '../src/data/connection.ts'
import { insert } from '../src/data/rows.ts'
import type { Handlers } from '../src/service/handler.ts'
import { PASSWORD, type Reply, reference } from './reference.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

describe('of the reference system', () => {
  const api = reference()

  test('R-BODY-7: no answer, document, event or kept answer holds a password or its hash', async () => {
    const { token } = api.admin
    const seen: Reply[] = []
    const ask: typeof api.ask = async (...asked) => {
      const reply = await api.ask(...asked)
      seen.push(reply)
      return reply
    }
    const newPassword = 'another good password'
    const ben = { email: 'ben@example.com', name: 'Ben', password: PASSWORD }
    const headers = { 'idempotency-key': 'once' }
    const { body: user } = await ask('POST', '/users', { body: ben, headers })
    await ask('POST', '/users', { body: ben, headers })
    await ask('POST', '/users', { body: ben })
    await ask('POST', '/users', { body: { ...ben, email: 'x', passwordHash: 'x', password: 5 } })
    await ask('POST', '/users', { body: { ...ben, email: 'short@example.com', password: 'short' } })
    const login = await ask('POST', '/auth/login', { body: { email: ben.email, password: PASSWORD } })
    const own = { token: login.body.accessToken as string }
    for (const version of ['', '/v1', '/v2'])
      for (const path of [
        '/users',
        `/users/${user.id}`,
        '/users?fields=id,name',
        '/users?sort=email',
        '/users?role=member',
      ])
        await ask('GET', version + path, { token })
    await ask('GET', '/users/me', own)
    for (const field of ['passwordHash', 'password', 'password_hash', 'emailVerifiedAt', 'currentPassword']) {
      expect(await ask('GET', `/users/${user.id}?fields=${field}`, own)).toMatchObject({ status: 400 })
      for (const query of [`fields=${field}`, `sort=${field}`, `${field}=x`])
        expect(await ask('GET', `/users?${query}`, { token })).toMatchObject({ status: 400 })
    }
    const changes = { name: 'Benjamin', password: newPassword, currentPassword: PASSWORD }
    expect(await ask('PATCH', `/users/${user.id}`, { ...own, body: changes })).toMatchObject({ status: 200 })
    const whole = { ...ben, currentPassword: newPassword }
    // A change of the password ends every session.
    own.token = await api.logIn(ben.email, newPassword)
    expect(await ask('PUT', `/users/${user.id}`, { ...own, body: whole })).toMatchObject({ status: 200 })
    own.token = await api.logIn(ben.email)
    await ask('PATCH', `/users/${user.id}`, { ...own, body: { password: 'x y z 1 2 3', currentPassword: 'wrong' } })
    const product = await api.product()
    const lines = { items: [{ productId: product.id, quantity: 1 }] }
    expect(await ask('POST', `/users/${user.id}/orders`, { ...own, body: lines })).toMatchObject({ status: 201 })
    await ask('GET', '/orders', { token })
    await ask('DELETE', `/users/${user.id}`, { token })
    await ask('GET', `/users/${user.id}`, { token })
    await ask('GET', '/health')

    const bodies = seen.map(({ body, headers }) => `${JSON.stringify(body)} ${JSON.stringify([...headers])}`)
    const kept = [...(await everything('users')), ...(await everything('orders'))]
    expect(kept.join()).toContain('user.created')
    for (const text of [...bodies, ...kept]) {
      expect(text).not.toContain('$argon2')
      for (const secret of [PASSWORD, newPassword]) expect(text).not.toContain(secret)
    }
    for (const { status, body } of seen) if (status < 400) expect(namesIn(body)).not.toContain('passwordHash')
    for (const path of ['/openapi.json', '/v1/openapi.json', '/v2/openapi.json']) {
      const { body } = await api.ask('GET', path)
      expect(JSON.stringify(body)).not.toMatch(/passwordHash|password_hash|emailVerifiedAt|stockTaken/)
    }
  })

  test('R-BODY-7: each answer has just the fields of its contract', async () => {
    const ann = await api.user()
    const { token } = ann
    const shown = ['id', 'email', 'name', 'role', 'emailVerified', 'version', 'createdAt', 'updatedAt']
    const fields = async (path: string) => Object.keys((await api.ask('GET', path, { token })).body)
    expect(await fields('/users/me')).toEqual(shown)
    expect(await fields('/v2/users/me')).toEqual(shown.map((name) => (name === 'role' ? 'roles' : name)))
    const product = await api.product()
    expect(Object.keys(product)).toEqual([
      'id',
      'sku',
      'name',
      'description',
      'category',
      'price',
      'currency',
      'stock',
      'version',
      'createdAt',
      'updatedAt',
    ])
    const items = [{ productId: product.id, quantity: 1 }]
    const order = (await api.ask('POST', `/users/${ann.id}/orders`, { token, body: { items } })).body
    expect(Object.keys(order)).toEqual([
      'id',
      'userId',
      'status',
      'items',
      'total',
      'currency',
      'placedAt',
      'version',
      'createdAt',
      'updatedAt',
    ])
    const line = ['id', 'productId', 'sku', 'name', 'quantity', 'unitPrice', 'discount', 'lineTotal']
    expect(Object.keys(order.items[0])).toEqual(line)
    const [item] = (await api.ask('GET', `/orders/${order.id}/items`, { token })).body.data
    expect(Object.keys(item)).toEqual([line[0], 'orderId', ...line.slice(1), 'createdAt', 'updatedAt'])
  })

  test('R-BODY-7: a row that breaks the contract is a 500 in development, alone and in a list', async () => {
    const { id, sku } = await api.product({ category: 'Broken' })
    const client = await connect(api.system.databases.orders!)
    await client.query(`update products set currency = 'usd' where sku = $1`, [sku])
    await client.end()
    for (const path of [`/products/${id}`, '/products?category=Broken', `/products/${id}?fields=name`])
      expect(await api.ask('GET', path), path).toMatchObject({
        status: 500,
        body: { error: { code: 'INTERNAL_ERROR' } },
      })
  })

  /** Every row that Lintel keeps for a service: events, kept answers. */
  async function everything(name: string): Promise<string[]> {
    const client = await connect(api.system.databases[name]!)
    try {
      const tables = await client.query<{ name: string }>(
        `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'lintel' and tablename <> 'secrets'`,
      )
      const rows: string[] = []
      for (const table of tables.rows) {
        const found = await client.query<{ row: string }>(`select t::text as row from ${table.name} t`)
        rows.push(...found.rows.map(({ row }) => row))
      }
      return rows
    } finally {
      await client.end()
    }
  }
})

const Note = resource('note', {
  id: 'nte',
  fields: {
    text: t.text({ min: 1, max: 20 }),
    meta: t.object({ colour: t.text(), size: t.integer({ min: 1 }) }),
    tags: t.list(t.object({ name: t.text() })),
    secret: t.text().hidden(),
  },
  list: { sort: ['text'] },
  access: { list: 'public', get: 'public', create: 'public' },
  custom: ['create'],
})
const notes = service('notes', {
  resources: { notes: Note },
  operations: {
    report: operation({
      method: 'GET',
      path: '/reports/{kind}',
      access: 'public',
      answer: {
        total: t.money(),
        currency: t.currency(),
        by: t.id('usr').optional(),
        lines: t.list(t.object({ name: t.text({ min: 1 }), at: t.time() })),
      },
    }),
  },
})
const SQL = `create table notes (
  id uuid primary key, text varchar(20) not null, meta jsonb not null, tags jsonb not null, secret text not null,
  version integer not null default 1, created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now()
)`

const LINE = { name: 'x', at: '2026-01-01T00:00:00.000Z' }
const REPORT = { total: 1, currency: 'USD', by: null, lines: [LINE] }
const SECRETS = { secret: 'hush', passwordHash: '$argon2id$hush' }
/** What a handler may answer by mistake. */
const REPORTS: Record<string, unknown> = {
  right: REPORT,
  'with-more': { ...REPORT, ...SECRETS, lines: [{ ...LINE, ...SECRETS }] },
  'without-total': { currency: 'USD', by: null, lines: [] },
  'null-total': { ...REPORT, total: null },
  'text-total': { ...REPORT, total: '1' },
  'nan-total': { ...REPORT, total: Number.NaN },
  'third-decimal': { ...REPORT, total: 0.1 + 0.2 },
  'lower-case-currency': { ...REPORT, currency: 'usd' },
  'id-of-another-type': { ...REPORT, by: 'ord_01h455vb4pex5vsknk084sn02q' },
  'object-for-list': { ...REPORT, lines: {} },
  'null-in-list': { ...REPORT, lines: [null] },
  'line-without-name': { ...REPORT, lines: [{ at: LINE.at }] },
  'line-with-a-date': { ...REPORT, lines: [{ ...LINE, at: new Date(0) }] },
  nothing: undefined,
  null: null,
  text: 'total 1',
  list: [REPORT],
}

const handlers: Handlers<typeof notes> = {
  notes: {
    create: ({ body }, { tx }) =>
      // A careless handler keeps more than the contract names; the compiler does not see it in a spread.
      insert(tx, Note, {
        ...body,
        meta: { ...body.meta, ...SECRETS },
        tags: body.tags.map((tag) => ({ ...tag, ...SECRETS })),
        secret: 'hush',
      }),
  },
  report: async ({ params }) => REPORTS[params.kind!] as never,
}

const get = ({ url }: SmallSystem, path: string) => send(url, 'GET', path)

describe.each([
  ['development', {}],
  ['production', { NODE_ENV: 'production' }],
])('of a system made up, in %s', (_, env) => {
  let running: SmallSystem
  beforeAll(async () => {
    running = await smallSystem(notes, handlers, SQL, env)
  })
  afterAll(() => running?.stop())

  test('R-BODY-7: what a contract does not name never leaves, at any depth', async () => {
    expect(await get(running, '/reports/right')).toMatchObject({ status: 200, body: REPORT })
    expect(await get(running, '/reports/with-more')).toMatchObject({ status: 200, body: REPORT })
    expect((await get(running, '/reports/with-more')).text).not.toMatch(/hush/)
    const body = JSON.stringify({ text: 'a', meta: { colour: 'red', size: 1 }, tags: [{ name: 'x' }] })
    const made = await send(running.url, 'POST', '/notes', { headers: { 'content-type': 'application/json' }, body })
    expect(made).toMatchObject({ status: 201, body: { meta: { colour: 'red', size: 1 }, tags: [{ name: 'x' }] } })
    for (const path of ['/notes', `/notes/${made.body.id}`, `/notes/${made.body.id}?fields=meta,tags`])
      expect((await get(running, path)).text, path).not.toMatch(/hush|passwordHash|secret/)
    expect(made.text).not.toMatch(/hush|passwordHash|secret/)
  })
})

describe('of a system made up, with mistakes', () => {
  let running: SmallSystem
  beforeAll(async () => {
    running = await smallSystem(notes, handlers, SQL)
  })
  afterAll(() => running?.stop())

  test.each(Object.keys(REPORTS).slice(2))(
    'R-BODY-7: an answer that breaks its contract (%s) is a 500 in development that says nothing of it',
    async (kind) => {
      const reply = await get(running, `/reports/${kind}`)
      const error = { code: 'INTERNAL_ERROR', message: expect.any(String), requestId: expect.any(String) }
      expect(reply).toMatchObject({ status: 500, body: { error } })
      expect(Object.keys(reply.body.error)).toEqual(['code', 'message', 'requestId'])
      expect(reply.text).not.toMatch(/total|lines|contract|TypeError/)
    },
  )

  test('R-BODY-7: JSON in a column that holds more than the contract names is a 500 in development', async () => {
    const client = await connect(running.database)
    await client.query(
      `insert into notes (id, text, meta, tags, secret) values (gen_random_uuid(), 'a', '{"colour":"red","size":1,"secret":"hush"}', '[]', 'hush')`,
    )
    await client.end()
    expect(await get(running, '/notes')).toMatchObject({ status: 500 })
  })
})

test('R-BODY-7 R-P-6: a contract that would hide a field inside an object is refused', () => {
  for (const field of [t.text().hidden(), t.text().inputOnly()]) {
    const inside = resource('note', {
      id: 'nte',
      fields: { meta: t.object({ key: field }) },
      access: { get: 'public' },
    })
    const define = () => service('notes', { resources: { notes: inside } })
    expect(define).toThrow(/R-BODY-7 notes\.meta\.key: is hidden inside an object/)
  }
})

function namesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if (Array.isArray(value)) return value.flatMap(namesIn)
  return Object.entries(value).flatMap(([name, member]) => [name, ...namesIn(member)])
}

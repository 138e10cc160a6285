import { beforeEach, describe, expect, test, vi } from 'vitest'
import { encodeId, uuidv7 } from '../src/base/ids.ts'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { databaseSettings } from '../src/testing/system.ts'
import { reference } from './reference.ts'
import { launcher, until } from './system-process.ts'

vi.setConfig({ testTimeout: 60_000 })

// `lintel events …` beside the running reference system (R-EVT-3, R-EVT-5).

const api = reference()
const { launch, run } = launcher()
let orders: Database

beforeEach(() => {
  orders = openDatabase('orders', api.system.databases.orders!)
  return () => orders.close()
})

function lintel(...args: string[]) {
  const env = { LOG_LEVEL: 'fatal', ...databaseSettings(api.system.databases) }
  return run('lintel', { args, env })
}

/** An event of a user that was given up, and one that waits behind it. */
async function deadLetter() {
  const [id, later, user] = [uuidv7(), uuidv7(), uuidv7()]
  const aggregateId = encodeId('usr', user)
  const data = (name: string) => JSON.stringify({ id: aggregateId, email: 'lost@example.com', name })
  await orders.query(
    `insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at, data, attempts, error, dead_at)
     values ('orders.buyers', $1, 'user.created', $3, now(), $4, 15, 'Error: the disk was full', now()),
            ('orders.buyers', $2, 'user.updated', $3, now(), $5, 0, null, null)`,
    [id, later, aggregateId, data('First'), data('Second')],
  )
  const name = async () =>
    (await orders.query<{ name: string }>('select name from buyers where id = $1', [user]))[0]?.name
  return { id: encodeId('evt', id), aggregateId, name }
}

describe('R-EVT-3: dead letters', () => {
  test('are listed with their error and what waits behind them, and shown whole', async () => {
    const { id, aggregateId, name } = await deadLetter()
    const listed = await lintel('events', 'dead', 'list')
    expect(listed).toMatchObject({ code: 0, stderr: '' })
    expect(listed.stdout).toContain(`${id} orders.buyers user.created of ${aggregateId}`)
    expect(listed.stdout).toContain('after 15 attempts, 1 waiting behind it: Error: the disk was full')
    const shown = JSON.parse((await lintel('events', 'dead', 'show', id)).stdout)
    expect(shown).toMatchObject({ id, consumer: 'orders.buyers', attempts: 15, waiting: 1, data: { name: 'First' } })
    const json = JSON.parse((await lintel('events', 'dead', 'list', '--json', '--consumer', 'orders.buyers')).stdout)
    expect(json.map((letter: { id: string }) => letter.id)).toContain(id)
    expect((await lintel('events', 'dead', 'list', '--consumer', 'orders.confirmations')).stdout).toBe(
      'no dead letters',
    )
    expect(await name()).toBeUndefined()
  })

  test('are sent again, and what waits behind them follows in order', async () => {
    const { id, name } = await deadLetter()
    expect(await lintel('events', 'dead', 'resend', id)).toMatchObject({ code: 0, stdout: '1 event is sent again' })
    await until(async () => (await name()) === 'Second')
    expect((await lintel('events', 'dead', 'show', id)).code).toBe(2)
  })

  test('are dropped, and what waits behind them goes on', async () => {
    const { id, name } = await deadLetter()
    expect(await lintel('events', 'dead', 'drop', id)).toMatchObject({ code: 0, stdout: '1 event is dropped' })
    await until(async () => (await name()) === 'Second')
    const [row] = await orders.query<{ handled: boolean }>(
      `select done_at is not null and data is null as handled from lintel.inbox where error is not null and event_id = lintel.uuid($1)`,
      [id],
    )
    expect(row).toEqual({ handled: true })
  })
})

test('R-EVT-5: what was published is read again, and handled once', async () => {
  const user = await api.user('Ann')
  const handled = () =>
    orders.query('select from lintel.inbox where aggregate_id = $1 and done_at is not null', [user.id])
  await until(async () => (await handled()).length === 1)
  const { redeliveries } = (await api.ask('GET', '/health')).body.checks.queue
  const { code, stdout } = await lintel('events', 'resend', '--since', '1h')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^orders: [1-9] consumers? reads? again$/m)])
  await until(async () => (await api.ask('GET', '/health')).body.checks.queue.redeliveries > redeliveries)
  expect(await handled()).toHaveLength(1)
})

test('FC-80: what a consumer has not read is passed over', async () => {
  expect(await lintel('events', 'skip', 'orders.buyers')).toMatchObject({
    code: 0,
    stdout: 'orders.buyers goes on with what users publishes from now on',
  })
  const user = await api.user('Bea')
  await until(
    async () =>
      (await orders.query('select from lintel.inbox where aggregate_id = $1 and done_at is not null', [user.id]))
        .length > 0,
  )
})

describe('lintel events tail', () => {
  const tail = (...args: string[]) =>
    launch('lintel', {
      args: ['events', 'tail', ...args],
      env: { LOG_LEVEL: 'fatal', ...databaseSettings(api.system.databases) },
    })

  test('shows what was published since a time and what is published from then on, and ends with Ctrl-C', async () => {
    const before = await api.user('Cid')
    const following = tail('--since', '10m', '--service', 'users')
    await following.line(new RegExp(before.id))
    const after = await api.user('Dora')
    const line = await following.line(new RegExp(`"aggregateId":"${after.id}"`))
    expect(JSON.parse(line.input)).toEqual({
      id: expect.stringMatching(/^evt_/),
      service: 'users',
      type: 'user.created',
      aggregateId: after.id,
      timestamp: expect.stringMatching(/Z$/),
      requestId: expect.any(String),
      data: expect.objectContaining({ id: after.id, name: 'Dora' }),
    })
    following.signalGroup('SIGINT')
    expect(await following.ended).toMatchObject({ code: 0, stderr: '' })
    expect(following.lines.filter((one) => one.includes(after.id) && one.includes('user.created'))).toHaveLength(1)
  })

  test('begins now without --since, and shows the types alone that are asked for', async () => {
    await api.user('Eve')
    const following = tail('--type', 'user.updated', '--type', 'user.deleted')
    // It may not have begun yet: until it shows one.
    let last: string | undefined
    await until(async () => {
      const user = await api.user('Finn')
      last = user.id
      await api.ask('DELETE', `/users/${user.id}`, { token: user.token })
      return following.lines.length > 0
    })
    await following.line(new RegExp(last!))
    following.signalGroup('SIGTERM')
    expect((await following.ended).code).toBe(0)
    expect(new Set(following.lines.map((line) => JSON.parse(line).type))).toEqual(new Set(['user.deleted']))
  })

  test('ends well when nobody reads on', async () => {
    await api.user('Gil')
    await api.user('Hal')
    const following = tail('--since', '10m')
    await following.line(/user.created/)
    following.child.stdout!.destroy()
    await until(async () => {
      await api.user('Ida')
      return !following.lives
    })
    expect(await following.ended).toMatchObject({ code: 0, stderr: '' })
  })
})

test('R-EVT-5: rows that were there before a type of event are given one each, in order and once, beside a running system', async () => {
  const products = openDatabase('products', api.system.databases.orders!)
  const ids = Array.from({ length: 250 }, () => uuidv7())
  await products.query(
    `insert into products (id, sku, name, description, category, price, currency, stock, created_at)
     select id, id::text, 'Old', '', 'x', 1, 'USD', 1, now() - interval '1 day' from unnest($1::uuid[]) id`,
    [ids],
  )
  const emitted = async () =>
    (
      await products.cells(
        `select lintel.uuid(aggregate_id) from lintel.outbox where type = 'product.created' and data->>'name' = 'Old' order by position`,
      )
    ).map(([id]) => id)
  // One that was made with its event: it gets no other.
  await api.ask('POST', '/products', {
    token: api.admin.token,
    body: { sku: uuidv7(), name: 'New', category: 'x', price: 1, stock: 1 },
  })
  // And those that an old build made without, beside the one that makes them: they come last.
  const later = Array.from({ length: 150 }, () => uuidv7())
  ids.push(...later)
  await products.query(
    `insert into products (id, sku, name, description, category, price, currency, stock) select id, id::text, 'Old', '', 'x', 1, 'USD', 1 from unnest($1::uuid[]) id`,
    [later],
  )
  const planned = await lintel('events', 'backfill', 'product.created')
  expect([planned.code, planned.stdout.split('\n')]).toEqual([
    0,
    [
      '400 rows of products with no product.created that is still kept',
      'No consumer of this system hears of product.created',
      'Nothing was done: --yes emits an event for each',
    ],
  ])
  expect(await emitted()).toEqual([])
  // Two at the same time share it; so does whoever goes on after an interruption.
  const both = await Promise.all([1, 2].map(() => lintel('events', 'backfill', 'product.created', '--yes')))
  expect(both.map(({ code }) => code)).toEqual([0, 0])
  expect(await emitted()).toEqual(ids)
  expect((await lintel('events', 'backfill', 'product.created', '--yes')).stdout).toBe(
    'product.created: 0 events emitted, after 400 before',
  )
  // Anew for all, also those that had theirs.
  const all = await products.cells('select id from active_products')
  expect((await lintel('events', 'backfill', 'product.created', '--again')).stdout).toMatch(
    new RegExp(`^${all.length} rows of products, whether they had product.created or not\n`),
  )
  expect((await lintel('events', 'backfill', 'product.created', '--again', '--yes')).stdout).toContain(
    `product.created: ${all.length} events emitted`,
  )
  await products.close()
}, 180_000)

test('R-EVT-5: who would hear of what is emitted from rows is said first', async () => {
  const users = openDatabase('users', api.system.databases.users!)
  await users.query(
    `insert into users (id, email, name, roles, created_at) values ($1, $1::uuid || '@example.com', 'Old', '["customer"]', now() - interval '1 day')`,
    [uuidv7()],
  )
  const consumers =
    'Each of these handles them as new, also for rows of which it has handled one: users.mails, orders.buyers'
  expect((await lintel('events', 'backfill', 'user.created')).stdout).toContain(consumers)
  expect((await lintel('events', 'backfill', 'user.created', '--yes')).stdout).toContain(consumers)
  await users.close()
})

test('status says what waits, as text and as JSON', async () => {
  const { code, stdout } = await lintel('events', 'status')
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^users: \d+ to be published/)])
  expect(stdout).toMatch(/^ {2}orders\.buyers: \d+ waiting.*, \d+ dead$/m)
  expect(JSON.parse((await lintel('events', 'status', '--json')).stdout)).toMatchObject({
    users: { outbox: { waiting: expect.any(Number), oldestMs: expect.any(Number) } },
    orders: { inbox: expect.arrayContaining([expect.objectContaining({ consumer: 'orders.buyers' })]) },
  })
})

test.each([
  [
    ['resend', '--since', 'yesterday'],
    '--since is "yesterday": give a time such as 2026-11-26T09:00:00Z, or how long ago',
  ],
  [['resend'], "Required option '--since <time>' not specified"],
  [['dead', 'resend'], 'Give the id of an event, or --all'],
  [['dead', 'drop', 'evt_01h455vb4pex5vsknk084sn02q', '--all'], 'Give either the id of an event or --all, not both'],
  [['dead', 'show', 'ord_01h455vb4pex5vsknk084sn02q'], 'is not an event id, such as evt_01h4'],
  [['dead', 'show', 'evt_01h455vb4pex5vsknk084sn02q'], 'No such dead letter: see `lintel events dead list`'],
  [['tail', '--since', 'yesterday'], '--since is "yesterday": give a time such as'],
  [['tail', '--service', 'gateway'], '--service is "gateway": give one that publishes events: users, orders'],
  [['tail', '--type', 'user.made'], '--type is "user.made": give one that is published: user.created,'],
  [['backfill', 'order.made'], '"order.made" is no event of this system: user.created,'],
  [
    ['backfill', 'user.deleted', '--yes'],
    '"user.deleted" tells of what may never have happened to a row: rows can be given user.created alone',
  ],
  [['skip', 'orders.nobody'], '"orders.nobody" is no consumer of this system: see `lintel events status`'],
  [['dead', 'list', '--limit', 'all'], '--limit is "all": give a whole number from 1 to 99999'],
])('wrong usage is 2, and says what was expected: lintel events %j', async (args, message) => {
  const { code, stdout, stderr } = await lintel('events', ...args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(message)
})

test('R-OPS-3: /metrics shows how events are doing; it is not counted, and no page of the API', async () => {
  await deadLetter()
  const { status, headers, body } = await api.ask('GET', '/metrics')
  expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')])
  expect(headers.get('x-ratelimit-limit')).toBeNull()
  expect(body).toMatch(/^lintel_outbox_unpublished\{service="users"\} \d+$/m)
  expect(body).toMatch(/^lintel_inbox_lag_seconds\{consumer="orders.buyers"\} [\d.]+$/m)
  expect(body).toMatch(/^lintel_dead_letters\{consumer="orders.buyers"\} [1-9]\d*$/m)
  expect(body).toMatch(/^# TYPE lintel_events_published_total counter$/m)
  expect(body).toMatch(/^process_resident_memory_bytes \d+$/m)
})

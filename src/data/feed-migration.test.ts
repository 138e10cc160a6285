import { randomBytes } from 'node:crypto'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { servedOutbox } from '../../test/served-outbox.ts'
import { createConsumer } from '../events/consumer.ts'
import { createReceiver } from '../events/receiver.ts'
import { connect, urlFor } from './connection.ts'
import { createFeed } from './feed.ts'
import { migrate, PLATFORM_MIGRATIONS } from './migrate.ts'
import type { Transaction } from './open-transaction.ts'
import { outboxState } from './outbox.ts'
import { type Database, openDatabase } from './pool.ts'
import { placeOf } from './readers.ts'
import { transaction } from './transaction.ts'

// From the outbox whose rows were claimed and marked to the one that is read in the order of its positions.

const server = inject('databaseServer')
let admin: pg.Client
let name: string
let url: string
let folder: string
let client: pg.Client
let database: Database | undefined

beforeEach(async () => {
  admin = await connect(server)
  name = `test_feed_${randomBytes(5).toString('hex')}`
  await admin.query(`create database ${name} template template0`)
  url = urlFor(server, name)
  folder = await mkdtemp(join(tmpdir(), 'lintel-feed-'))
  for (const file of await readdir(PLATFORM_MIGRATIONS))
    if (file < '0005') await cp(new URL(file, PLATFORM_MIGRATIONS), join(folder, file))
  // As the version before has left it.
  await migrate(url, [folder])
  client = await connect(url)
  await client.query(`update lintel.migrations set source = 'lintel'`)
})
afterEach(async () => {
  await database?.close()
  database = undefined
  await client.end()
  await admin.query(`drop database ${name} with (force)`)
  await admin.end()
  await rm(folder, { recursive: true })
})

/** Events of the version before; those of `published` are marked. */
async function fill(count: number, published: readonly number[]): Promise<void> {
  await client.query(
    `insert into lintel.outbox (id, type, aggregate_id, data, headers, published_at)
     select gen_random_uuid(), 'thing.made', 'a' || n % 3, json_build_object('number', n), '{"requestId":"r"}',
       case when n = any($2) then now() end
     from generate_series(1, $1::int) n`,
    [count, published],
  )
}

/** The numbers of the events that wait, in order, as the relay reads them. */
async function waiting(): Promise<number[]> {
  database = openDatabase('test', url)
  const place = await placeOf(database, 'relay')
  if (!place) return []
  const events = await createFeed(database).read(place, 100, new AbortController().signal)
  return events.map(({ data }) => JSON.parse(data).number)
}

test('R-EVT-2: what waited in the old outbox is read from the first of it on, and new events come behind', async () => {
  await fill(7, [1, 2, 3, 5])
  expect(await migrate(url, [PLATFORM_MIGRATIONS])).toContain('0005-feed.sql')
  expect(await waiting()).toEqual([4, 5, 6, 7])
  expect(await outboxState(database!)).toMatchObject({ waiting: 4 })
  await client.query(
    `insert into lintel.outbox (id, type, aggregate_id, data) values (gen_random_uuid(), 'thing.made', 'a', '{"number":8}')`,
  )
  await database!.close()
  expect(await waiting()).toEqual([4, 5, 6, 7, 8])
  const { rows } = await client.query(`select count(*)::int as kept, max(position)::int as last from lintel.outbox`)
  expect(rows).toEqual([{ kept: 8, last: 8 }])
})

test('R-EVT-2: where all was published, nothing is published again', async () => {
  await fill(3, [1, 2, 3])
  await migrate(url, [PLATFORM_MIGRATIONS])
  expect(await waiting()).toEqual([])
})

test('R-EVT-2: what waited in the database of the carrier before, published and not yet received, has its effect once', async () => {
  await fill(9, [1, 2, 3, 4, 5, 6, 7, 8])
  // The consumer had handled three and stored another; the rest lay in a database that is gone, and the last was not published.
  await client.query(
    `insert into lintel.receivers (consumer, subscribed_at) values ('test.all', now() - interval '1 hour')`,
  )
  await client.query(
    `insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at, data, headers, done_at)
     select 'test.all', id, type, aggregate_id, created_at, data, headers, case when position <= 3 then now() end
     from lintel.outbox where position <= 4 order by position`,
  )
  await migrate(url, [PLATFORM_MIGRATIONS])
  database = openDatabase('test', url)
  await database.cells('create table effects (number integer not null, aggregate text not null)')
  const { carrier, close } = servedOutbox(database, url)
  const db = database
  const subscription = { name: 'test.all', from: 'things', types: ['thing.made'], start: 'now' as const }
  const failures: unknown[] = []
  const failed = (error: unknown) => void failures.push(error)
  const consumer = createConsumer<{ tx: Transaction }>({
    name: subscription.name,
    types: subscription.types,
    database,
    run: (work) => transaction(db, (tx) => work({ tx })),
    handle: async ({ data, aggregateId }, { tx }) =>
      void (await tx.cells('insert into effects values ($1, $2)', [JSON.parse(data).number, aggregateId])),
    attempts: 1,
    failed,
  })
  const receiver = createReceiver({
    database,
    carrier,
    subscription,
    take: consumer.take,
    received: consumer.wake,
    failed,
  })
  try {
    await receiver.idle()
    await consumer.idle()
    const effects = await db.cells('select number from effects order by number')
    expect(effects.map(([number]) => Number(number))).toEqual([4, 5, 6, 7, 8, 9])
    expect(failures).toEqual([])
  } finally {
    await Promise.all([receiver.stop(), consumer.stop()])
    await close()
  }
})

test('R-EVT-2: an outbox that is past its first partition goes on in the one that it has come to', async () => {
  await client.query(`select setval('lintel.outbox_position_seq', 250000000)`)
  await fill(1, [])
  await migrate(url, [PLATFORM_MIGRATIONS])
  expect(await waiting()).toEqual([1])
  const { rows } = await client.query(`select position from lintel.outbox`)
  expect(rows).toEqual([{ position: '250000001' }])
})

test('R-OPS-6: while a process of the version before is connected, the migration says so and changes nothing', async () => {
  await fill(2, [])
  const old = openDatabase('orders', url)
  await old.query('select 1')
  await expect(migrate(url, [PLATFORM_MIGRATIONS])).rejects.toMatchObject({
    code: 'MIGRATION_FAILED',
    message: expect.stringMatching(
      /processes of the version before are connected \(lintel:orders\).*Stop all processes/s,
    ),
  })
  expect((await client.query('select published_at from lintel.outbox')).rowCount).toBe(2)
  await old.close()
  expect(await migrate(url, [PLATFORM_MIGRATIONS])).toContain('0005-feed.sql')
  expect(await waiting()).toEqual([1, 2])
})

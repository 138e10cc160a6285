import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type ServedOutbox, servedOutbox } from '../../test/served-outbox.ts'
import { serviceClone } from '../../test/service-clone.ts'
import { until } from '../../test/system-process.ts'
import { uuidv7 } from '../base/ids.ts'
import { connect } from '../data/connection.ts'
import { acquireLease } from '../data/inbox.ts'
import { notifyReaders } from '../data/outbox.ts'
import { consumerPlace, readAgain } from '../data/places.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import type { Clone } from '../testing/database.ts'
import type { CarriedEvent, Source, Subscription } from './carrier.ts'

const RETENTION_MS = 7 * 86_400_000
const LONG_AGO = '2000-01-01T00:00:00.000Z'
const never = new AbortController().signal
/** The publisher's, and the consumer's. */
let clones: Clone[] = []
let database: Database
let own: Database
let outbox: ServedOutbox
let name: string

beforeAll(async () => {
  clones = [await serviceClone('users'), await serviceClone('orders')]
  database = openDatabase('users', clones[0]!.url)
  own = openDatabase('orders', clones[1]!.url)
  outbox = servedOutbox(database, clones[0]!.url, { retentionMs: RETENTION_MS })
})
afterAll(async () => {
  await outbox?.close()
  await database?.close()
  await own?.close()
  for (const clone of clones) await clone.drop()
})
beforeEach(async () => {
  await database.query('delete from lintel.outbox')
  name = `orders.${randomUUID()}`
})

const event = (type = 'thing.made', occurredAt = new Date().toISOString()): CarriedEvent => ({
  id: uuidv7(),
  type,
  aggregateId: 'a',
  occurredAt,
  data: '{"of":"it"}',
  headers: undefined,
})
const idsOf = (events: readonly CarriedEvent[]) => events.map(({ id }) => id)

/** A source of a consumer whose lease this process has. */
async function subscribed(more: Partial<Subscription> = {}): Promise<Source> {
  await acquireLease(own, more.name ?? name, randomUUID(), 60_000)
  const source = await outbox.carrier.subscribe({
    name,
    from: 'users',
    types: ['thing.made'],
    start: 'beginning',
    since: LONG_AGO,
    database: own,
    ...more,
  })
  await source.rewind()
  return source
}

/** What it brings until nothing more comes at once; acknowledged. */
async function rest(source: Source): Promise<CarriedEvent[]> {
  const all: CarriedEvent[] = []
  for (;;) {
    const { events, acknowledge } = await source.next(AbortSignal.abort())
    if (events.length === 0) return all
    all.push(...events)
    await acknowledge()
  }
}

test('R-EVT-2: events arrive as they were written, in their order, and what is acknowledged does not come again', async () => {
  const headers = JSON.stringify({ requestId: 'mine' })
  const events = await outbox.publish(event(), { ...event(), headers }, event())
  const source = await subscribed()
  expect(await rest(source)).toMatchObject(events.map(({ headers, ...one }) => (headers ? { ...one, headers } : one)))
  await source.close()
  const [last] = await outbox.publish(event())
  expect(idsOf(await rest(await subscribed()))).toEqual([last!.id])
})

test('R-EVT-2: what was read and not acknowledged comes again', async () => {
  const events = await outbox.publish(event(), event())
  const source = await subscribed()
  expect((await source.next(never)).events).toHaveLength(2)
  await source.close()
  await source.rewind()
  expect(idsOf(await rest(source))).toEqual(idsOf(events))
})

test('R-EVT-2: a reader that waits is answered with the commit, in this process and by NOTIFY of another', async () => {
  const source = await subscribed()
  for (const wake of [outbox.served.wake, () => notifyReaders(database, 'another process')]) {
    await rest(source)
    const started = performance.now()
    const waiting = source.next(never)
    await until(async () => performance.now() - started > 50)
    const [one] = await outbox.publish(event())
    await wake()
    const { events, acknowledge } = await waiting
    expect(idsOf(events)).toEqual([one!.id])
    expect(performance.now() - started).toBeLessThan(900)
    await acknowledge()
  }
})

test('R-EVT-2: what was committed before a reader came is brought at once, though another had looked before that', async () => {
  const [one, other] = [await subscribed(), await subscribed({ name: `${name}.lost`, types: ['thing.lost'] })]
  for (let i = 0; i < 3; i++) {
    for (const source of [one, other]) await rest(source)
    await outbox.publish(event('thing.lost'))
    expect((await other.next(never)).events).toHaveLength(1)
    const [wanted] = await outbox.publish(event())
    const started = performance.now()
    expect(idsOf((await one.next(never)).events)).toEqual([wanted!.id])
    expect(performance.now() - started).toBeLessThan(900)
  }
})

test('R-EVT-6: readers that wait, and for whom there is nothing, send no statements', async () => {
  await outbox.publish(event('thing.lost'))
  const source = await subscribed()
  await rest(source)
  // By what each connection says of its last statement: pg_stat_database counts a second late.
  const [[since]] = (await database.cells('select clock_timestamp()')) as [[string]]
  for (let i = 0; i < 3; i++) await source.next(AbortSignal.timeout(100))
  const sent = await database.query(
    `select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query_start > $1`,
    [since],
  )
  expect(sent).toEqual([])
})

test('R-EVT-2: what is too much for one answer comes in several, an event that is too long by itself too', async () => {
  const long = (megabytes: number) => ({
    ...event(),
    data: JSON.stringify({ of: 'x'.repeat(megabytes * 1024 * 1024) }),
  })
  const events = await outbox.publish(long(1), long(5), long(1), long(1), long(3))
  const source = await subscribed()
  const counts: number[] = []
  const all: CarriedEvent[] = []
  for (;;) {
    const { events, acknowledge } = await source.next(AbortSignal.abort())
    if (events.length === 0) break
    counts.push(events.length)
    all.push(...events)
    await acknowledge()
  }
  expect(idsOf(all)).toEqual(idsOf(events))
  expect(counts).toEqual([1, 1, 2, 1])
})

test('a new consumer behind 100,000 events that it does not want has its first event within 200 ms', async () => {
  await database.query(
    `insert into lintel.outbox (id, type, aggregate_id, data)
     select gen_random_uuid(), 'thing.lost', 'a' || n % 100, '{}' from generate_series(1, 100000) n`,
  )
  const [wanted] = await outbox.publish(event())
  const source = await subscribed()
  const timed = async (work: () => Promise<unknown>) => {
    const started = performance.now()
    await work()
    return performance.now() - started
  }
  const firstMs = await timed(async () => expect(idsOf((await source.next(never)).events)).toEqual([wanted!.id]))
  // On a machine that is busy elsewhere, as late as one look at all of them.
  const lookMs = await timed(() => database.query(`select from lintel.outbox where type = 'thing.made'`))
  expect(firstMs).toBeLessThan(Math.max(200, 8 * lookMs))
})

test('one that begins now gets nothing of before, and everything since it was first heard of', async () => {
  await outbox.publish(event('thing.made', '2020-01-01T00:00:00.000Z'))
  const [wanted] = await outbox.publish(event())
  const since = new Date(Date.now() - 60_000).toISOString()
  expect(idsOf(await rest(await subscribed({ start: 'now', since })))).toEqual([wanted!.id])
})

test('R-EVT-2: a log that was set back is said to be another, and read again from what is kept on', async () => {
  const [kept] = await outbox.publish(event())
  const [lost] = await outbox.publish(event())
  const source = await subscribed()
  expect(idsOf(await rest(source))).toEqual([kept!.id, lost!.id])
  await source.close()
  // As after a restore: another event stands at the last position.
  const [[last]] = (await database.cells('select max(position) from lintel.outbox')) as [[string]]
  await database.query('delete from lintel.outbox where position = $1', [last])
  await database.query(`select setval('lintel.outbox_position_seq', $1, false)`, [last])
  const [other] = await outbox.publish(event())
  await source.rewind()
  await expect(source.next(never)).rejects.toThrow('is not the log that was read')
  await source.rewind()
  expect(idsOf(await rest(source))).toEqual([kept!.id, other!.id])
})

test('R-EVT-6: a reader that has passed over much that it does not want reads on, page by page, what comes behind it', async () => {
  const { last } = (await database.query<{ last: number }>(`select nextval('lintel.outbox_position_seq') as last`))[0]!
  // With fewer events than positions: how far a look goes is said in positions.
  for (const ahead of [2_000, 20_000, 100_000, 400_000]) {
    await database.query(`select setval('lintel.outbox_position_seq', $1)`, [last + ahead])
    await outbox.publish(event('thing.lost'))
  }
  const events = await outbox.publish(...Array.from({ length: 2_500 }, () => event()))
  expect(idsOf(await rest(await subscribed()))).toEqual(idsOf(events))
})

test('R-EVT-5: a place beyond the end, and one whose event is gone, are of another log; one that retention has dropped is not', async () => {
  await outbox.publish(event())
  await rest(await subscribed())
  for (const position of ['999999999', '50']) {
    await own.query('update lintel.receivers set position = $2, event_id = gen_random_uuid() where consumer = $1', [
      name,
      position,
    ])
    const source = await subscribed()
    await expect(source.next(never)).rejects.toThrow('is not the log that was read')
  }
  const fresh = await serviceClone('users')
  const client = await connect(fresh.url)
  await client.query(`alter table lintel.outbox detach partition lintel.outbox_0; drop table lintel.outbox_0`)
  await client.query(`select setval('lintel.outbox_position_seq', 100000000)`)
  await client.end()
  const other = openDatabase('users', fresh.url)
  const behind = servedOutbox(other, fresh.url)
  try {
    const [one] = await behind.publish(event())
    await own.query('update lintel.receivers set position = 50, event_id = gen_random_uuid() where consumer = $1', [
      name,
    ])
    const source = await behind.carrier.subscribe({
      name,
      from: 'users',
      types: ['thing.made'],
      start: 'beginning',
      since: LONG_AGO,
      database: own,
    })
    await source.rewind()
    expect(idsOf(await rest(source))).toEqual([one!.id])
  } finally {
    await behind.close()
    await other.close()
    await fresh.drop()
  }
})

test('R-EVT-5: a consumer from before reads from one retention ago on; what is older its inbox may have forgotten', async () => {
  const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString()
  const [, young] = await outbox.publish(event('thing.made', at(9)), event('thing.made', at(3)), event())
  await acquireLease(own, name, randomUUID(), 60_000)
  await own.query(`update lintel.receivers set subscribed_at = now() - interval '1 year' where consumer = $1`, [name])
  const source = await subscribed()
  expect(idsOf(await rest(source))[0]).toBe(young!.id)
  expect(await readAgain(own, at(20), name)).toBe(1)
  await source.rewind()
  expect(await rest(source)).toHaveLength(3)
})

test('R-EVT-2: who has lost the lease moves no place any more', async () => {
  const source = await subscribed()
  await outbox.publish(event())
  const { acknowledge } = await source.next(never)
  await own.query('update lintel.receivers set term = term + 1 where consumer = $1', [name])
  await acknowledge()
  expect((await consumerPlace(own, name, RETENTION_MS)).place).toBeUndefined()
})

test('R-EVT-2: while a transaction that has emitted is open, what is settled is read, and then the rest in its order', async () => {
  const source = await subscribed()
  await rest(source)
  const slow = await connect(clones[0]!.url)
  try {
    await slow.query('begin')
    const first = uuidv7()
    await slow.query(
      `insert into lintel.outbox (id, type, aggregate_id, data) values ($1, 'thing.made', 'slow', '{}')`,
      [first],
    )
    const [second] = await outbox.publish(event())
    // Longer than one read waits.
    await until(async () => {
      expect((await source.next(never)).events).toEqual([])
      return outbox.served.heldUp !== undefined
    })
    await slow.query('commit')
    expect(idsOf((await source.next(never)).events)).toEqual([first, second!.id])
  } finally {
    await slow.end()
  }
})

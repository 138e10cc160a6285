import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { neverAhead } from '../../test/given-numbers.ts'
import { serviceClone } from '../../test/service-clone.ts'
import type { Clone } from '../testing/database.ts'
import { connect } from './connection.ts'
import { createFeed, type Feed, LogChanged } from './feed.ts'
import type { StoredEvent } from './outbox.ts'
import { type Database, openDatabase } from './pool.ts'
import { BEGINNING, type Place, placeBehind } from './readers.ts'
import { createSettling } from './settling.ts'

const never = new AbortController().signal
let clone: Clone
let database: Database
let feed: Feed

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('orders', clone.url)
  feed = createFeed(database)
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(() => database.query('delete from lintel.outbox'))

const INSERT = `insert into lintel.outbox (id, type, aggregate_id, data)
select gen_random_uuid(), 'thing.made', $1, '{}' from generate_series(1, $2::int) returning position`

const write = async (client: Pick<pg.Client, 'query'>, aggregate: string, count = 1): Promise<string[]> =>
  (await client.query(INSERT, [aggregate, count])).rows.map(({ position }) => position as string)

/** Reads on behind a place until `enough` says so. */
async function readOn(one: Feed, from: Place, enough: (events: readonly StoredEvent[]) => boolean) {
  const events: StoredEvent[] = []
  for (let place = from; !enough(events); place = events.length > 0 ? placeBehind(events.at(-1)!) : from) {
    const page = await one.read(place, 50, never)
    events.push(...page)
    if (page.length === 0) await delay(1)
  }
  return events
}

test('R-EVT-2: before the first position there is nothing to read, and then what was written', async () => {
  const fresh = await serviceClone('orders')
  const own = openDatabase('orders', fresh.url)
  try {
    expect(await createFeed(own).read(BEGINNING, 10, never)).toEqual([])
    await own.cells(INSERT, ['a', 2])
    const [first, second] = await createFeed(own).read(BEGINNING, 10, never)
    expect([first!.position, second!.position]).toEqual(['1', '2'])
    expect(await createFeed(own).read(placeBehind(first!), 10, never)).toEqual([second])
  } finally {
    await own.close()
    await fresh.drop()
  }
})

test('R-EVT-2: what was given and not committed is waited for; what was rolled back is passed over', async () => {
  const [slow, undone] = await Promise.all([connect(clone.url), connect(clone.url)])
  try {
    for (const client of [slow, undone]) await client.query('begin')
    const [first] = await write(slow, 'slow')
    await write(undone, 'undone')
    const [last] = await write(await pool(), 'quick')
    let isRead = false
    const reading = feed.read(BEGINNING, 10, never).finally(() => {
      isRead = true
    })
    await undone.query('rollback')
    await until(async () => (await waits()) > 0)
    expect(isRead).toBe(false)
    await slow.query('commit')
    expect((await reading).map(({ position }) => position)).toEqual([first, last])
  } finally {
    await Promise.all([slow.end(), undone.end()])
  }
})

test('R-EVT-2: a reader that is stopped while it waits has read nothing, and its place stands', async () => {
  await write(await pool(), 'first')
  const [first] = await feed.read(BEGINNING, 10, never)
  const slow = await connect(clone.url)
  const stop = new AbortController()
  try {
    await slow.query('begin')
    await write(slow, 'slow')
    const reading = feed.read(placeBehind(first!), 10, stop.signal)
    await until(async () => (await waits()) > 0)
    stop.abort()
    expect(await reading).toEqual([])
  } finally {
    await slow.end()
  }
})

test('R-EVT-2: where positions are given again, what was seen before settles nothing of who has them now', async () => {
  const [before, now] = [await connect(clone.url), await connect(clone.url)]
  try {
    const [reading] = await write(await pool(), 'read', 20)
    for (const client of [before, now]) await client.query('begin')
    await write(before, 'before')
    const settling = feed.settle(never)
    await until(async () => (await waits()) > 0)
    await now.query(`select setval('lintel.outbox_position_seq', $1)`, [reading])
    await now.query('delete from lintel.outbox')
    const [again] = await write(now, 'now')
    await before.query('rollback')
    const { rows } = await now.query('select pg_backend_pid() as pid')
    await until(async () => feed.heldUp?.pid === rows[0].pid)
    await now.query('commit')
    expect((await settling)!.position).toBe(BigInt(again!))
  } finally {
    await Promise.all([before.end(), now.end()])
  }
})

test('FC-80: while the database is away nobody is said to hold up readers', async () => {
  let isAway = false
  const settling = createSettling(
    async (work) => {
      if (isAway) throw new Error('away')
      const connection = await database.acquire()
      return work(connection).finally(() => connection.release())
    },
    () => {},
  )
  const slow = await connect(clone.url)
  try {
    await slow.query('begin')
    await write(slow, 'slow')
    const waiting = settling.settle(never)
    await until(async () => settling.heldUp !== undefined)
    isAway = true
    await expect(waiting).rejects.toThrow('away')
    expect(settling.heldUp).toBeUndefined()
  } finally {
    await slow.end()
  }
})

test('R-EVT-2: a transaction that is open for long and emits nothing holds up nobody', async () => {
  const idle = await connect(clone.url)
  try {
    await idle.query('begin')
    await idle.query('select pg_current_xact_id(), count(*) from lintel.outbox')
    const [position] = await write(await pool(), 'quick')
    expect((await feed.read(BEGINNING, 10, never)).map((event) => event.position)).toEqual([position])
  } finally {
    await idle.end()
  }
})

test('R-EVT-2: with many writers, slow ones, early ones and rollbacks, readers miss nothing and read in order', async () => {
  const committed: string[] = []
  const byAggregate = new Map<string, string[]>()
  const place = {
    position: (await database.cells(`select pg_sequence_last_value('lintel.outbox_position_seq')`))[0]![0],
  }
  const from: Place = { position: place.position ?? '0', eventId: undefined }
  let isOver = false
  async function writer(number: number) {
    const client = await connect(clone.url)
    try {
      for (let i = 0; i < 60; i++) {
        const aggregate = `a${number}`
        await client.query('begin')
        // Some have their transaction id long before they write, some write long before they commit.
        if (i % 4 === 0) await client.query('select pg_current_xact_id()')
        if (i % 10 === number % 10) await delay(Math.random() * 20)
        const positions = await write(client, aggregate, 1 + (i % 3))
        if (i % 7 === number % 7) await delay(Math.random() * 30)
        if (i % 5 === number % 5) await client.query('rollback')
        else {
          await client.query('commit')
          committed.push(...positions)
          byAggregate.set(aggregate, [...(byAggregate.get(aggregate) ?? []), ...positions])
        }
      }
    } finally {
      await client.end()
    }
  }
  const readers = [feed, createFeed(database)].map((one) =>
    readOn(one, from, (events) => isOver && events.length >= committed.length),
  )
  await Promise.all(Array.from({ length: 24 }, (_, i) => writer(i)))
  isOver = true
  for (const events of await Promise.all(readers)) {
    const positions = events.map(({ position }) => Number(position))
    expect(positions).toEqual(committed.map(Number).sort((a, b) => a - b))
    for (const [aggregate, own] of byAggregate)
      expect(events.filter((event) => event.aggregateId === aggregate).map(({ position }) => position)).toEqual(own)
  }
}, 120_000)

test('R-EVT-2: a place whose event is not there, or is another, is one of another log', async () => {
  const [position] = await write(await pool(), 'a')
  const [event] = await feed.read({ position: `${BigInt(position!) - 1n}`, eventId: undefined }, 10, never)
  expect(await feed.read(placeBehind(event!), 10, never)).toEqual([])
  const another = { position: position!, eventId: '00000000-0000-4000-8000-000000000000' }
  const beyond = { position: `${BigInt(position!) + 1000n}`, eventId: event!.id }
  for (const place of [another, beyond]) await expect(feed.read(place, 10, never)).rejects.toThrow(LogChanged)
})

test(
  'R-EVT-2: of a million numbers, readers never see one that is not given yet, and never go back',
  () => neverAhead(clone.url, 1_000_000),
  60_000,
)

let shared: pg.Client | undefined
const pool = async () => (shared ??= await connect(clone.url))
afterAll(() => shared?.end())

const waits = async () =>
  (await database.cells(`select 1 from pg_stat_activity where query ~ 'from pg_locks' and pid <> pg_backend_pid()`))
    .length

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10)
}

test('R-EVT-2: of types that are wanted a page looks at so many positions as it is told, and the next behind them', async () => {
  await database.cells(INSERT, ['a', 20])
  const settled = await feed.settle(never)
  const options = { types: ['thing.lost'], limit: 10, window: 8 }
  const places: Place[] = []
  for (let place = BEGINNING; ; ) {
    const page = await feed.page(place, settled!, options)
    expect(page.events).toEqual([])
    place = page.place
    places.push(place)
    if (page.isLast) break
  }
  expect(places.at(-1)!.position).toBe(`${settled!.position}`)
  expect(places.length).toBeGreaterThan(2)
})

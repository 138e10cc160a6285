import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { heardSignals } from '../../test/heard-signals.ts'
import { serviceClone } from '../../test/service-clone.ts'
import { until } from '../../test/system-process.ts'
import { connect } from '../data/connection.ts'
import { createFeed } from '../data/feed.ts'
import { outboxState, type StoredEvent } from '../data/outbox.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { BEGINNING, holdPlace, movePlace, placeBehind, placeOf, setBack } from '../data/readers.ts'
import { transaction } from '../data/transaction.ts'
import type { Clone } from '../testing/database.ts'
import type { Broker, CarriedEvent } from './carrier.ts'
import { createRelay, type Relay } from './relay.ts'

const ONE = { reader: 'relay', holder: '00000000-0000-4000-8000-000000000001', leaseMs: 60_000 }
let clone: Clone
let database: Database
/** What the broker has: each event once, in the order in which it came. */
const log: CarriedEvent[] = []
const carrier: Broker = {
  name: 'nats',
  async publish(_, events) {
    for (const event of events) if (!log.some(({ id }) => id === event.id)) log.push(event)
    return events
  },
  ping: async () => 0,
  subscribe: () => Promise.reject(new Error('nobody consumes here')),
  close: async () => {},
}
const running: Relay[] = []

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('orders', clone.url)
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(async () => {
  await database.query('delete from lintel.outbox')
  await database.query('delete from lintel.reader_marks')
  await database.query(
    `update lintel.readers set position = 0, event_id = null, holder = null, held_until = '-infinity'`,
  )
  log.length = 0
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

let numbers = 0
/** Commits events of these aggregates in one change; answers their numbers. */
async function commit(...aggregates: string[]): Promise<number[]> {
  const made = aggregates.map((aggregateId) => ({ aggregateId, number: ++numbers }))
  await transaction(database, async (tx) => {
    for (const { aggregateId, number } of made)
      tx.emit({ type: 'thing.made', aggregateId, data: JSON.stringify({ number }) })
  })
  return made.map(({ number }) => number)
}
const numbersOf = (events: readonly CarriedEvent[]): number[] => events.map(({ data }) => JSON.parse(data).number)
const published = async (aggregate?: string) =>
  numbersOf(log.filter(({ aggregateId }) => aggregate === undefined || aggregateId === aggregate))
/** What a relay has in hand that has the lease, and does nothing more. */
async function takeOver(): Promise<StoredEvent[]> {
  const place = (await placeOf(database, 'relay')) ?? BEGINNING
  const events = await createFeed(database).read(place, 100, new AbortController().signal)
  expect(await holdPlace(database, place, ONE)).toBe(true)
  return events
}
const leaseEnds = () => database.query(`update lintel.readers set held_until = now() - interval '1 millisecond'`)

const failures: string[] = []
function relay(more: Partial<Parameters<typeof createRelay>[0]> = {}): Relay {
  failures.length = 0
  const one = createRelay({
    database,
    carrier,
    failed: (error) => failures.push((error as Error).message),
    pollMs: 60_000,
    graceMs: 0,
    ...more,
  })
  running.push(one)
  return one
}

/** Resolves when it has published what is there. `idle` does not wait for what failed, as a statement may on a busy machine. */
async function allDone(one: Relay): Promise<void> {
  let before: number
  do {
    before = failures.length
    one.wake()
    await one.idle()
  } while (failures.length > before)
}

/** A relay that ends when it has published what is there. */
async function publishAll(): Promise<void> {
  const one = relay()
  await allDone(one)
  await one.stop()
}
/** The carrier, with another way to publish. */
const publishing = (
  publish: (events: readonly CarriedEvent[], signal: AbortSignal) => Promise<readonly any[]>,
): Broker => ({
  ...carrier,
  publish: (_, events, signal) => publish(events, signal),
})

test('R-EVT-2: what was committed is published, in the order of each aggregate, and marked', async () => {
  const one = relay()
  await one.idle()
  const all = [await commit('a', 'b', 'a'), await commit('b', 'a')].flat()
  await allDone(one)
  expect(await published()).toEqual(all)
  expect(one.published).toBe(5)
  expect(await outboxState(database)).toEqual({ waiting: 0, oldestMs: 0 })
})

test('FC-75: publishing leaves nothing behind in signals that live on', async () => {
  const signals = heardSignals()
  const one = relay()
  for (let i = 0; i < 15; i++) {
    await commit('a')
    await allDone(one)
  }
  expect(one.published).toBe(15)
  expect(signals.count).toBeGreaterThan(15)
  expect(signals.most).toBeLessThan(3)
  expect(signals.joined).toBe(0)
})

test('R-EVT-2: to look is the truth: what nobody woke it for is published too', async () => {
  const all = await commit('a')
  relay({ pollMs: 10 })
  await until(async () => (await published()).length === 1)
  const more = await commit('a')
  await until(async () => (await published()).length === 2)
  expect(await published()).toEqual([...all, ...more])
})

test('R-EVT-2: two relays take turns, publish each event, and no aggregate out of order', async () => {
  const both = [relay({ pollMs: 10 }), relay({ pollMs: 10 })]
  const expected = new Map<string, number[]>()
  for (let i = 0; i < 40; i++) {
    const aggregates = Array.from({ length: 10 }, (_, k) => `a${(i + k) % 25}`)
    const made = await commit(...aggregates)
    for (const [k, aggregate] of aggregates.entries())
      expected.set(aggregate, [...(expected.get(aggregate) ?? []), made[k]!])
    for (const one of both) one.wake()
  }
  await until(async () => (await published()).length >= 400)
  for (const [aggregate, numbers] of expected) expect(await published(aggregate)).toEqual(numbers)
  await until(() => both[0]!.published + both[1]!.published >= 400)
  expect(failures).toEqual([])
})

test('R-EVT-2: a slow transaction with a lower position is waited for, and said to be slow after a second', async () => {
  const slow: number[] = []
  const one = relay({ heldUp: ({ pid }) => slow.push(pid) })
  const client = await connect(clone.url)
  try {
    const [{ pid }] = (await client.query('select pg_backend_pid() as pid')).rows
    await client.query('begin')
    const first = ++numbers
    await client.query(
      `insert into lintel.outbox (id, type, aggregate_id, data) values (gen_random_uuid(), 'thing.made', 'slow', $1)`,
      [JSON.stringify({ number: first })],
    )
    const later = await commit('quick', 'quick')
    one.wake()
    await until(() => one.heldUp !== undefined)
    expect(one.heldUp).toMatchObject({ pid, application: 'lintel', openMs: expect.any(Number) })
    expect(await published()).toEqual([])
    await client.query('commit')
    await until(async () => (await published()).length === 3)
    expect(await published()).toEqual([first, ...later])
    expect(slow).toEqual([pid])
    expect(one.heldUp).toBeUndefined()
  } finally {
    await client.end()
  }
})

test('R-EVT-2: while the carrier is away events stay, and are published in order once it is back', async () => {
  let away = true
  const one = relay({
    carrier: publishing((events, signal) =>
      away ? Promise.reject(new Error('away')) : carrier.publish('orders', events, signal),
    ),
  })
  const all = await commit('a', 'a', 'b')
  one.wake()
  await until(() => failures.length >= 2)
  expect(await outboxState(database)).toMatchObject({ waiting: 3 })
  away = false
  await until(async () => (await published()).length === 3)
  expect(await published()).toEqual(all)
  expect(failures[0]).toBe('away')
})

test('R-EVT-2: what the carrier did not take is tried again from there', async () => {
  const [a1, a2, b1] = await commit('a', 'a', 'b')
  let times = 0
  const one = relay({
    carrier: publishing((events, signal) =>
      carrier.publish(
        'orders',
        times++ === 0 ? events.filter((event) => numbersOf([event])[0] !== a2) : events,
        signal,
      ),
    ),
  })
  one.wake()
  await until(async () => (await published()).length === 3)
  expect(await published()).toEqual([a1, b1, a2])
  expect(failures).toEqual(['the carrier took 2 of 3 events'])
  // From the one that it did not take on: what came behind is published again, and passed over.
  await until(() => one.published === 4)
})

test('R-EVT-3: an event that the carrier never takes holds up its aggregate alone, and its place is kept', async () => {
  const [bad] = await commit('bad')
  const one = relay({
    carrier: publishing((events, signal) =>
      carrier.publish(
        'orders',
        events.filter(({ aggregateId }) => aggregateId !== 'bad'),
        signal,
      ),
    ),
  })
  const good: number[] = []
  for (let i = 0; i < 3; i++) {
    good.push(...(await commit('good')))
    await commit('bad')
    one.wake()
    await until(async () => (await published('good')).length === good.length)
  }
  expect(await published()).toEqual(good)
  await one.stop()
  // All of its aggregate, in order, once it can be taken; what is there already stays.
  const other = relay()
  other.wake()
  await until(async () => (await published('bad')).length === 4)
  expect((await published('bad'))[0]).toBe(bad)
  expect(await published('good')).toEqual(good)
})

test('R-EVT-2: where a relay has died, another goes on once its lease has ended', async () => {
  const all = await commit('a', 'a')
  expect(await takeOver()).toHaveLength(2)
  const one = relay()
  await one.idle()
  expect(await published()).toEqual([])
  await leaseEnds()
  await allDone(one)
  expect(await published()).toEqual(all)
})

test('R-EVT-2: a relay that was paused and comes back does no harm', async () => {
  const [a1] = await commit('a')
  const old = await takeOver()
  await leaseEnds()
  const [a2] = await commit('a')
  const one = relay()
  await allDone(one)
  const place = () => database.cells('select position, event_id, holder from lintel.readers')
  const before = await place()
  // It publishes what it has, and means to move on from there.
  await carrier.publish('orders', old, new AbortController().signal)
  expect(await movePlace(database, placeBehind(old.at(-1)!), ONE)).toBe(false)
  expect(await published()).toEqual([a1, a2])
  expect(await place()).toEqual(before)
})

test('R-EVT-5: a relay that publishes while the place is set back does not move it on', async () => {
  const [a1, a2] = await commit('a', 'a')
  await publishAll()
  const [a3] = await commit('a')
  const old = await takeOver()
  expect(numbersOf(old)).toEqual([a3])
  // The carrier has lost what it was given.
  log.length = 0
  expect(await setBack(database, 'relay', new Date(0).toISOString())).toBe(2)
  expect(await movePlace(database, placeBehind(old.at(-1)!), ONE)).toBe(false)
  const one = relay()
  await allDone(one)
  expect(await published()).toEqual([a1, a2, a3])
})

test('R-EVT-2: a log that was set back is read again from the newest event that both have', async () => {
  const [a1, a2] = await commit('a', 'a')
  await publishAll()
  const [a3] = await commit('a')
  const second = relay()
  await until(async () => (await published()).length === 3)
  await second.stop()
  // As after a restore: the last event is another, at the same position.
  const [[last]] = (await database.cells('select max(position) from lintel.outbox')) as [[string]]
  await database.query('delete from lintel.outbox where position = $1', [last])
  await database.query(`select setval('lintel.outbox_position_seq', $1, false)`, [last])
  const [b1] = await commit('b')
  const one = relay()
  one.wake()
  await until(async () => (await published()).length === 4)
  expect(failures).toEqual([expect.stringMatching(/is not the log that was read/)])
  expect(await published()).toEqual([a1, a2, a3, b1])
})

test('R-EVT-2: a relay stops publishing well before its claim ends', async () => {
  await commit('a')
  let cut = 0
  relay({
    leaseMs: 40,
    carrier: publishing(
      (_, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            cut++
            reject(new Error('cut'))
          }),
        ),
    ),
  }).wake()
  await until(() => cut > 0)
})

/** A carrier whose first calls are taken, or fail, when the test says so. */
function withheld(calls: number) {
  const ends: ((error?: Error) => void)[] = []
  const broker = publishing(async (events, signal) => {
    const error = ends.length < calls && (await new Promise<Error | undefined>((resolve) => ends.push(resolve)))
    if (error) throw error
    return carrier.publish('orders', events, signal)
  })
  return { ends, broker }
}
const MANY = 500

test('R-EVT-2: the page behind one that is full is on its way before that one is taken, and where it fails it is published again', async () => {
  const all = await commit(...Array.from({ length: MANY + 2 }, (_, i) => `a${i % 7}`))
  const { ends, broker } = withheld(2)
  relay({ carrier: broker })
  await until(() => ends.length === 2)
  expect(await published()).toEqual([])
  ends[0]!()
  await until(async () => (await published()).length === MANY)
  ends[1]!(new Error('away'))
  await until(async () => (await published()).length === all.length)
  expect(await published()).toEqual(all)
  expect(failures).toEqual(['away'])
})

/** The database, told of each look at what stands in the outbox once it is answered. */
function readsOf(heard: () => void): Database {
  const acquire: Database['acquire'] = async (...asked) => {
    const held = await database.acquire(...asked)
    const send: typeof held.send = async (text, values) => {
      const result = await held.send(text, values)
      if (/headers from lintel.outbox/.test(text)) heard()
      return result
    }
    return new Proxy(held, {
      get: (_, name) => (name === 'send' ? send : Reflect.get(held, name, held)),
    })
  }
  return { ...database, acquire }
}

test('R-EVT-2: what is committed after the next page was read, and found empty, is published without the poll', async () => {
  await commit(...Array.from({ length: MANY }, () => 'a'))
  const { ends, broker } = withheld(1)
  let reads = 0
  const one = relay({ carrier: broker, database: readsOf(() => reads++) })
  await until(() => reads === 2)
  const [late] = await commit('b')
  one.wake()
  ends[0]!()
  await until(async () => (await published('b')).length === 1)
  expect(await published('b')).toEqual([late])
})

test('R-OPS-2: a relay that reads ahead stops though a writer is open', async () => {
  await commit(...Array.from({ length: 2 * MANY }, () => 'a'))
  const { ends, broker } = withheld(2)
  const one = relay({ carrier: broker, graceMs: 10_000 })
  await until(() => ends.length === 2)
  const client = await connect(clone.url)
  try {
    await client.query('begin')
    await client.query(
      `insert into lintel.outbox (id, type, aggregate_id, data) values (gen_random_uuid(), 'thing.made', 'slow', '{}')`,
    )
    ends[0]!()
    await until(() => one.heldUp !== undefined)
    const stopped = one.stop()
    ends[1]!()
    await stopped
    expect(await published()).toHaveLength(2 * MANY)
  } finally {
    await client.end()
  }
})

test.each(['stops', 'fails'] as const)(
  'R-EVT-3: a relay that %s while some events wait does not pass over them',
  async (how) => {
    const all = await commit('a', 'bad', ...Array.from({ length: MANY }, () => 'a'))
    const { ends, broker } = withheld(2)
    const one = relay({
      carrier: {
        ...broker,
        publish: (from, events, signal) =>
          broker.publish(
            from,
            events.filter(({ aggregateId }) => aggregateId !== 'bad'),
            signal,
          ),
      },
    })
    await until(() => ends.length === 2)
    const stopped = how === 'stops' ? one.stop() : undefined
    ends[0]!()
    ends[1]!(how === 'fails' ? new Error('away') : undefined)
    if (how === 'fails') await until(() => failures.includes('away'))
    await (stopped ?? one.stop())
    expect(await published('bad')).toEqual([])
    await publishAll()
    expect((await published()).sort((a, b) => a - b)).toEqual(all)
  },
)

test('R-EVT-5: what was published since a time is sent again in order, and nothing before it', async () => {
  const [before, ...all] = await commit('a', 'b', 'a')
  const [first] = await takeOver()
  expect(await movePlace(database, placeBehind(first!), { ...ONE, mark: true })).toBe(true)
  await database.query(`update lintel.reader_marks set marked_at = now() - interval '1 hour'`)
  await leaseEnds()
  const one = relay()
  await allDone(one)
  expect(one.published).toBe(2)
  log.length = 0
  expect(await setBack(database, 'relay', new Date(Date.now() - 1_800_000).toISOString())).toBe(2)
  await allDone(one)
  expect(await published()).toEqual(all)
  log.length = 0
  expect(await setBack(database, 'relay', new Date(Date.now() - 7_200_000).toISOString())).toBe(3)
  await allDone(one)
  expect(await published()).toEqual([before, ...all])
  expect(await outboxState(database)).toEqual({ waiting: 0, oldestMs: 0 })
})

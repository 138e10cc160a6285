import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { until } from '../../test/system-process.ts'
import { uuidv7 } from '../base/ids.ts'
import { acquireLease, inboxState, receive } from '../data/inbox.ts'
import type { Transaction } from '../data/open-transaction.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { transaction } from '../data/transaction.ts'
import type { Clone } from '../testing/database.ts'
import type { CarriedEvent, Carrier, Source } from './carrier.ts'
import { type Consumer, type ConsumerOptions, createConsumer } from './consumer.ts'
import { createReceiver } from './receiver.ts'

let clone: Clone
let database: Database
let name: string
let holder: string
const running: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('test', clone.url)
  await database.query(
    'create table effects (place bigint generated always as identity, aggregate text, number integer, transaction text default pg_current_xact_id()::text)',
  )
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})
beforeEach(async () => {
  await database.query('truncate effects, lintel.inbox, lintel.receivers')
  name = `orders.${randomUUID()}`
  holder = randomUUID()
  await acquireLease(database, name, holder, 60_000)
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

let numbers = 0
const event = (aggregateId: string): CarriedEvent => ({
  id: uuidv7(),
  type: 'thing.made',
  aggregateId,
  occurredAt: new Date().toISOString(),
  data: `${++numbers}`,
})
const many = (count: number, aggregates = count) =>
  Array.from({ length: count }, (_, i) => event(`a${i % aggregates} "é"`))
const numbersOf = (events: readonly CarriedEvent[]) => events.map(({ data }) => Number(data))

interface Unit {
  readonly tx: Transaction
}
const effect = ({ aggregateId, data }: CarriedEvent, { tx }: Unit) =>
  tx.query('insert into effects (aggregate, number) values ($1, $2)', [aggregateId, Number(data)])
const effects = async () =>
  (await database.cells('select number from effects order by place')).map(([number]) => Number(number))
const transactions = async () =>
  Number((await database.cells('select count(distinct transaction) from effects'))[0]![0])
const inbox = () =>
  database.query<{ isDone: boolean; data: string | null; attempts: number }>(
    'select done_at is not null as "isDone", data, attempts from lintel.inbox order by position',
  )

function consume(options: Partial<ConsumerOptions<Unit>> = {}): Required<Consumer> {
  const consumer = createConsumer<Unit>({
    name,
    types: ['thing.made'],
    database,
    run: (work) => transaction(database, (tx) => work({ tx })),
    attempts: 3,
    batch: 50,
    handle: async (one, unit) => void (await effect(one, unit)),
    failed: () => {},
    pollMs: 20,
    graceMs: 0,
    ...options,
  })
  running.push(consumer)
  return consumer as Required<Consumer>
}

test('R-EVT-2, R-EVT-6: what arrives is handled many to a transaction, with one row each, and those of one aggregate in order', async () => {
  const consumer = consume()
  await consumer.idle()
  const events = many(120, 7)
  expect(await consumer.take!(events, holder)).toEqual({ isHeld: true, left: [], known: 0 })
  const all = await effects()
  for (let i = 0; i < 7; i++)
    expect(all.filter((number) => number % 7 === numbersOf(events)[i]! % 7)).toEqual(
      numbersOf(events).filter((_, at) => at % 7 === i),
    )
  expect(await transactions()).toBe(3)
  expect(await inbox()).toEqual(events.map(() => ({ isDone: true, data: null, attempts: 0 })))
  expect(consumer.handled).toBe(120)
})

test('R-EVT-2: what arrives again has one effect, handled or stored before', async () => {
  const consumer = consume()
  await consumer.idle()
  const [first, second] = [many(3), many(3)]
  await consumer.take!(first, holder)
  await receive(database, name, holder, second)
  expect(await consumer.take!([...first, ...second], holder)).toMatchObject({ left: [], known: 6 })
  consumer.wake()
  await consumer.idle()
  expect((await effects()).sort()).toEqual(numbersOf([...first, ...second]).sort())
})

test('R-EVT-2: an event that comes twice at once has one effect', async () => {
  const consumer = consume()
  await consumer.idle()
  const events = many(3)
  expect(await consumer.take!([...events, events[1]!], holder)).toMatchObject({ left: [], known: 1 })
  expect((await effects()).sort()).toEqual(numbersOf(events).sort())
})

test('R-EVT-2: what comes into the inbox while it is handled has its one effect from there', async () => {
  const events = many(3)
  let isFirst = true
  const consumer = consume({
    handle: async (one, unit) => {
      await effect(one, unit)
      if (!isFirst) return
      isFirst = false
      await receive(database, name, holder, events)
    },
  })
  await consumer.idle()
  expect((await consumer.take!(events, holder)).left).toEqual(events)
  expect(await effects()).toEqual([])
  consumer.wake()
  await consumer.idle()
  expect((await effects()).sort()).toEqual(numbersOf(events).sort())
})

test('R-EVT-6: what stands behind an event that waits, and everything later of its aggregate, goes to the inbox in order', async () => {
  const dead = event('stuck')
  await receive(database, name, holder, [dead])
  await database.query('update lintel.inbox set dead_at = now()')
  const consumer = consume()
  await consumer.idle()
  const events = [event('free'), event('stuck'), ...many(60), event('stuck'), event('free')]
  const { left } = await consumer.take!(events, holder)
  expect(left).toEqual([events[1], events.at(-2)])
  expect(await effects()).toHaveLength(62)
})

test('R-EVT-3: where one fails all are undone and stored, and only that one is tried again', async () => {
  const events = many(10)
  let tries = 0
  const consumer = consume({
    handle: async (one, unit) => {
      await effect(one, unit)
      if (one !== events[4] && one.id !== events[4]!.id) return
      tries++
      throw new Error('no')
    },
  })
  await consumer.idle()
  const { left } = await consumer.take!(events, holder)
  expect(left).toEqual(events)
  expect(await effects()).toEqual([])
  await receive(database, name, holder, left)
  consumer.wake()
  await until(async () => (await effects()).length === 9 && consumer.failures === 1)
  expect((await inbox()).map(({ attempts }) => attempts)).toEqual(events.map((_, at) => (at === 4 ? 1 : 0)))
  expect(tries).toBe(2)
})

test('FC-70: handlers that take longer than a second get their events by the inbox, and all their time there', async () => {
  const events = many(2)
  let isQuick = false
  const consumer = consume({
    handle: async (one, unit, { signal }) => {
      await effect(one, unit)
      if (!isQuick) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    },
  })
  await consumer.idle()
  expect((await consumer.take!(events, holder)).left).toEqual(events)
  expect(await effects()).toEqual([])
  isQuick = true
  expect((await consumer.take!(events, holder)).left).toEqual(events)
  await receive(database, name, holder, events)
  consumer.wake()
  await until(async () => (await effects()).length === 2)
})

test('R-EVT-6: a handler with savepoints shares no transaction from the first that shows it, and the log says so', async () => {
  const failures: unknown[] = []
  const handle = vi.fn(async (one: CarriedEvent, unit: Unit) => {
    await unit.tx.query('savepoint mine')
    await effect(one, unit)
  })
  const consumer = consume({ handle, failed: (error, one) => failures.push(one?.id, String(error)) })
  await consumer.idle()
  const events = many(1)
  expect((await consumer.take!(events, holder)).left).toEqual(events)
  expect(failures).toEqual([events[0]!.id, expect.stringContaining('a handler with savepoints cannot share')])
  const more = many(2)
  expect((await consumer.take!(more, holder)).left).toEqual(more)
  expect(handle).toHaveBeenCalledTimes(1)
  await receive(database, name, holder, [...events, ...more])
  consumer.wake()
  await until(async () => (await effects()).length === 3)
})

test('R-EVT-2: what arrives together is handled for three seconds, since the lease of its receiver has to be renewed', async () => {
  let begins = false
  const begunMs = performance.now()
  const clock = vi.spyOn(performance, 'now')
  onTestFinished(() => clock.mockRestore())
  const consumer = consume({
    batch: 2,
    concurrency: 1,
    async run(work) {
      const done = await transaction(database, (tx) => work({ tx }))
      if (begins) clock.mockReturnValue(begunMs + 4_000)
      return done
    },
  })
  await consumer.idle()
  begins = true
  const events = many(6)
  expect((await consumer.take!(events, holder)).left).toEqual(events.slice(2))
})

test('R-EVT-2: whoever no longer receives handles nothing, and one that is overtaken in the middle undoes what it did', async () => {
  let overtake = async () => {}
  const consumer = consume({
    handle: async (one, unit) => {
      await effect(one, unit)
      await overtake()
    },
  })
  await consumer.idle()
  expect(await consumer.take!(many(3), randomUUID())).toMatchObject({ isHeld: false })
  overtake = async () => void (await database.query('update lintel.receivers set holder = $1', [randomUUID()]))
  const events = many(3)
  const taken = await consumer.take!(events, holder)
  expect(taken.left).toEqual(events)
  expect(await receive(database, name, holder, taken.left)).toMatchObject({ held: false })
  expect(await effects()).toEqual([])
})

test('R-EVT-3: the first hundred that a process receives are stored, for one of them may have ended the process before', async () => {
  const consumer = consume()
  let ask = () => {}
  const pages = [many(60), many(60), many(60)]
  const source: Source = {
    next: async (signal) => {
      await new Promise<void>((resolve) => {
        ask = resolve
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      return { events: (signal.aborted ? undefined : pages.shift()) ?? [], acknowledge: async () => {} }
    },
    rewind: async () => {},
    close: async () => {},
  }
  const stored: number[] = []
  const carrier: Carrier = { name: 'postgres', subscribe: async () => source, close: async () => {} }
  await database.query('truncate lintel.receivers')
  running.push(
    createReceiver({
      database,
      carrier,
      subscription: { name, from: 'orders', types: ['thing.made'], start: 'beginning' },
      take: consumer.take,
      received: (count) => {
        stored.push(count)
        consumer.wake()
      },
      failed: () => {},
    }),
  )
  await until(async () => {
    const done = (await effects()).length
    // Each page when those before it have had their effects: what waits may have the next wait behind it.
    if (done === 180 - 60 * pages.length) ask()
    return done === 180
  })
  expect(stored).toEqual([60, 60])
  expect((await inboxState(database))[0]).toMatchObject({ waiting: 0, dead: 0 })
})

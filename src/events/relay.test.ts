import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest'
import { heardSignals } from '../../test/heard-signals.ts'
import { until } from '../../test/system-process.ts'
import { CARRIER_MIGRATIONS } from '../data/event-log.ts'
import {
  type ClaimedEvent,
  claimOutbox,
  markPublished,
  outboxState,
  releaseOutbox,
  resendOutbox,
  sweepOutbox,
} from '../data/outbox.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { transaction } from '../data/transaction.ts'
import { type Clone, cloneOf, templateFor } from '../testing/database.ts'
import type { CarriedEvent, Carrier } from './carrier.ts'
import { createPostgresCarrier } from './postgres-carrier.ts'
import { createRelay, type Relay } from './relay.ts'

const [ONE, OTHER] = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002']
let clones: Clone[] = []
let database: Database
let log: Database
let carrier: Carrier
const running: Relay[] = []

beforeAll(async () => {
  const server = inject('databaseServer')
  const migrations = new URL('../../services/orders/migrations/', import.meta.url)
  clones = [
    await cloneOf(server, await templateFor(server, { contract: { name: 'orders' }, migrations })),
    await cloneOf(server, await templateFor(server, { contract: { name: 'events' }, migrations: CARRIER_MIGRATIONS })),
  ]
  database = openDatabase('orders', clones[0]!.url)
  log = openDatabase('log', clones[1]!.url)
  carrier = createPostgresCarrier({ url: clones[1]!.url, retentionMs: 86_400_000, log: () => {} })
})
afterAll(async () => {
  await carrier?.close()
  await log?.close()
  await database?.close()
  for (const clone of clones) await clone.drop()
})
beforeEach(async () => {
  await database.query('truncate lintel.outbox')
  await log.query('truncate messages')
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
const published = async (aggregate = '%') =>
  (
    await log.query<{ data: { number: number } }>(
      'select data from messages where aggregate_id like $1 order by position',
      [aggregate],
    )
  ).map(({ data }) => data.number)
const claim = (by: string, { limit = 100, leaseMs = 60_000 } = {}) => claimOutbox(database, { by, limit, leaseMs })

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
/** The carrier, with another way to publish. */
const publishing = (
  publish: (events: readonly CarriedEvent[], signal: AbortSignal) => Promise<readonly any[]>,
): Carrier => ({
  ...carrier,
  publish: (_, events, signal) => publish(events, signal),
})

test('R-EVT-2: what was committed is published, in the order of each aggregate, and marked', async () => {
  const one = relay()
  await one.idle()
  const all = [await commit('a', 'b', 'a'), await commit('b', 'a')].flat()
  one.wake()
  await one.idle()
  expect(await published()).toEqual(all)
  expect(one.published).toBe(5)
  expect(await outboxState(database)).toEqual({ waiting: 0, oldestMs: 0 })
})

test('FC-75: publishing leaves nothing behind in signals that live on', async () => {
  const signals = heardSignals()
  const one = relay()
  for (let i = 0; i < 15; i++) {
    await commit('a')
    one.wake()
    await one.idle()
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

test('R-EVT-2: an aggregate of which one relay has an event is left alone by the other, as a whole', async () => {
  const [a1, b1] = await commit('a', 'b')
  expect(numbersOf(await claim(ONE, { limit: 1 }))).toEqual([a1])
  const [a2, c1] = await commit('a', 'c')
  expect(numbersOf(await claim(OTHER))).toEqual([b1, c1])
  expect(await claim(OTHER)).toEqual([])
  await releaseOutbox(database, ONE)
  expect(numbersOf(await claim(OTHER))).toEqual([a1, a2])
})

test('R-EVT-2: relays that claim at the same moment never share an aggregate', async () => {
  for (let i = 0; i < 10; i++) await commit(...Array.from({ length: 20 }, (_, k) => `a${k}`))
  const claims = await Promise.all(
    Array.from({ length: 8 }, (_, i) => claim(`00000000-0000-4000-8000-00000000010${i}`, { limit: 30 })),
  )
  const owners = new Map<string, number>()
  for (const [i, events] of claims.entries())
    for (const { aggregateId } of events) {
      expect(owners.get(aggregateId) ?? i).toBe(i)
      owners.set(aggregateId, i)
    }
  expect(claims.flat().length).toBeGreaterThan(0)
})

test('R-EVT-2: two relays share the work, publish each event, and no aggregate out of order', async () => {
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
  await until(() => both[0]!.published + both[1]!.published === 400)
})

test('R-EVT-2: a slow transaction with a lower position loses nothing', async () => {
  const one = relay()
  let first = 0
  let later: number[] = []
  await transaction(database, async (tx) => {
    // Its row is in the outbox, not committed yet, when what comes after it is published.
    first = ++numbers
    await tx.query(
      `insert into lintel.outbox (id, type, aggregate_id, data) values (gen_random_uuid(), 'thing.made', 'slow', $1)`,
      [JSON.stringify({ number: first })],
    )
    later = await commit('quick', 'quick')
    one.wake()
    await one.idle()
    expect(await published()).toEqual(later)
  })
  one.wake()
  await one.idle()
  expect(await published()).toEqual([...later, first])
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

test('R-EVT-2: what the carrier took is marked, what it did not is tried again from there', async () => {
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
  await until(() => one.published === 3)
})

test('R-EVT-2: what a relay claimed that has died is another’s once its time is up', async () => {
  const all = await commit('a', 'a')
  expect(await claim(ONE)).toHaveLength(2)
  const one = relay()
  await one.idle()
  expect(await published()).toEqual([])
  await database.query(`update lintel.outbox set claimed_until = now() - interval '1 millisecond'`)
  one.wake()
  await one.idle()
  expect(await published()).toEqual(all)
})

test('R-EVT-2: a relay that was paused and comes back does no harm', async () => {
  const [a1] = await commit('a')
  const old: ClaimedEvent[] = await claim(ONE)
  await database.query(`update lintel.outbox set claimed_until = now() - interval '1 millisecond'`)
  const [a2] = await commit('a')
  const one = relay()
  one.wake()
  await one.idle()
  const marks = () => database.cells('select position, published_at from lintel.outbox order by position')
  const before = await marks()
  // It publishes what it has, marks it, and gives back what it had.
  await carrier.publish('orders', old, new AbortController().signal)
  await markPublished(database, ONE, old)
  await releaseOutbox(database, ONE)
  expect(await published()).toEqual([a1, a2])
  expect(await marks()).toEqual(before)
})

test('R-EVT-5: a relay that was paused says nothing of what is to be sent again meanwhile', async () => {
  const [a1] = await commit('a')
  const old: ClaimedEvent[] = await claim(ONE)
  await database.query(`update lintel.outbox set claimed_until = now() - interval '1 millisecond'`)
  const one = relay()
  one.wake()
  await one.idle()
  await one.stop()
  // The carrier has lost what both had handed over.
  expect(await resendOutbox(database, new Date(0).toISOString())).toBe(1)
  await markPublished(database, ONE, old)
  expect((await claim(OTHER)).map(({ id }) => id)).toHaveLength(1)
  expect(await published()).toEqual([a1])
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

test('R-EVT-5: published events stay for the retention, can be sent again in order, and unpublished ones never go', async () => {
  const all = await commit('a', 'b', 'a')
  const one = relay()
  one.wake()
  await one.idle()
  await database.query(`update lintel.outbox set published_at = now() - interval '1 hour' where position =
    (select min(position) from lintel.outbox)`)
  const waiting = await commit('c')
  expect(await sweepOutbox(database, 2 * 3_600_000)).toBe(0)
  const halfAnHourAgo = new Date(Date.now() - 1_800_000).toISOString()
  await log.query('truncate messages')
  expect(await resendOutbox(database, halfAnHourAgo)).toBe(2)
  one.wake()
  await one.idle()
  expect(await published()).toEqual([...all.slice(1), ...waiting])
  await commit('d')
  expect(await sweepOutbox(database, 1_800_000)).toBe(1)
  expect(await outboxState(database)).toMatchObject({ waiting: 1 })
  expect(await database.query('select 1 as one from lintel.outbox')).toHaveLength(4)
})

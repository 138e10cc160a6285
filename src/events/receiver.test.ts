import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { heardSignals } from '../../test/heard-signals.ts'
import { servedOutbox } from '../../test/served-outbox.ts'
import { serviceClone } from '../../test/service-clone.ts'
import { until } from '../../test/system-process.ts'
import { uuidv7 } from '../base/ids.ts'
import { acquireLease, receive, registerConsumer, releaseLease } from '../data/inbox.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import type { Clone } from '../testing/database.ts'
import { testNats } from '../testing/nats.ts'
import type { CarriedEvent, Carrier, Subscription } from './carrier.ts'
import { createNatsCarrier } from './nats-carrier.ts'
import { createReceiver, type Receiver, type ReceiverOptions } from './receiver.ts'

const nats = process.env.NATS_URL
  ? { url: process.env.NATS_URL, stop: async () => {} }
  : ((await testNats()) ?? { url: undefined, stop: async () => {} })
if (!nats.url) console.warn('THE RECEIVER ON NATS IS NOT TESTED: neither NATS_URL nor nats-server on PATH')

let clones: Clone[] = []
let database: Database
const running: Receiver[] = []

beforeAll(async () => {
  clones = [await serviceClone('orders')]
  database = openDatabase('orders', clones[0]!.url)
})
afterAll(async () => {
  await database?.close()
  for (const clone of clones) await clone.drop()
  await nats.stop()
})

interface Opened {
  readonly carrier: Carrier
  publish(from: string, events: readonly CarriedEvent[]): Promise<readonly CarriedEvent[]>
  close(): Promise<void>
}
const CARRIERS: [name: string, open: () => Promise<Opened>][] = [
  [
    'postgres',
    async () => {
      const { carrier, publish, close } = servedOutbox(database, clones[0]!.url)
      return { carrier, close, publish: (_, events) => publish(...events) }
    },
  ],
  [
    'nats',
    async () => {
      const stream = `test-${randomUUID()}`
      const broker = { url: nats.url!, stream, retentionMs: 86_400_000, connectTimeoutMs: 5_000 }
      const carrier = await createNatsCarrier(broker)
      return { carrier, close: carrier.close, publish: (from, events) => carrier.publish(from, events, never) }
    },
  ],
]

const never = new AbortController().signal
const event = (aggregateId = 'a', occurredAt = new Date().toISOString()): CarriedEvent => ({
  id: uuidv7(),
  type: 'thing.made',
  aggregateId,
  occurredAt,
  data: '{"of":"it"}',
})
const idsOf = (events: readonly CarriedEvent[]) => events.map(({ id }) => id)

describe.each(CARRIERS.filter(([name]) => name === 'postgres' || nats.url))('R-EVT-4: on %s', (_, open) => {
  let opened: Opened
  let carrier: Carrier
  let from: string
  let name: string
  beforeAll(async () => {
    opened = await open()
    carrier = opened.carrier
  })
  afterAll(() => opened?.close())
  beforeEach(async () => {
    await database.query('delete from lintel.outbox')
    from = `s${randomUUID()}`
    name = `${from}.things`
  })
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop()
  })

  const publish = (...events: CarriedEvent[]) => opened.publish(from, events)
  const stored = async () =>
    (await database.cells('select event_id from lintel.inbox where consumer = $1 order by position', [name])).map(
      ([id]) => id,
    )
  const failures: unknown[] = []
  function receiving(more: Partial<ReceiverOptions> & { start?: Subscription['start'] } = {}): Receiver {
    failures.length = 0
    const { start = 'beginning', ...rest } = more
    const one = createReceiver({
      database,
      carrier,
      subscription: { name, from, types: ['thing.made'], start },
      received: () => {},
      failed: (error) => failures.push(error),
      ...rest,
    })
    running.push(one)
    return one
  }

  test('R-EVT-2: what arrives is stored in its order, then acknowledged, and said to be there', async () => {
    const events = await publish(...Array.from({ length: 30 }, () => event()))
    let told = 0
    const one = receiving({ received: () => told++ })
    await until(async () => (await stored()).length === 30)
    expect(await stored()).toEqual(idsOf(events))
    expect(told).toBeGreaterThan(0)
    const [more] = await publish(event())
    await until(async () => (await stored()).length === 31)
    await one.stop()
    // All of it was acknowledged: a successor gets only what is new.
    const successor = receiving()
    const [last] = await publish(event())
    await until(async () => (await stored()).length === 32)
    expect((await stored()).slice(-2)).toEqual([more!.id, last!.id])
    expect(successor.redelivered).toBe(0)
  })

  test('FC-75: receiving leaves nothing behind in signals that live on', async () => {
    const signals = heardSignals()
    const one = receiving()
    for (let i = 0; i < 15; i++) await one.idle()
    expect(signals.count).toBeGreaterThan(15)
    expect(signals.most).toBeLessThan(3)
    expect(signals.joined).toBe(0)
  })

  test('R-EVT-2: what was stored and not acknowledged comes again, and is stored once', async () => {
    let broken = true
    const forgetful: Carrier = {
      ...carrier,
      async subscribe(subscription) {
        const source = await carrier.subscribe(subscription)
        return {
          ...source,
          next: async (signal) => {
            const { events, acknowledge } = await source.next(signal)
            return {
              events,
              acknowledge: async () => {
                if (!broken || events.length === 0) return acknowledge()
                broken = false
                throw new Error('before it was acknowledged')
              },
            }
          },
        }
      },
    }
    const events = await publish(event(), event(), event())
    const one = receiving({ carrier: forgetful })
    await until(() => one.redelivered > 0)
    await one.idle()
    expect(failures).toHaveLength(1)
    expect(await stored()).toEqual(idsOf(events))
  })

  test('R-EVT-2: of several processes one receives; when it stops another does at once', async () => {
    const [one, other] = [receiving(), receiving()]
    const first = await publish(event(), event())
    await until(async () => (await stored()).length === 2)
    await one.stop()
    const second = await publish(event(), event())
    await until(async () => (await stored()).length === 4)
    await other.stop()
    receiving()
    const third = await publish(event())
    await until(async () => (await stored()).length === 5)
    expect(await stored()).toEqual(idsOf([...first, ...second, ...third]))
  })

  test('R-EVT-2: one that was paused longer than its lease, and comes back, stores nothing behind its successor', async () => {
    let paused: (() => void) | undefined
    let goOn = () => {}
    const slow: Carrier = {
      ...carrier,
      async subscribe(subscription) {
        const source = await carrier.subscribe(subscription)
        return {
          ...source,
          next: async (signal) => {
            const batch = await source.next(signal)
            if (batch.events.length > 0 && paused) {
              paused()
              paused = undefined
              await new Promise<void>((resolve) => {
                goOn = resolve
              })
            }
            return batch
          },
        }
      },
    }
    const pausing = new Promise<void>((resolve) => {
      paused = resolve
    })
    receiving({ carrier: slow })
    const events = [...(await publish(event()))]
    await pausing
    await database.query(`update lintel.receivers set held_until = '-infinity' where consumer = $1`, [name])
    const successor = receiving()
    await until(async () => (await stored()).length === 1)
    events.push(...(await publish(event(), event())))
    await until(async () => (await stored()).length === 3)
    goOn()
    await successor.idle()
    events.push(...(await publish(event())))
    await until(async () => (await stored()).length === 4)
    expect(await stored()).toEqual(idsOf(events))
  })

  test('one that begins now leaves out what occurred before, though clocks differ', async () => {
    await publish(event('a', new Date(Date.now() - 60_000).toISOString()))
    await registerConsumer(database, name)
    // By the carrier's clock this was before the consumer was heard of; by that of the service that publishes it was not.
    await database.query(
      `update lintel.receivers set subscribed_at = now() + interval '20 seconds' where consumer = $1`,
      [name],
    )
    const [wanted] = await publish(event('a', new Date(Date.now() + 25_000).toISOString()))
    receiving({ start: 'now' })
    await until(async () => (await stored()).length === 1)
    expect(await stored()).toEqual([wanted!.id])
  })

  test('a carrier that is away is asked again', async () => {
    let away = 2
    const one = receiving({
      carrier: {
        ...carrier,
        subscribe: (subscription) => (away-- > 0 ? Promise.reject(new Error('away')) : carrier.subscribe(subscription)),
      },
    })
    await publish(event())
    await until(async () => (await stored()).length === 1)
    expect(failures).toHaveLength(2)
    await one.stop()
  })
})

describe('the right to receive', () => {
  const LEASE_MS = 60_000
  let name: string
  const [one, other] = [randomUUID(), randomUUID()]
  beforeEach(() => {
    name = `orders.${randomUUID()}`
  })

  const acquire = (holder: string) => acquireLease(database, name, holder, LEASE_MS)

  test('is one’s at a time, kept by renewing, free when given back or when its time is up; each change has a new term', async () => {
    const first = await acquire(one)
    const refused = (await acquire(other)) as { freeInMs: number }
    expect(refused.freeInMs).toBeGreaterThan(0)
    expect(refused.freeInMs).toBeLessThanOrEqual(LEASE_MS)
    expect(await acquire(one)).toEqual(first)
    await releaseLease(database, name, other)
    expect(await acquire(other)).toHaveProperty('freeInMs')
    await releaseLease(database, name, one)
    expect(await acquire(other)).toEqual({ ...first, term: 2 })
    await database.query('update lintel.receivers set held_until = now() where consumer = $1', [name])
    expect(await acquire(one)).toEqual({ ...first, term: 3 })
  })

  test('of many who ask at the same moment one gets it', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => acquire(randomUUID())))
    expect(all.filter((held) => 'term' in held)).toHaveLength(1)
  })

  test('without it nothing is stored', async () => {
    await acquireLease(database, name, one, LEASE_MS)
    expect(await receive(database, name, other, [event()])).toEqual({ held: false, stored: 0 })
    expect(await receive(database, name, one, [event()])).toEqual({ held: true, stored: 1 })
    expect(await receive(database, 'orders.unknown', one, [event()])).toEqual({ held: false, stored: 0 })
  })
})

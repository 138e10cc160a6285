import { randomUUID } from 'node:crypto'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectToNats, type NatsConnection, headers as natsHeaders } from '@nats-io/transport-node'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import { until } from '../../test/system-process.ts'
import { encodeId, uuidv7 } from '../base/ids.ts'
import { registerConsumer } from '../data/inbox.ts'
import { readAgain } from '../data/places.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import type { Clone } from '../testing/database.ts'
import { freePort } from '../testing/free-port.ts'
import { testNats } from '../testing/nats.ts'
import { BATCH, type Broker, type CarriedEvent, type Source, type Subscription } from './carrier.ts'
import { createNatsCarrier } from './nats-carrier.ts'

const WEEK_MS = 7 * 86_400_000
const LONG_AGO = '2000-01-01T00:00:00.000Z'
const nats = process.env.NATS_URL
  ? { url: process.env.NATS_URL, stop: async () => {} }
  : ((await testNats()) ?? { url: undefined, stop: async () => {} })
if (!nats.url) console.warn('THE CARRIER ON NATS IS NOT TESTED: neither NATS_URL nor nats-server on PATH')

afterAll(() => nats.stop())

const stream = `test-${randomUUID()}`
const natsCarrier = () => createNatsCarrier({ url: nats.url!, stream, retentionMs: WEEK_MS, connectTimeoutMs: 5_000 })
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const never = new AbortController().signal
const event = (aggregateId: string, type = 'thing.made', data: unknown = {}): CarriedEvent => ({
  id: uuidv7(),
  type,
  aggregateId,
  occurredAt: new Date().toISOString(),
  data: JSON.stringify(data),
})
const idsOf = (events: readonly CarriedEvent[]) => events.map(({ id }) => id)

/** Takes events until there are `count`, acknowledging each batch. */
async function take(source: Source, count: number): Promise<CarriedEvent[]> {
  const taken: CarriedEvent[] = []
  while (taken.length < count) {
    const { events, acknowledge } = await source.next(never)
    taken.push(...events)
    await acknowledge()
  }
  return taken
}

let clone: Clone
let database: Database
beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('orders', clone.url)
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})

describe.runIf(nats.url)('R-EVT-4: on NATS', () => {
  let carrier: Broker
  /** A service of its own for each test: one log is everybody's. */
  let from: string
  const sources: Source[] = []
  beforeAll(async () => {
    carrier = await natsCarrier()
  })
  afterAll(() => carrier?.close())
  afterEach(async () => {
    for (const source of sources.splice(0)) await source.close()
  })

  async function subscribed(more: Partial<Subscription> = {}, on = carrier): Promise<Source> {
    const name = `${from}.things`
    const source = await on.subscribe({
      name,
      from,
      types: ['thing.made', 'thing.changed'],
      start: 'beginning',
      since: LONG_AGO,
      database,
      ...more,
    })
    sources.push(source)
    await source.rewind()
    return source
  }
  const publish = async (...events: CarriedEvent[]) => {
    expect(await carrier.publish(from, events, never)).toEqual(events)
    return events
  }
  const fresh = () => {
    from = `s${randomUUID()}`
  }

  test('R-EVT-2: what is published arrives as it was, in the order of each aggregate', async () => {
    fresh()
    const events = Array.from({ length: 60 }, (_, i) =>
      event(`a${i % 3}`, i % 2 ? 'thing.made' : 'thing.changed', { i, text: 'ä€😀 "quoted"', nested: [{ of: null }] }),
    )
    const source = await subscribed()
    await publish(...events)
    const arrived = await take(source, 60)
    expect(new Set(idsOf(arrived)).size).toBe(60)
    const of = (all: readonly CarriedEvent[], aggregate: string) =>
      all
        .filter(({ aggregateId }) => aggregateId === aggregate)
        .map(({ id, type, aggregateId, occurredAt, data }) => ({ id, type, aggregateId, occurredAt, data }))
    for (const aggregate of ['a0', 'a1', 'a2']) expect(of(arrived, aggregate)).toEqual(of(events, aggregate))
  })

  test('R-EVT-6: headers arrive as they were, and an event without them has none', async () => {
    fresh()
    const headers = JSON.stringify({ requestId: 'mine', traceparent: TRACEPARENT, tracestate: 'a=1', actor: 'user:u' })
    const source = await subscribed()
    await publish({ ...event('a'), headers }, event('a'))
    const [one, other] = await take(source, 2)
    expect(JSON.parse(one!.headers!)).toEqual(JSON.parse(headers))
    expect(other!.headers).toBeUndefined()
  })

  test('R-EVT-4: an event that is published twice is carried once', async () => {
    fresh()
    const [one, other] = [event('a'), event('a')]
    await publish(one)
    await publish(one, other)
    await publish(other, one)
    const last = event('a')
    await publish(last)
    expect(idsOf(await take(await subscribed(), 3))).toEqual(idsOf([one, other, last]))
  })

  test('events of another service, and of types that were not asked for, are left out', async () => {
    fresh()
    const wanted = event('a')
    const mine = from
    await publish(event('a', 'thing.lost'))
    fresh()
    await publish(event('a'))
    from = mine
    await publish(wanted)
    expect(idsOf(await take(await subscribed(), 1))).toEqual([wanted.id])
  })

  test('R-EVT-5: a consumer that is new gets all events from the beginning, and another its own copy', async () => {
    fresh()
    const events = await publish(event('a'), event('b'), event('a'))
    const first = await subscribed({ name: `${from}.first` })
    expect(idsOf(await take(first, 3)).sort()).toEqual(idsOf(events).sort())
    const later = await publish(event('a'))
    const second = await subscribed({ name: `${from}.second` })
    expect(idsOf(await take(second, 4)).sort()).toEqual([...idsOf(events), ...idsOf(later)].sort())
    expect(idsOf(await take(first, 1))).toEqual(idsOf(later))
  })

  test('one that begins now gets nothing of before, and everything since it was first heard of', async () => {
    fresh()
    await publish(event('a'), event('a'))
    // Later than everything before, by the clock of whoever stored it.
    await new Promise((resolve) => setTimeout(resolve, 10))
    const since = new Date().toISOString()
    await new Promise((resolve) => setTimeout(resolve, 10))
    const meanwhile = event('a')
    await publish(meanwhile)
    const source = await subscribed({ start: 'now', since })
    expect(idsOf(await take(source, 1))).toEqual([meanwhile.id])
  })

  test('R-EVT-2: what was not acknowledged comes again, in its order; what was does not', async () => {
    fresh()
    const source = await subscribed()
    const [first] = await publish(event('a'))
    expect(idsOf(await take(source, 1))).toEqual([first!.id])
    const events = await publish(...Array.from({ length: 20 }, () => event('a')))
    const lost: CarriedEvent[] = []
    while (lost.length < 20) lost.push(...(await source.next(never)).events)
    expect(idsOf(lost)).toEqual(idsOf(events))
    await source.rewind()
    expect(idsOf(await take(source, 20))).toEqual(idsOf(events))
    await source.rewind()
    const [last] = await publish(event('a'))
    expect(idsOf(await take(source, 1))).toEqual([last!.id])
  })

  test('R-EVT-5: one that is told to read again gets what it has acknowledged since then once more, and then no more', async () => {
    fresh()
    await registerConsumer(database, `${from}.things`)
    const source = await subscribed()
    await publish(event('a'))
    await take(source, 1)
    // Later than everything before, by the clock of whoever stored it.
    await new Promise((resolve) => setTimeout(resolve, 10))
    const since = new Date().toISOString()
    const events = await publish(event('a'), event('b'), event('a', 'thing.changed'))
    await take(source, 3)
    expect(await readAgain(database, since, `${from}.things`)).toBe(1)
    await source.rewind()
    expect(idsOf(await take(source, 3))).toEqual(idsOf(events))
    await source.rewind()
    const [last] = await publish(event('a'))
    expect(idsOf(await take(source, 1))).toEqual([last!.id])
  })

  test('R-EVT-2: a process that takes over goes on behind what was acknowledged', async () => {
    fresh()
    const events = await publish(...Array.from({ length: 10 }, () => event('a')))
    const one = await subscribed()
    await take(one, 10)
    const more = await publish(...Array.from({ length: 10 }, () => event('a')))
    while ((await one.next(never)).events.length === 0);
    // It was paused, or has died: it closes nothing, and acknowledges nothing.
    const other = await natsCarrier()
    const successor = await subscribed({}, other)
    expect(idsOf(await take(successor, 10))).toEqual(idsOf(more))
    expect(events).toHaveLength(10)
    await successor.close()
    await other.close()
  })

  test('nothing new is an empty batch after a while, at once when the wait is cut', async () => {
    fresh()
    const source = await subscribed()
    expect((await source.next(AbortSignal.abort())).events).toEqual([])
    const cut = new AbortController()
    const waiting = source.next(cut.signal)
    cut.abort()
    expect((await waiting).events).toEqual([])
    await publish(event('a'))
    expect(await take(source, 1)).toHaveLength(1)
  })

  test('R-EVT-2: several thousand events of many aggregates arrive each once, in batches of bounded size', async () => {
    fresh()
    const events = Array.from({ length: 3_000 }, (_, i) => event(`a${i % 100}`, 'thing.made', { i }))
    for (let i = 0; i < events.length; i += BATCH) await publish(...events.slice(i, i + BATCH))
    const source = await subscribed()
    const arrived: CarriedEvent[] = []
    while (arrived.length < events.length) {
      const { events: batch, acknowledge } = await source.next(never)
      expect(batch.length).toBeLessThanOrEqual(BATCH)
      arrived.push(...batch)
      await acknowledge()
    }
    expect(new Set(idsOf(arrived)).size).toBe(3_000)
    const last = new Map<string, number>()
    for (const { aggregateId, data } of arrived) {
      const { i } = JSON.parse(data)
      expect(i).toBeGreaterThan(last.get(aggregateId) ?? -1)
      last.set(aggregateId, i)
    }
  })

  describe('thousands of messages that a consumer does not want', () => {
    const MANY = 6 * BATCH
    const unwanted = async () => {
      const all = Array.from({ length: MANY }, (_, i) => event(`u${i % 100}`, 'thing.lost'))
      for (let i = 0; i < MANY; i += BATCH) await publish(...all.slice(i, i + BATCH))
    }
    let connection: NatsConnection
    beforeAll(async () => {
      connection = await connectToNats({ servers: nats.url! })
    })
    afterAll(() => connection?.close())
    /** How many messages NATS has brought since the consumer was last made. */
    const brought = async () => {
      const { delivered } = await (await jetstreamManager(connection)).consumers.info(stream, `${from}_things`)
      return delivered.consumer_seq
    }

    test.each(['beginning', 'now'] as const)(
      'issue 11: in front of a new one that starts at %s are passed over, not received',
      async (start) => {
        fresh()
        await unwanted()
        const first = start === 'beginning' ? await publish(event('a', 'thing.changed'), event('a')) : []
        const source = await subscribed({ start })
        const last = await publish(event('a'))
        expect(idsOf(await take(source, first.length + 1))).toEqual(idsOf([...first, ...last]))
        expect(await brought()).toBe(first.length + 1)
      },
    )

    test('issue 11: between those that it wants are passed over, and nothing else is', async () => {
      fresh()
      const wanted: CarriedEvent[] = []
      for (const type of ['thing.made', 'thing.changed', 'thing.made']) {
        wanted.push(...(await publish(event('a', type), event('b', type))))
        await unwanted()
      }
      const source = await subscribed()
      expect(idsOf(await take(source, 6))).toEqual(idsOf(wanted))
      const [last] = await publish(event('a'))
      expect(idsOf(await take(source, 1))).toEqual([last!.id])
      expect(await brought()).toBeLessThan(MANY)
      // Nothing of it comes again.
      await source.rewind()
      const [more] = await publish(event('a'))
      expect(idsOf(await take(source, 1))).toEqual([more!.id])
    })

    test('R-EVT-2: while they come, none that is published among them is lost', async () => {
      fresh()
      const source = await subscribed()
      const wanted: CarriedEvent[] = []
      const taking = (async () => {
        const ids = new Set<string>()
        while (ids.size < 60) for (const { id } of await take(source, 1)) ids.add(id)
        return [...ids]
      })()
      for (let i = 0; i < 60; i++) {
        const one = event('a', i % 2 ? 'thing.made' : 'thing.changed')
        wanted.push(one)
        await publish(...Array.from({ length: 400 }, (_, j) => event(`u${j}`, 'thing.lost')), one)
      }
      expect(await taking).toEqual(idsOf(wanted))
    })

    test('R-EVT-5: a type that a newer build wants too comes from when it takes over, between builds of both kinds', async () => {
      fresh()
      await unwanted()
      for (let i = 0; i < 3; i++) {
        const older = await subscribed({ types: ['thing.made'] })
        const [one] = await publish(event('a'))
        expect(idsOf(await take(older, 1))).toEqual([one!.id])
        await older.close()
        const meanwhile = await publish(event('a', 'thing.changed'))
        const newer = await subscribed()
        const both = await publish(event('a', 'thing.changed'), event('a'))
        expect(idsOf(await take(newer, 3))).toEqual(idsOf([...meanwhile, ...both]))
        await newer.close()
        await unwanted()
      }
    })
  })

  test('answers a ping, and in how many milliseconds', async () => {
    expect(await carrier.ping()).toBeGreaterThanOrEqual(0)
  })
})

describe.runIf(nats.url)('R-EVT-4: what NATS is told', () => {
  let connection: NatsConnection
  let carrier: Broker
  beforeAll(async () => {
    connection = await connectToNats({ servers: nats.url! })
    carrier = await natsCarrier()
  })
  afterAll(async () => {
    await carrier?.close()
    await (await jetstreamManager(connection)).streams.delete(stream).catch(() => {})
    await connection?.close()
  })
  const subscribe = async (from: string) => {
    const source = await carrier.subscribe({
      name: `${from}.things`,
      from,
      types: ['thing.made'],
      start: 'beginning',
      since: LONG_AGO,
      database,
    })
    await source.rewind()
    return source
  }

  const published = async (from: string) => {
    const jsm = await jetstreamManager(connection)
    return (await jsm.streams.getMessage(stream, { last_by_subj: `${stream}.${from}.thing.made` }))!
  }

  test('R-EVT-1 R-EVT-4: CloudEvents in binary mode: the payload is the data, attributes are headers, its id is the message’s', async () => {
    const from = `s${randomUUID()}`
    const one = event('thg 01 %é', 'thing.made', { size: 5 })
    await carrier.publish(from, [{ ...one, headers: '{"dataVersion":3}' }], never)
    const message = await published(from)
    expect(message.json()).toEqual({ size: 5 })
    const given = Object.fromEntries([...message.header].map(([name, values]) => [name, values[0]]))
    expect(given).toEqual({
      'Nats-Msg-Id': one.id,
      'ce-specversion': '1.0',
      'ce-id': encodeId('evt', one.id),
      'ce-source': `/${from}`,
      'ce-type': 'thing.made',
      'ce-subject': 'thg%2001%20%25%C3%A9',
      'ce-time': one.occurredAt,
      'ce-datacontenttype': 'application/json',
      'ce-dataschema': `urn:lintel:event:${from}:thing.made:3`,
    })
    const source = await subscribe(from)
    expect(await take(source, 1)).toEqual([{ ...one, headers: '{"dataVersion":3}' }])
    await source.close()
  })

  test('R-EVT-5: messages of earlier builds, whose payload is the whole event, are read as before', async () => {
    const from = `s${randomUUID()}`
    const one = event('thg_01', 'thing.made', { size: 5 })
    const id = encodeId('evt', one.id)
    const before = natsHeaders()
    for (const [name, value] of [
      ['ce-specversion', '1.0'],
      ['ce-id', id],
      ['ce-source', `/${from}`],
      ['ce-type', 'thing.made'],
      ['ce-subject', 'thg_01'],
      ['ce-time', one.occurredAt],
      ['content-type', 'application/json'],
    ] as const)
      before.set(name, value)
    const { type, aggregateId, occurredAt: timestamp } = one
    const whole = JSON.stringify({ id, type, aggregateId, timestamp, data: { size: 5 } })
    await jetstream(connection).publish(`${stream}.${from}.thing.made`, whole, { headers: before })
    const source = await subscribe(from)
    expect(await take(source, 1)).toEqual([one])
    await source.close()
  })

  test('R-EVT-4 R-EVT-6: trace, request and actor are headers; from others they are taken only if they are valid', async () => {
    const from = `s${randomUUID()}`
    const headers = JSON.stringify({ requestId: 'mine', traceparent: TRACEPARENT, tracestate: 'a=1', actor: 'user:u' })
    await carrier.publish(from, [{ ...event('thg_01'), headers }], never)
    const message = await published(from)
    const names = ['traceparent', 'tracestate', 'lintel-request-id', 'lintel-actor']
    expect(names.map((name) => message.header.get(name))).toEqual([TRACEPARENT, 'a=1', 'mine', 'user:u'])
    const foreign = natsHeaders()
    for (const name of message.header.keys()) if (name.startsWith('ce-')) foreign.set(name, message.header.get(name))
    foreign.set('ce-dataschema', 'urn:lintel:event:things:thing.made:many')
    foreign.set('traceparent', 'strange')
    foreign.set('lintel-request-id', 'two words')
    foreign.set('lintel-actor', 'user:v')
    await jetstream(connection).publish(`${stream}.${from}.thing.made`, message.data, { headers: foreign })
    const source = await subscribe(from)
    const taken = await take(source, 2)
    expect(taken.map((one) => JSON.parse(one.headers!))).toEqual([JSON.parse(headers), { actor: 'user:v' }])
    await source.close()
  })

  test('R-EVT-3: messages that none of us has published are passed over and counted, and hold up nothing', async () => {
    const from = `s${randomUUID()}`
    const js = jetstream(connection)
    const send = (payload: string, attributes: Record<string, string | undefined> = {}) => {
      const given = natsHeaders()
      const sound = {
        'ce-id': encodeId('evt', uuidv7()),
        'ce-type': 'thing.made',
        'ce-subject': 'thg_01',
        'ce-time': new Date().toISOString(),
        'ce-dataschema': `urn:lintel:event:${from}:thing.made:1`,
      }
      for (const [name, value] of Object.entries({ ...sound, ...attributes }))
        if (value !== undefined) given.set(name, value)
      return js.publish(`${stream}.${from}.thing.made`, payload, { headers: given })
    }
    for (const payload of ['no JSON', '', 'null', '[]', '5', '"text"']) await send(payload)
    for (const strange of [
      // Its subject says otherwise.
      { 'ce-type': 'thing.changed' },
      { 'ce-id': undefined },
      { 'ce-id': 'evt_5' },
      { 'ce-type': undefined },
      { 'ce-subject': undefined },
      // PostgreSQL takes no NUL, and fewer times than JavaScript.
      { 'ce-subject': 'thg_%00' },
      { 'ce-subject': 'thg_%' },
      { 'ce-time': undefined },
      { 'ce-time': '1' },
      { 'ce-time': 'Thu Jan 01 1970 (once)' },
      { 'ce-time': '+012345-01-01T00:00:00.000Z' },
      { 'ce-time': '2026-02-31T00:00:00.000Z' },
      // As an earlier build would have it, but without data.
      { 'ce-dataschema': undefined },
    ])
      await send('{"size":5}', strange)
    await js.publish(`${stream}.${from}.thing.made`, '{"size":5}')
    const ours = event('thg_02')
    await carrier.publish(from, [ours], never)
    const source = await subscribe(from)
    let unreadable = 0
    const taken: CarriedEvent[] = []
    while (taken.length === 0) {
      const batch = await source.next(never)
      unreadable += batch.unreadable ?? 0
      taken.push(...batch.events)
      await batch.acknowledge()
    }
    expect(idsOf(taken)).toEqual([ours.id])
    expect(unreadable).toBe(6 + 13 + 1)
    await source.close()
  })

  test('R-EVT-5: a stream that was emptied or taken away is made again, and goes on', async () => {
    const from = `s${randomUUID()}`
    const source = await subscribe(from)
    await carrier.publish(from, [event('a')], never)
    await take(source, 1)
    await (await jetstreamManager(connection)).streams.delete(stream)
    await expect(
      (async () => {
        for (;;) await source.next(never)
      })(),
    ).rejects.toThrow()
    await source.close()
    // Though nobody has published meanwhile.
    const again = await subscribe(from)
    const one = event('a')
    await carrier.publish(from, [one], never)
    expect(idsOf(await take(again, 1))).toEqual([one.id])
    await again.close()
  })
})

describe.runIf(nats.url)('R-EVT-2: a NATS server that goes and comes', () => {
  test('R-OPS-1: while it is frozen ping rejects in time, and asks once; it resolves when the server goes on', async () => {
    const server = (await testNats())!
    const carrier = await createNatsCarrier({
      url: server.url,
      stream: 'own',
      retentionMs: WEEK_MS,
      connectTimeoutMs: 5_000,
    })
    try {
      expect(await carrier.ping()).toBeGreaterThanOrEqual(0)
      server.freeze()
      for (let i = 0; i < 2; i++) await expect(carrier.ping()).rejects.toThrow('no answer in 800 ms')
      server.thaw()
      await until(() =>
        carrier.ping().then(
          () => true,
          () => false,
        ),
      )
    } finally {
      server.thaw()
      await carrier.close()
      await server.stop()
    }
  })

  test('R-OPS-1: while it is down ping and publish reject and close does not hang; what it has acknowledged is there again', async () => {
    const server = (await testNats())!
    const open = () =>
      createNatsCarrier({ url: server.url, stream: 'own', retentionMs: WEEK_MS, connectTimeoutMs: 5_000 })
    const [carrier, other] = [await open(), await open()]
    const [before, after] = [event('a'), event('a')]
    await carrier.publish('things', [before], never)
    const source = await carrier.subscribe({
      name: 'things.things',
      from: 'things',
      types: ['thing.made'],
      start: 'beginning',
      since: LONG_AGO,
      database,
    })
    await source.rewind()
    await server.kill()
    await expect(carrier.ping()).rejects.toThrow()
    await expect(carrier.publish('things', [after], never)).rejects.toThrow()
    await other.close()
    await server.start()
    await until(() =>
      carrier.ping().then(
        () => true,
        () => false,
      ),
    )
    await carrier.publish('things', [after], never)
    const arrived: CarriedEvent[] = []
    while (arrived.length < 2)
      try {
        const { events, acknowledge } = await source.next(never)
        arrived.push(...events)
        await acknowledge()
      } catch {
        await source.rewind()
      }
    expect([...new Set(idsOf(arrived))]).toEqual(idsOf([before, after]))
    await source.close()
    await server.kill()
    await carrier.close()
    await server.stop()
  })

  test('R-OPS-4: one without JetStream is refused, and no connection stays behind', async () => {
    const monitor = await freePort()
    const server = (await testNats(['-m', String(monitor)]))!
    const opening = createNatsCarrier({ url: server.url, stream: 'own', retentionMs: WEEK_MS, connectTimeoutMs: 5_000 })
    await expect(opening).rejects.toThrow()
    const connections = async () =>
      ((await (await fetch(`http://127.0.0.1:${monitor}/connz`)).json()) as { num_connections: number }).num_connections
    // The server hears of its end in its own time.
    await until(async () => (await connections()) === 0)
    await server.stop()
  })
})

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { registerConsumer } from '../src/data/inbox.ts'
import { migrate } from '../src/data/migrate.ts'
import { PLATFORM_MIGRATIONS } from '../src/data/migration-files.ts'
import type { Transaction } from '../src/data/open-transaction.ts'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { provision } from '../src/data/provision.ts'
import { transaction } from '../src/data/transaction.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import type { Carrier } from '../src/events/carrier.ts'
import { createConsumer } from '../src/events/consumer.ts'
import { createNatsCarrier } from '../src/events/nats-carrier.ts'
import { createReceiver } from '../src/events/receiver.ts'
import { createRelay } from '../src/events/relay.ts'
import { EVENT_SIZES } from '../src/start/connection-budget.ts'
import { testNats } from '../src/testing/nats.ts'
import { servedOutbox } from '../test/served-outbox.ts'
import { DATA, rawNats } from './events-raw.ts'

const HELP = `npm run bench:events -- [options]

How quickly waiting events drain from an outbox, with how much memory: to NATS, beside what it takes of the same payload by itself;
on PostgreSQL to the effects of a consumer, an insert each and many in a transaction. And how long it takes from the commit
of a change to the commit of its effect, beside a consumer that takes a second for each event; and the same with 64 clients who all
change one row, as orders of one product do, and a consumer with a batch.

  --events <n>      that wait in the outbox (100000)
  --aggregates <n>  that they belong to (10000)
  --latency <n>     changes whose effects are waited for, one every 5 ms, and as many by a crowd (2000)
  --carrier <name>  postgres or nats alone
  --json            print JSON instead of a table
  --help            print this

NATS needs nats-server on PATH. Servers and data are temporary, and durable as in production.`

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '100000' },
    aggregates: { type: 'string', default: '10000' },
    latency: { type: 'string', default: '2000' },
    carrier: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function whole(name: 'events' | 'aggregates' | 'latency'): number {
  const value = Number(values[name])
  if (Number.isInteger(value) && value > 0 && value <= 10_000_000) return value
  throw new Error(`--${name} is "${values[name]}": give a whole number from 1 to 10000000`)
}

interface Figures {
  readonly carrier: string
  readonly drainPerS: number
  /** What NATS takes of so many events by itself. */
  readonly rawPerS: number | undefined
  readonly rssStartMb: number
  readonly rssHighestMb: number
  /** Of a consumer that is new, behind all that has drained, of which it wants none. */
  readonly firstEffectMs: number
  readonly latencyMedianMs: number
  readonly latencyP99Ms: number
  /** With 64 clients whose changes wait for one row. */
  readonly crowdMedianMs: number
  readonly crowdP99Ms: number
}

interface Place {
  /** Of requests. */
  readonly requests: Database
  /** Of events: they have connections of their own, as in a service. */
  readonly database: Database
  readonly carrier: Carrier
  raw(count: number): Promise<number | undefined>
  /** Events were committed. */
  wake(): void
}

const RETENTION_MS = 86_400_000
const WRITTEN_AT_ONCE = 10_000

async function main(): Promise<void> {
  const [events, aggregates, changes] = [whole('events'), whole('aggregates'), whole('latency')]
  const names = ['postgres', 'nats'].filter((name) => values.carrier === undefined || values.carrier === name)
  if (names.length === 0) throw new Error(`--carrier is "${values.carrier}": give postgres or nats`)
  const all: Figures[] = []
  for (const name of names)
    all.push(
      await inPlace(name, async (place) => {
        say(`${name}: ${events} events are written`)
        await fill(place.database, events, aggregates)
        const drained = await drain(place, events, (left) => say(`${name}: ${left} events wait`))
        say(`${name}: by itself`)
        const rawPerS = await place.raw(Math.min(events, 20_000))
        const latency = await latencies(place, changes, (count) => say(`${name}: ${count} effects`))
        return { carrier: name, rawPerS, ...drained, ...latency }
      }),
    )
  say('')
  if (values.json) console.log(JSON.stringify(all, null, 2))
  else console.table(all)
}

/** Servers and databases of their own for one carrier. */
async function inPlace(name: string, work: (place: Place) => Promise<Figures>): Promise<Figures> {
  const dataDir = await mkdtemp(join(tmpdir(), 'lt-bench-events-'))
  const server = await startEmbeddedPostgres({ dataDir })
  const nats = name === 'nats' ? await testNats() : undefined
  try {
    if (name === 'nats' && !nats) throw new Error('there is no nats-server on PATH: --carrier postgres')
    const url = await provision(server.url, 'bench')
    await migrate(url, [PLATFORM_MIGRATIONS])
    const requests = openDatabase('bench', url)
    const database = openDatabase('bench', url, EVENT_SIZES)
    const outbox = servedOutbox(database, url, { retentionMs: RETENTION_MS })
    const carrier = nats
      ? await createNatsCarrier({ url: nats.url, stream: 'bench', retentionMs: RETENTION_MS, connectTimeoutMs: 5_000 })
      : outbox.carrier
    try {
      const raw = async (count: number) => (nats ? rawNats(nats.url, count) : undefined)
      return await work({ requests, database, carrier, raw, wake: outbox.served.wake })
    } finally {
      await carrier.close()
      await outbox.close()
      await database.close()
      await requests.close()
    }
  } finally {
    await nats?.stop()
    await server.stop()
    await rm(dataDir, { recursive: true, force: true })
  }
}

/** As the changes of many transactions would have left them: the events of one aggregate far apart. */
async function fill(database: Database, events: number, aggregates: number): Promise<void> {
  for (let from = 0; from < events; from += WRITTEN_AT_ONCE)
    await database.cells(
      `insert into lintel.outbox (id, type, aggregate_id, data)
       select gen_random_uuid(), 'order.shipped', 'ord_' || (n % $3), $4::json from generate_series($1::int, $2::int) n`,
      [from, Math.min(from + WRITTEN_AT_ONCE, events) - 1, aggregates, DATA],
    )
}

async function drain(place: Place, events: number, left: (count: number) => void) {
  globalThis.gc?.()
  const rssStart = process.memoryUsage.rss()
  let rssHighest = rssStart
  const started = performance.now()
  const relay = relayTo(place.carrier, place.database)
  const { done, stop } = relay ? { done: () => relay.published, stop: relay.stop } : await drainedBy(place)
  for (let i = 0; done() < events; i++) {
    await delay(10)
    rssHighest = Math.max(rssHighest, process.memoryUsage.rss())
    if (i % 50 === 0) left(events - done())
  }
  const seconds = (performance.now() - started) / 1000
  await stop()
  return {
    drainPerS: Math.round(events / seconds),
    rssStartMb: Math.round(rssStart / 2 ** 20),
    rssHighestMb: Math.round(rssHighest / 2 ** 20),
  }
}

const failed = (error: unknown) => console.error(error)

function relayTo(carrier: Carrier, database: Database) {
  return carrier.name === 'nats' ? createRelay({ database, carrier, failed }) : undefined
}

interface Consuming {
  readonly name: string
  readonly types: readonly string[]
  readonly start: 'beginning' | 'now'
  readonly batch?: number
  handle(aggregateId: string, tx: Transaction): Promise<unknown>
  /** Told when the effect has committed. */
  committed?(aggregateId: string): void
}

/** Receives events, and handles them. */
function consume({ database, carrier }: Place, consuming: Consuming) {
  const { name, types, start, batch = 1, handle, committed } = consuming
  const consumer = createConsumer<{ tx: Transaction; handled: string[] }>({
    name,
    types,
    database,
    async run(work) {
      const handled: string[] = []
      const begun = (tx: Transaction) => {
        handled.length = 0
        return work({ tx, handled })
      }
      const result = await transaction(database, begun, {}, { share: name })
      for (const id of handled) committed?.(id)
      return result
    },
    async handle({ aggregateId }, { tx, handled }) {
      await handle(aggregateId, tx)
      handled.push(aggregateId)
    },
    failed,
    attempts: 3,
    batch,
    graceMs: 0,
  })
  const subscription = { name, from: 'bench', types, start }
  const { take, wake: received } = consumer
  const receiver = createReceiver({ database, carrier, subscription, take, received, failed })
  return {
    done: () => consumer.handled,
    stop: async () => {
      await Promise.all([receiver.stop(), consumer.stop()])
    },
  }
}

/** Many in a transaction, an insert each. */
async function drainedBy(place: Place) {
  await place.database.cells('create table drained (aggregate_id text not null)')
  return consume(place, {
    name: 'bench.drain',
    types: ['order.shipped'],
    start: 'beginning',
    batch: 100,
    handle: (id, tx) => tx.cells('insert into drained (aggregate_id) values ($1)', [id]),
  })
}

const EVERY_MS = 5
const CROWD = 64
/** Of each event that another consumer handles at the same time. */
const SLOW_MS = 1_000

/** From the moment a change is committed until its effect is, through relay, carrier, receiver and consumer, beside a slow consumer. */
async function latencies(place: Place, changes: number, had: (count: number) => void) {
  const { requests, database, carrier, wake } = place
  await database.cells('create table effects (aggregate_id text not null)')
  await database.cells('create table products as select 0 as sold')
  const committedAt = new Map<string, number>()
  const tookMs: number[] = []
  for (const name of ['bench.effects', 'bench.crowd', 'bench.slow']) await registerConsumer(database, name)
  const relay = relayTo(carrier, database)
  const types = ['order.created']
  const effect = {
    start: 'now',
    handle: (id: string, tx: Transaction) => tx.cells('insert into effects (aggregate_id) values ($1)', [id]),
    committed: (id: string) => tookMs.push(performance.now() - committedAt.get(id)!),
  } as const
  const effectsOf = consume(place, { ...effect, name: 'bench.effects', types })
  const crowdOf = consume(place, { ...effect, name: 'bench.crowd', types: ['product.sold'], batch: 100 })
  const slow = consume(place, { name: 'bench.slow', types, start: 'now', handle: () => delay(SLOW_MS) })
  const change = async (id: string, isOfCrowd = false) => {
    const work = async (tx: Transaction) => {
      if (isOfCrowd) await tx.cells('update products set sold = sold + 1')
      tx.emit({ type: isOfCrowd ? 'product.sold' : 'order.created', aggregateId: id, data: DATA })
    }
    await transaction(requests, work, {}, { share: 'changes' })
    committedAt.set(id, performance.now())
    relay?.wake()
    wake()
  }
  const effects = async (count: number) => {
    const end = performance.now() + 60_000
    while (tookMs.length < count && performance.now() < end) await delay(20)
  }
  await change('first')
  await effects(1)
  const [firstEffectMs = Number.NaN] = tookMs.splice(0)
  for (let i = 0; i < changes; i++) {
    await change(`late_${i}`)
    await delay(EVERY_MS)
    if (i % 200 === 0) had(tookMs.length)
  }
  await effects(changes)
  const one = sharesOf(tookMs.splice(0), changes)
  let crowded = 0
  const client = async () => {
    while (crowded < changes) await change(`crowd_${crowded++}`, true)
  }
  await Promise.all(Array.from({ length: CROWD }, client))
  await effects(changes)
  await Promise.all([relay?.stop(), effectsOf.stop(), crowdOf.stop(), slow.stop()])
  const crowd = sharesOf(tookMs, changes)
  return {
    firstEffectMs: Math.round(firstEffectMs),
    latencyMedianMs: one.median,
    latencyP99Ms: one.p99,
    crowdMedianMs: crowd.median,
    crowdP99Ms: crowd.p99,
  }
}

function sharesOf(tookMs: number[], expected: number) {
  if (tookMs.length !== expected) throw new Error(`${tookMs.length} of ${expected} effects came`)
  tookMs.sort((a, b) => a - b)
  const at = (share: number) => Math.round(tookMs[Math.floor((tookMs.length - 1) * share)]! * 10) / 10
  return { median: at(0.5), p99: at(0.99) }
}

/** What is going on, in one line of the terminal; nothing where nobody looks. */
function say(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`)
}

if (values.help) console.log(HELP)
else
  await main().catch((error) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  })

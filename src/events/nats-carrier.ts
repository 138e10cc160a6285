import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node'
import { decodeId, encodeId } from '../base/ids.ts'
import {
  BATCH,
  type Batch,
  type CarriedEvent,
  type Carrier,
  type Source,
  type Subscription,
  WAIT_MS,
} from './carrier.ts'

export interface NatsCarrierOptions {
  readonly url: string
  /** Name of the stream, and first word of its subjects: `lintel`. */
  readonly stream: string
  readonly retentionMs: number
  readonly connectTimeoutMs: number
}

/** Publishes at once; of one aggregate never more than one, or a lost one would be overtaken. */
const IN_FLIGHT = 256
const PUBLISH_TIMEOUT_MS = 5_000
const NS_PER_MS = 1_000_000

/** Events over NATS JetStream (2.9 or newer), in one stream, deduplicated by their ids. */
export async function createNatsCarrier(options: NatsCarrierOptions): Promise<Carrier> {
  const connection = await connect({
    servers: options.url.split(','),
    name: options.stream,
    timeout: options.connectTimeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
  })
  const js = jetstream(connection, { timeout: PUBLISH_TIMEOUT_MS })
  const jsm = await jetstreamManager(connection, { checkAPI: false, timeout: PUBLISH_TIMEOUT_MS })
  const stream = streamKeeper(jsm, options)
  const sources = new Set<NatsSource>()
  // What was on its way when a connection ended is lost, and the server may have come back with another store.
  void watch(connection, () => {
    stream.forget()
    for (const source of sources) source.lose(new Error('the connection to NATS was made anew'))
  })
  await stream.ensure().catch(async (error) => {
    await connection.close()
    throw error
  })

  return {
    name: 'nats',
    async publish<E extends CarriedEvent>(from: string, events: readonly E[], signal: AbortSignal) {
      await stream.ensure()
      const done = new Set<E>()
      let failure: unknown
      await inChains(events, signal, async (event) => {
        try {
          await js.publish(`${options.stream}.${from}.${event.type}`, envelope(event), {
            msgID: event.id,
            headers: cloudEventHeaders(from, event),
          })
          done.add(event)
          return true
        } catch (error) {
          failure ??= error
          stream.forget()
          return false
        }
      })
      if (done.size === 0 && failure !== undefined) throw failure
      return events.filter((event) => done.has(event))
    },
    async subscribe(subscription) {
      // It may have been taken away, and perhaps nobody has published since.
      stream.forget()
      await stream.ensure()
      const source = natsSource(js, jsm, options.stream, subscription, () => sources.delete(source))
      sources.add(source)
      return source
    },
    async ping() {
      if (connection.isClosed()) throw new Error('the connection to NATS is closed')
      return connection.rtt()
    },
    // The stream has an age of its own.
    sweep: async () => {},
    async close() {
      // Nothing is under way any more; a server that is away would keep a drain waiting.
      await connection.close()
    },
  }
}

async function watch(connection: NatsConnection, reconnected: () => void): Promise<void> {
  for await (const { type } of connection.status()) if (type === 'reconnect') reconnected()
}

/** Makes the stream where it is missing; one that the operator made is left as it is. */
function streamKeeper(jsm: JetStreamManager, { stream, retentionMs }: NatsCarrierOptions) {
  let ensured: Promise<unknown> | undefined
  async function make() {
    try {
      await jsm.streams.info(stream)
    } catch (error) {
      if (!isNotFound(error)) throw error
      await jsm.streams.add({ name: stream, subjects: [`${stream}.>`], max_age: retentionMs * NS_PER_MS })
    }
  }
  return {
    ensure(): Promise<unknown> {
      ensured ??= make().catch((error) => {
        ensured = undefined
        throw error
      })
      return ensured
    },
    forget() {
      ensured = undefined
    },
  }
}

/** `code` of the library's errors is JetStream's own number; what HTTP would say is the status. */
function isNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status === 404
}

/** Does one after another within each aggregate, and aggregates side by side; one that fails ends its chain. */
async function inChains<E extends CarriedEvent>(
  events: readonly E[],
  signal: AbortSignal,
  send: (event: E) => Promise<boolean>,
): Promise<void> {
  const byAggregate = new Map<string, E[]>()
  for (const event of events) {
    const chain = byAggregate.get(event.aggregateId)
    if (chain) chain.push(event)
    else byAggregate.set(event.aggregateId, [event])
  }
  const chains = [...byAggregate.values()]
  let next = 0
  async function work() {
    for (let chain = chains[next++]; chain; chain = chains[next++])
      for (const event of chain) if (signal.aborted || !(await send(event))) break
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, chains.length) }, work))
}

/** As SPEC R-EVT-1 shows an event. `data` is JSON text already. */
function envelope({ id, type, aggregateId, occurredAt, data }: CarriedEvent): string {
  const head = JSON.stringify({ id: encodeId('evt', id), type, aggregateId, timestamp: occurredAt })
  return `${head.slice(0, -1)},"data":${data}}`
}

/** CloudEvents 1.0, the binding for NATS. */
function cloudEventHeaders(from: string, { id, type, aggregateId, occurredAt }: CarriedEvent): MsgHdrs {
  const all = headers()
  all.set('ce-specversion', '1.0')
  all.set('ce-id', encodeId('evt', id))
  all.set('ce-source', `/${from}`)
  all.set('ce-type', type)
  all.set('ce-subject', aggregateId)
  all.set('ce-time', occurredAt)
  all.set('content-type', 'application/json')
  return all
}

/**
 * Undefined for what none of us has published: anybody may write to the stream, and what the inbox can't store would hold
 * up everything behind it.
 */
function eventOf(message: JsMsg): CarriedEvent | undefined {
  try {
    const { id, type, aggregateId, timestamp, data } = message.json<Record<string, unknown>>()
    if (![id, type, aggregateId, timestamp].every((text) => typeof text === 'string')) return undefined
    const uuid = decodeId('evt', id as string)
    if (uuid === undefined || !isTime(timestamp as string)) return undefined
    // PostgreSQL takes no NUL in text.
    if ((aggregateId as string).includes('\0') || typeof data !== 'object' || data === null) return undefined
    return {
      id: uuid,
      type: type as string,
      aggregateId: aggregateId as string,
      occurredAt: timestamp as string,
      data: JSON.stringify(data),
    }
  } catch {
    return undefined
  }
}

/** As we write it, to the millisecond; JavaScript reads more than PostgreSQL does, and rolls the 31st of February over. */
function isTime(text: string): boolean {
  const time = new Date(text)
  return !Number.isNaN(time.getTime()) && /^\d{4}-/.test(text) && time.toISOString() === text
}

interface NatsSource extends Source {
  /** From now on `next` rejects, until it is rewound. */
  lose(reason: Error): void
}

/**
 * A durable consumer with explicit acknowledgement. JetStream brings again what was not acknowledged, but after what came
 * later: so wherever something may have been lost on the way, the consumer is made anew behind what it has acknowledged.
 */
function natsSource(
  js: JetStreamClient,
  jsm: JetStreamManager,
  stream: string,
  { name, from, types, start, since }: Subscription,
  closed: () => void,
): NatsSource {
  const durable = name.replaceAll('.', '_')
  let messages: ConsumerMessages | undefined
  let expected = 1
  let lost: Error | undefined
  let waiting: JsMsg[] = []
  let endWait: (() => void) | undefined

  function config(from: Partial<ConsumerConfig>): Partial<ConsumerConfig> {
    return {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      filter_subject: subject,
      // So much is in memory at most.
      max_ack_pending: 2 * BATCH,
      max_deliver: -1,
      ack_wait: 30_000 * NS_PER_MS,
      ...from,
    }
  }
  const subject = `${stream}.${from}.>`
  const fromStart = (): Partial<ConsumerConfig> =>
    start === 'beginning'
      ? { deliver_policy: DeliverPolicy.All }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since }

  async function known(): Promise<ConsumerInfo | undefined> {
    return jsm.consumers.info(stream, durable).catch((error) => {
      if (isNotFound(error)) return undefined
      throw error
    })
  }

  /** The consumer, with nothing under way; answers the number that its next message has. */
  async function settle(): Promise<number> {
    const info = await known()
    if (info && info.num_ack_pending === 0 && info.num_redelivered === 0) return info.delivered.consumer_seq + 1
    if (info) await jsm.consumers.delete(stream, durable)
    const floor = info?.ack_floor.stream_seq ?? 0
    await jsm.consumers.add(
      stream,
      config(floor > 0 ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: floor + 1 } : fromStart()),
    )
    return 1
  }

  function take(message: JsMsg): void {
    if (message.info.deliverySequence !== expected) lose(new Error(`messages of ${name} were lost on their way`))
    expected = message.info.deliverySequence + 1
    waiting.push(message)
    endWait?.()
  }

  function lose(reason: Error): void {
    lost ??= reason
    endWait?.()
  }

  async function stop(): Promise<void> {
    const stopped = messages
    messages = undefined
    waiting = []
    await stopped?.close()
  }

  async function watchMessages(watched: ConsumerMessages): Promise<void> {
    for await (const { type } of watched.status())
      if (type === 'consumer_deleted' || type === 'consumer_not_found' || type === 'stream_not_found')
        if (messages === watched) lose(new Error(`NATS no longer knows the consumer ${name}`))
  }

  function wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (waiting.length > 0 || lost || signal.aborted) return resolve()
      const timer = setTimeout(done, WAIT_MS)
      signal.addEventListener('abort', done, { once: true })
      endWait = done
      function done() {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        endWait = undefined
        resolve()
      }
    })
  }

  return {
    async rewind() {
      await stop()
      lost = undefined
      expected = await settle()
      const consumer = await js.consumers.get(stream, durable)
      messages = await consumer.consume({ max_messages: BATCH, callback: take })
      void watchMessages(messages)
    },
    async next(signal): Promise<Batch> {
      await wait(signal)
      if (lost) throw lost
      const batch = waiting.slice(0, BATCH)
      waiting = waiting.slice(BATCH)
      const events = batch.map(eventOf).filter((event) => event !== undefined && types.includes(event.type))
      return {
        events: events as CarriedEvent[],
        acknowledge: async () => {
          const last = batch.pop()
          for (const message of batch) message.ack()
          // The server takes them in order: once it confirms the last, it has them all.
          await last?.ackAck()
        },
      }
    },
    async close() {
      await stop()
      closed()
    },
    lose,
  }
}

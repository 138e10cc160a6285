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
} from '@nats-io/jetstream'
import { createRest } from '../base/rest.ts'
import { BATCH, type Batch, type CarriedEvent, type Source, type Subscription, WAIT_MS } from './carrier.ts'
import { eventIn, isBinary } from './nats-headers.ts'

export const NS_PER_MS = 1_000_000

/**
 * A server that is deleting a stream may end before it has told those who wait. After two heartbeats that do not come the
 * library asks whether the consumer is still there: by its own default only after 30 s.
 */
const HEARTBEAT_MS = 3_000

export interface NatsSource extends Source {
  /** From now on `next` rejects, until it is rewound. */
  lose(reason: Error): void
}

/**
 * A durable consumer with explicit acknowledgement. JetStream brings again what was not acknowledged, but after what came
 * later: so wherever something may have been lost on the way, the consumer is made anew behind what it has acknowledged.
 */
export function natsSource(
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
  const rest = createRest()

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
    rest.end()
  }

  function lose(reason: Error): void {
    lost ??= reason
    rest.end()
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

  return {
    async rewind() {
      await stop()
      lost = undefined
      expected = await settle()
      const consumer = await js.consumers.get(stream, durable)
      messages = await consumer.consume({ max_messages: BATCH, idle_heartbeat: HEARTBEAT_MS, callback: take })
      void watchMessages(messages)
    },
    async next(signal): Promise<Batch> {
      if (waiting.length === 0 && !lost) await rest.take(WAIT_MS, signal)
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

/** `code` of the library's errors is JetStream's own number; what HTTP would say is the status. */
export function isNotFound(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status === 404
}

/**
 * Undefined for what none of us has published: anybody may write to the stream, and what the inbox can't store would hold
 * up everything behind it.
 */
function eventOf(message: JsMsg): CarriedEvent | undefined {
  const { headers } = message
  if (headers === undefined) return undefined
  try {
    const payload = message.json<Record<string, unknown> | null>()
    const data = isBinary(headers) ? payload : payload?.data
    return typeof data === 'object' && data !== null && !Array.isArray(data)
      ? eventIn(headers, JSON.stringify(data))
      : undefined
  } catch {
    return undefined
  }
}

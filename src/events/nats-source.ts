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
  type NextMsgRequest,
} from '@nats-io/jetstream'
import { createRest } from '../base/rest.ts'
import { readsAgain, toReadAgain } from '../data/places.ts'
import { BATCH, type Batch, type CarriedEvent, type Source, type Subscription, WAIT_MS } from './carrier.ts'
import { eventIn, isBinary } from './nats-headers.ts'

export const NS_PER_MS = 1_000_000

/**
 * A server that is deleting a stream may end before it has told those who wait. After two heartbeats that do not come the
 * library asks whether the consumer is still there: by its own default only after 30 s.
 */
const HEARTBEAT_MS = 3_000

/** Fewer messages that nobody wants are received and dropped: to make the consumer anew behind them would take longer. */
const WORTH_SKIPPING = 2 * BATCH

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
  { name, from, types, start, since, database }: Subscription,
  closed: () => void,
): NatsSource {
  const durable = name.replaceAll('.', '_')
  let messages: ConsumerMessages | undefined
  let expected = 1
  let lost: Error | undefined
  let waiting: JsMsg[] = []
  /** What was stored last is being acknowledged, while what comes next is handled. */
  let acknowledged: Promise<unknown> = Promise.resolve()
  /** What comes for an earlier one was under way when it ended, and comes again. */
  let session = 0
  const rest = createRest()

  function config(from: Partial<ConsumerConfig>): Partial<ConsumerConfig> {
    return {
      durable_name: durable,
      ack_policy: AckPolicy.Explicit,
      filter_subject: subjectOf('>'),
      // So much is in memory at most.
      max_ack_pending: 2 * BATCH,
      max_deliver: -1,
      ack_wait: 30_000 * NS_PER_MS,
      ...from,
    }
  }
  const subjectOf = (type: string) => `${stream}.${from}.${type}`
  const fromStart = (): Partial<ConsumerConfig> =>
    start === 'beginning' ? { deliver_policy: DeliverPolicy.All } : fromTime(since)

  async function known(): Promise<ConsumerInfo | undefined> {
    return jsm.consumers.info(stream, durable).catch((error) => {
      if (isNotFound(error)) return undefined
      throw error
    })
  }

  /** The consumer, with nothing under way, and not in front of many messages that it does not want; answers the number that its next message has. */
  async function settle(): Promise<number> {
    const again = await toReadAgain(database, name)
    const had = await known()
    if (again !== undefined && had) await jsm.consumers.delete(stream, durable)
    const info =
      again === undefined && had
        ? had
        : await jsm.consumers.add(stream, config(again === undefined ? fromStart() : fromTime(again)))
    if (again !== undefined) await readsAgain(database, name, again)
    const isAtRest = info.num_ack_pending === 0 && info.num_redelivered === 0
    const asItIs = info.delivered.consumer_seq + 1
    if (isAtRest && info.num_pending <= WORTH_SKIPPING) return asItIs
    const behind = info.ack_floor.stream_seq
    const next = await nextWanted(behind)
    if (isAtRest && next - behind <= WORTH_SKIPPING) return asItIs
    await jsm.consumers.delete(stream, durable)
    await jsm.consumers.add(stream, config({ deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: next }))
    return 1
  }

  /**
   * Where the first message of a type that is wanted stands behind that one; behind the last of all where there is none yet. A filter for
   * these types alone would take NATS 2.10, and would have to follow what each build of a consumer wants.
   */
  async function nextWanted(behind: number): Promise<number> {
    // First, so that what comes meanwhile stands behind it.
    const { state } = await jsm.streams.info(stream)
    const found = await Promise.all(
      types.map((type) => {
        // The library's type leaves out that a server takes both.
        const query: { seq: number } & NextMsgRequest = { seq: behind + 1, next_by_subj: subjectOf(type) }
        return jsm.streams.getMessage(stream, query)
      }),
    )
    return Math.min(Math.max(state.last_seq, behind) + 1, ...found.flatMap((message) => (message ? [message.seq] : [])))
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
    session++
    waiting = []
    await acknowledged.catch(() => {})
    acknowledged = Promise.resolve()
    await stopped?.close()
  }

  async function watchMessages(watched: ConsumerMessages): Promise<void> {
    for await (const { type } of watched.status())
      if (type === 'consumer_deleted' || type === 'consumer_not_found' || type === 'stream_not_found')
        if (messages === watched) lose(new Error(`NATS no longer knows the consumer ${name}`))
  }

  async function rewind(): Promise<void> {
    await stop()
    const own = session
    lost = undefined
    expected = await settle()
    const consumer = await js.consumers.get(stream, durable)
    messages = await consumer.consume({
      max_messages: BATCH,
      idle_heartbeat: HEARTBEAT_MS,
      callback: (message) => {
        if (own === session) take(message)
      },
    })
    void watchMessages(messages)
  }

  return {
    rewind,
    async next(signal): Promise<Batch> {
      if (waiting.length === 0 && !lost) await rest.take(WAIT_MS, signal)
      if (lost) throw lost
      const batch = waiting.slice(0, BATCH)
      waiting = waiting.slice(BATCH)
      const read = batch.map(eventOf)
      const sound = read.filter((event, i) => event !== undefined && batch[i]!.subject === subjectOf(event.type))
      const events = (sound as CarriedEvent[]).filter(({ type }) => types.includes(type))
      const isUnwanted = batch.length === BATCH && events.length === 0
      return {
        events,
        unreadable: batch.length - sound.length,
        acknowledge: async () => {
          await acknowledged
          const last = batch.pop()
          for (const message of batch) message.ack()
          // The server takes them in order: once it confirms the last, it has them all.
          acknowledged = last?.ackAck() ?? Promise.resolve()
          acknowledged.catch(lose)
          // Nobody handles anything meanwhile, and more comes together.
          if (events.length === 0) await acknowledged
          if (isUnwanted && (await nextWanted(last!.seq)) - last!.seq > WORTH_SKIPPING) await rewind()
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

function fromTime(time: string): Partial<ConsumerConfig> {
  return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time }
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

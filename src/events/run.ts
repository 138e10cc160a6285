import { type Caller, serviceCaller } from '../auth/caller.ts'
import { encodeId } from '../base/ids.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import type { Contract } from '../contract/contract.ts'
import { type InboxState, inboxState, registerConsumer } from '../data/inbox.ts'
import type { Transaction } from '../data/open-transaction.ts'
import { NOTHING_WAITS, notifyCommitted, type OutboxState, outboxState } from '../data/outbox.ts'
import { forgetPlaces } from '../data/places.ts'
import type { Database } from '../data/pool.ts'
import { overdueReaders } from '../data/readers.ts'
import type { HeldUp } from '../data/settling.ts'
import type { Log } from '../observe/log.ts'
import type { CarriedEvent, Carrier } from './carrier.ts'
import { type Consumer, createConsumer } from './consumer.ts'
import type { Time } from './handler-time.ts'
import { CausedContext, type EventContext } from './headers.ts'
import { createReceiver, type Receiver } from './receiver.ts'
import { createRelay } from './relay.ts'
import type { ServedEvents } from './serve-events.ts'

/** The way of a service's events: out of its outbox, and from others into its inbox and to its handlers. */
export interface RunningEvents {
  /** Events were committed. */
  wake(): void
  /** Something that this process cannot know of may be there: to publish, to read or to handle. */
  heard(): void
  /** Resolves when what is there has gone out, and what has arrived is handled. */
  idle(): Promise<void>
  state(): Promise<EventsState>
  stop(): Promise<void>
}

export interface EventsState {
  readonly outbox: OutboxState & {
    /** The transaction for which they wait, as far as this process knows. */
    readonly heldUp: HeldUp | undefined
  }
  readonly inbox: readonly InboxState[]
  /** Consumers of this service's events that have not read some for longer than these are kept for: they stay until then. */
  readonly overdue: readonly string[]
  /** Why events do not arrive, by the consumer; those of whom this process knows nothing are left out. */
  readonly troubles: ReadonlyMap<string, string>
  /** Since this process began. */
  readonly published: number
  readonly handled: number
  readonly failures: number
  readonly redelivered: number
  /** Messages of the broker that are no events. */
  readonly unreadable: number
}

export interface EventsOptions<B extends Begun> {
  /** On connections of its own: what handlers wait for must not keep requests waiting. */
  readonly database: Database
  readonly carrier: Carrier
  /** Who reads the outbox: what they have not read is kept. */
  readonly readers: readonly string[]
  /** What consumers read of them, without a broker. */
  readonly served: ServedEvents | undefined
  /** Told of a transaction that has kept readers waiting for a second. */
  readonly heldUp: (by: HeldUp) => void
  /**
   * Runs work in a transaction of the service's, on the connections that `consumer` shares with no other: a slow one leaves some to the
   * rest. For whom the work is, is known once an event is claimed in it.
   */
  readonly run: <T>(work: (begun: B) => Promise<T>, consumer: string) => Promise<T>
  /** Handles an event for the consumer that has this key in the contract. */
  readonly handle: (key: string, event: CarriedEvent, begun: B, handling: Handling) => Promise<void>
  /** Keys of the consumers whose events wait in the inbox, since what their handlers need is not there. */
  readonly waiting: ReadonlySet<string>
  readonly log: Log
  readonly retentionMs: number
  readonly graceMs: number
}

/** A transaction has begun. */
export interface Begun {
  readonly tx: Transaction
}

/** What goes with an event to its handler. */
export interface Handling {
  /** Of the request that caused it. */
  readonly context: EventContext
  /** Makes the log whose lines are about the event. */
  readonly log: () => Log
  readonly time: Time
}

/** Notes which consumers there are, before the first event that they must hear of. */
export async function registerConsumers(contract: Contract, database: Database): Promise<void> {
  for (const key of Object.keys(contract.consumers)) await registerConsumer(database, `${contract.name}.${key}`)
}

export function runEvents<B extends Begun>(contract: Contract, options: EventsOptions<B>): RunningEvents {
  const { database, carrier, log, retentionMs, graceMs } = options
  const { readers, served, heldUp } = options
  const relay =
    carrier.name === 'nats'
      ? createRelay({
          database,
          carrier,
          graceMs,
          failed: (error) => log.warn(error, 'could not publish events; will retry'),
          heldUp,
        })
      : undefined
  if (relay) forgetPlaces(database).catch((error) => log.warn(error, 'could not forget how far consumers have read'))
  const consumers = Object.entries<ConsumerSpec>(contract.consumers).map(([key, spec]) =>
    runConsumer(contract.name, key, spec, options),
  )
  const sum = (count: (one: (typeof consumers)[number]) => number) =>
    consumers.reduce((all, one) => all + count(one), 0)
  const lagOf = (consumer: string) => consumers.find(({ name }) => name === consumer)?.receiver.lagMs ?? 0
  return {
    wake: () => relay?.wake(),
    heard() {
      relay?.wake()
      for (const { receiver, consumer } of consumers) {
        receiver.wake()
        consumer?.wake()
      }
    },
    async idle() {
      await relay?.idle()
      await Promise.all(consumers.map(({ receiver }) => receiver.idle()))
      await Promise.all(consumers.map(({ consumer }) => consumer?.idle()))
    },
    async state() {
      const [outbox, inbox, overdue] = await Promise.all([
        relay ? outboxState(database) : NOTHING_WAITS,
        inboxState(database),
        relay ? [] : overdueReaders(database, readers, retentionMs),
      ])
      return {
        outbox: { ...outbox, heldUp: (relay ?? served)?.heldUp },
        inbox: inbox.map((one) => ({ ...one, lagMs: Math.max(one.lagMs, lagOf(one.consumer)) })),
        overdue,
        troubles: new Map(consumers.flatMap(({ name, receiver: { trouble } }) => (trouble ? [[name, trouble]] : []))),
        published: relay?.published ?? served?.served ?? 0,
        handled: sum(({ consumer }) => consumer?.handled ?? 0),
        failures: sum(({ consumer }) => consumer?.failures ?? 0),
        redelivered: sum(({ receiver }) => receiver.redelivered),
        unreadable: sum(({ receiver }) => receiver.unreadable),
      }
    },
    async stop() {
      await Promise.all([
        relay?.stop(),
        ...consumers.flatMap(({ receiver, consumer }) => [receiver.stop(), consumer?.stop()]),
      ])
    },
  }
}

function runConsumer<B extends Begun>(
  service: string,
  key: string,
  { from, events, start, attempts, timeoutMs, batch }: ConsumerSpec,
  { database, carrier, run, handle, waiting, log, graceMs }: EventsOptions<B>,
): { name: string; receiver: Receiver; consumer: Consumer | undefined } {
  const name = `${service}.${key}`
  const caller = serviceCaller(service)
  const types = Object.keys(events)
  const consumer = waiting.has(key)
    ? undefined
    : createConsumer<B>({
        name,
        types,
        database,
        run: (work) => run(work, name),
        attempts,
        // The statements of each are reported as its own.
        batch: database.onBehalfOf === undefined ? batch : 1,
        handlerTimeoutMs: timeoutMs,
        graceMs,
        busy: () => void notifyCommitted(database).catch(() => {}),
        handle(event, begun, time) {
          const context = contextOf(event, caller)
          const ownLog = () => log.child(linesOf(name, event, context))
          return handle(key, event, begun, { context, log: ownLog, time })
        },
        failed(error, event, dead) {
          const about = {
            ...(event ? linesOf(name, event, contextOf(event, caller)) : { consumer: name }),
            err: error,
          }
          if (!event) log.warn(about, 'could not read the inbox')
          else if (dead)
            log.error(
              about,
              `event moved to dead letters after ${event.attempts + 1} attempts; see \`lintel events dead list\``,
            )
          else log.warn({ ...about, attempts: event.attempts + 1 }, 'event handler failed; will retry')
        },
      })
  const receiver = createReceiver({
    database,
    carrier,
    subscription: { name, from, types, start },
    take: consumer?.take,
    received: () => consumer?.wake(),
    failed: (error) => log.warn({ consumer: name, err: error }, 'could not receive events; will retry'),
    unreadable: (count) =>
      log.warn(
        { consumer: name, from, count },
        'messages came that are no events as that service publishes them; passed over',
      ),
  })
  return { name, receiver, consumer }
}

/** An event is handled on behalf of the request that caused it. */
function contextOf({ id, headers }: CarriedEvent, caller: Caller): EventContext {
  return new CausedContext(caller, headers, () => encodeId('evt', id))
}

/** What the lines about an event have in common. */
function linesOf(consumer: string, { id, type }: CarriedEvent, { requestId, trace }: EventContext) {
  return { consumer, event: encodeId('evt', id), type, requestId, ...(trace && { traceId: trace.traceId }) }
}

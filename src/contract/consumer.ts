import type { EventSpec } from './event.ts'
import { type KnownMembers, onlyKnown } from './known-members.ts'

/** What a service consumes: some events of one service, in the order of each aggregate; `Own` are types of its own. */
export interface ConsumerSpec<E extends EventSpecs = any, Own extends string = any> {
  /** The service that publishes them. */
  readonly from: string
  readonly events: E
  /** Types of the service's own events, whose contract has them; empty where they are another's. */
  readonly own: readonly Own[]
  readonly start: 'beginning' | 'now'
  readonly attempts: number
  readonly timeoutMs: number
  readonly batch: number
}

export interface ConsumerOptions {
  /**
   * Where a consumer that is new begins: with all events that are kept, as one that builds a copy of what it hears of must
   * (the default), or with those that come from now on, as one that sends mail should.
   */
  readonly start?: 'beginning' | 'now'
  /** How often an event is tried, with growing delays, before it is a dead letter; 15, which take some 25 minutes. */
  readonly attempts?: number
  /** How long the handler of an event may take; 20,000, and 25,000 at most: less than PostgreSQL gives a transaction that does nothing. */
  readonly timeoutMs?: number
  /**
   * How many events may be handled in one transaction while many come; 1, and 100 at most. Those of one aggregate are handled in order.
   * For handlers that only write to the database of their service, and lock no rows that those of other events lock in another order:
   * the slowest holds up the rest, and where one fails all are undone, and handled one by one.
   */
  readonly batch?: number
}

/** What publishes: a contract. */
export interface Publisher<E extends EventSpecs> {
  readonly name: string
  readonly events: E
}

type EventSpecs = Readonly<Record<string, EventSpec<any, any>>>

const OPTIONS: KnownMembers<ConsumerOptions> = { start: true, attempts: true, timeoutMs: true, batch: true }

/** Declares a consumer of another service's events: `consumers: { buyers: consumer(users, ['user.created', 'user.deleted']) }`. */
export function consumer<E extends EventSpecs, T extends keyof E & string>(
  publisher: Publisher<E>,
  types: readonly T[],
  options: ConsumerOptions = {},
): ConsumerSpec<Pick<E, T>, never> {
  const { name: from, events } = publisher
  return { from, events: some(events, types), own: [], ...settings(`consumer of "${from}"`, options) }
}

/** Declares a consumer of the service's own events: `consumers: { confirmations: ownConsumer(['order.created']) }`. */
export function ownConsumer<const T extends string>(
  types: readonly T[],
  options: ConsumerOptions = {},
): ConsumerSpec<{}, T> {
  return { from: OWN, events: {}, own: types, ...settings('ownConsumer', options) }
}

/** No service is called so; its contract gives the name. */
const OWN = ''

function settings(where: string, options: ConsumerOptions): Required<ConsumerOptions> {
  onlyKnown(where, options, OPTIONS)
  const { start = 'beginning', attempts = 15, timeoutMs = 20_000, batch = 1 } = options
  return { start, attempts, timeoutMs, batch }
}

/** Consumers of a contract, with the service's own events where they want those. */
export function withOwnEvents<C extends Readonly<Record<string, ConsumerSpec>>>(
  consumers: C,
  { name, events }: Publisher<EventSpecs>,
): C {
  const whole = Object.entries(consumers).map(([key, spec]) => [
    key,
    spec.from === OWN ? { ...spec, from: name, events: some(events, spec.own) } : spec,
  ])
  return Object.fromEntries(whole)
}

/** A type that there is not is there all the same, as undefined: the rules of the contract name it. */
function some<E extends EventSpecs, T extends string>(events: E, types: readonly T[]): Pick<E, T> {
  return Object.fromEntries(
    types.map((type) => [type, Object.hasOwn(events, type) ? events[type] : undefined]),
  ) as Pick<E, T>
}

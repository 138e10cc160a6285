import type { EventSpec } from './event.ts'
import { type KnownMembers, onlyKnown } from './known-members.ts'

/** What a service consumes: some events of one service, its own or another's, in the order of each aggregate. */
export interface ConsumerSpec<E extends Readonly<Record<string, EventSpec<any>>> = any> {
  /** The service that publishes them. */
  readonly from: string
  readonly events: E
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

/** What publishes: a contract, or, for a service that consumes its own events, its name and them. */
export interface Publisher<E extends Readonly<Record<string, EventSpec<any>>>> {
  readonly name: string
  readonly events: E
}

const OPTIONS: KnownMembers<ConsumerOptions> = { start: true, attempts: true, timeoutMs: true, batch: true }

/** Declares a consumer: `consumers: { buyers: consumer(users, ['user.created', 'user.deleted']) }`. */
export function consumer<E extends Readonly<Record<string, EventSpec<any>>>, T extends keyof E & string>(
  publisher: Publisher<E>,
  types: readonly T[],
  options: ConsumerOptions = {},
): ConsumerSpec<Pick<E, T>> {
  onlyKnown(`consumer of "${publisher.name}"`, options, OPTIONS)
  const { start = 'beginning', attempts = 15, timeoutMs = 20_000, batch = 1 } = options
  const { name: from, events } = publisher
  return {
    from,
    events: Object.fromEntries(
      types.map((type) => [type, Object.hasOwn(events, type) ? events[type] : undefined]),
    ) as Pick<E, T>,
    start,
    attempts,
    timeoutMs,
    batch,
  }
}

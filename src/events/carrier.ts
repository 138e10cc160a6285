import type { CarriedEvent } from '../data/outbox.ts'
import type { Database } from '../data/pool.ts'

export type { CarriedEvent } from '../data/outbox.ts'

/**
 * What takes events from the services that publish them to those that consume them. It keeps the order of each aggregate's
 * events and loses nothing that it has acknowledged; it may bring an event twice.
 */
export type Carrier = FeedCarrier | Broker

/** Consumers read the outbox of the service that publishes; nothing lies in between. */
export interface FeedCarrier extends Bringing {
  readonly name: 'postgres'
}

/** Takes what a relay gives it, and keeps it for those who consume it. */
export interface Broker extends Bringing {
  readonly name: 'nats'
  /**
   * Publishes events of the service `from` and returns those that were acknowledged. If an event fails, no later event of the
   * same aggregate is acknowledged; retry from the failed one. The next call may begin before this one has ended: all this is as of one.
   */
  publish<E extends CarriedEvent>(from: string, events: readonly E[], signal: AbortSignal): Promise<readonly E[]>
  /** Milliseconds that it takes to answer; rejects when it does not, in time (`CHECK_MS.dependency`). */
  ping(): Promise<number>
}

interface Bringing {
  /** What a consumer gets; one that the carrier has not known begins where `start` says. */
  subscribe(subscription: Subscription): Promise<Source>
  close(): Promise<void>
}

export interface Subscription {
  /** Of the consumer, in the whole system: `orders.buyers`. */
  readonly name: string
  /** The service whose events these are. */
  readonly from: string
  readonly types: readonly string[]
  readonly start: 'beginning' | 'now'
  /** When the consumer was first heard of; RFC 3339. What `now` means, should the carrier have forgotten it. */
  readonly since: string
  /** The consumer's own, where its place may be kept. */
  readonly database: Database
}

/** Events for one consumer. One process at a time asks. */
export interface Source {
  /** The next events, in order; empty when none has come for a while. Rejects when what is next can't be known: rewind then. */
  next(signal: AbortSignal): Promise<Batch>
  /** Begins again behind what is acknowledged: to be called when another may have asked in between. */
  rewind(): Promise<void>
  close(): Promise<void>
}

export interface Batch {
  readonly events: readonly CarriedEvent[]
  /** How many messages came beside them that are no events as services publish them. They are passed over; none if undefined. */
  readonly unreadable?: number
  /** They are stored, and need not come again. */
  acknowledge(): Promise<void>
}

/** Most events of one batch. */
export const BATCH = 500

/** For so long `next` waits. */
export const WAIT_MS = 1_000

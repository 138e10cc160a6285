import type { CarriedEvent } from '../data/outbox.ts'

export type { CarriedEvent } from '../data/outbox.ts'

/**
 * What takes events from the services that publish them to those that consume them. It keeps the order of each aggregate's
 * events and loses nothing that it has acknowledged; it may bring an event twice.
 */
export interface Carrier {
  readonly name: 'postgres' | 'nats'
  /**
   * Publishes events of the service `from` and returns those that were acknowledged. If an event fails, no later event of the
   * same aggregate is acknowledged; retry from the failed one.
   */
  publish<E extends CarriedEvent>(from: string, events: readonly E[], signal: AbortSignal): Promise<readonly E[]>
  /** What a consumer gets; one that the carrier has not known begins where `start` says. */
  subscribe(subscription: Subscription): Promise<Source>
  /** Milliseconds that it takes to answer; rejects when it does not. */
  ping(): Promise<number>
  /** Takes away what is older than it has to keep, where it does not do so by itself. */
  sweep(): Promise<void>
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
  /** They are stored, and need not come again. */
  acknowledge(): Promise<void>
}

/** Most events of one batch. */
export const BATCH = 500

/** For so long `next` waits. */
export const WAIT_MS = 1_000

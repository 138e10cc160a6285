import { randomUUID } from 'node:crypto'
import { type Loop, loop } from '../base/loop.ts'
import { acquireLease, type ReceiverLease, receive, releaseLease } from '../data/inbox.ts'
import type { Database } from '../data/pool.ts'
import { either } from '../resilience/within.ts'
import type { Taken } from './arrivals.ts'
import { BATCH, type CarriedEvent, type Carrier, type Source, type Subscription } from './carrier.ts'

export interface Receiver {
  /** Another process may have left off: a hint. */
  wake(): void
  /** Resolves when it has looked at what the carrier has by now. */
  idle(): Promise<void>
  stop(): Promise<void>
  /** Why it could not receive at the last attempt. */
  readonly trouble: string | undefined
  /** For how long it has not come to the end of what is published; 0 where it has, and where another process receives (FC-80). */
  readonly lagMs: number
  /** Events that the carrier brought again. */
  readonly redelivered: number
  /** Messages of the broker that are no events, and were passed over. */
  readonly unreadable: number
}

export interface ReceiverOptions {
  readonly database: Database
  readonly carrier: Carrier
  readonly subscription: Omit<Subscription, 'since' | 'database'>
  /** Handles what it can of the events of `holder` at once; the rest is stored. All is stored without it. */
  readonly take?: ((events: readonly CarriedEvent[], holder: string) => Promise<Taken>) | undefined
  /** Told how many events are new in the inbox. */
  received(count: number): void
  failed(error: unknown): void
  /** Told how many messages came that are no events. */
  unreadable?(count: number): void
  /** After so long without a word from it another process receives; 12,000. One that ends says so. */
  readonly leaseMs?: number
}

/**
 * Takes a consumer's events from the carrier into its inbox, and acknowledges them once they are there: from then on they
 * are safe whatever becomes of the carrier. One process receives at a time, for two would store them out of order; handling
 * them is shared by all.
 */
export function createReceiver(options: ReceiverOptions): Receiver {
  const { database, carrier, received, failed, leaseMs = 12_000 } = options
  const { name, start } = options.subscription
  const holder = randomUUID()
  let lease: ReceiverLease | undefined
  let renewAtMs = 0
  let source: Source | undefined
  let term: number | undefined
  /** How many are yet to be stored before any is handled at once. */
  let wary = 0
  let redelivered = 0
  let unreadable = 0
  let trouble: string | undefined
  /** Since when it is behind. */
  let behindAtMs: number | undefined
  let look = new AbortController()
  let looked: (() => void)[] = []
  let stopped = false

  async function round(cut: AbortSignal): Promise<number> {
    // Well before it ends; what is stored in between is fenced all the same.
    if (!lease || performance.now() >= renewAtMs) {
      renewAtMs = performance.now() + (leaseMs / 3) * 2
      const acquired = await acquireLease(database, name, holder, leaseMs)
      if ('freeInMs' in acquired) {
        behindAtMs = undefined
        await leave()
        // When it ends, unless it is renewed.
        return acquired.freeInMs + SOON_MS
      }
      lease = acquired
    }
    // An outbox has the very times that are looked at below; a broker has those of its own clock.
    const since = carrier.name === 'postgres' ? lease.since : somewhatBefore(lease.since)
    source ??= await carrier.subscribe({ ...options.subscription, database, since })
    const from = source
    if (lease.term !== term) {
      await from.rewind()
      wary = WARY_EVENTS
    }
    term = lease.term
    const { events, acknowledge, unreadable: more = 0 } = await either(cut, look.signal, (signal) => from.next(signal))
    if (more > 0) {
      unreadable += more
      options.unreadable?.(more)
    }
    const knownSince = lease.since
    const wanted = start === 'now' ? events.filter(({ occurredAt }) => occurredAt >= knownSince) : events
    if (wanted.length > 0 && !(await takeIn(wanted))) {
      await leave()
      return leaseMs / 2
    }
    await acknowledge()
    behindAtMs = events.length < BATCH ? undefined : (behindAtMs ?? performance.now())
    return 0
  }

  /** False where somebody else receives by now. */
  async function takeIn(events: readonly CarriedEvent[]): Promise<boolean> {
    let left = events
    if (options.take !== undefined && wary === 0) {
      const taken = await options.take(events, holder)
      if (!taken.isHeld) return false
      redelivered += taken.known
      left = taken.left
    }
    if (left.length === 0) return true
    const { held, stored } = await receive(database, name, holder, left)
    redelivered += left.length - stored
    wary = Math.max(0, wary - stored)
    if (stored > 0) received(stored)
    return held
  }

  function settle(): void {
    if (look.signal.aborted) look = new AbortController()
    for (const resolve of looked) resolve()
    looked = []
  }

  async function leave(): Promise<void> {
    const left = source
    source = undefined
    lease = undefined
    term = undefined
    await left?.close()
  }

  const running: Loop = loop(
    (cut) =>
      round(cut)
        .then((restMs) => {
          trouble = undefined
          return restMs
        })
        .catch(async (error) => {
          trouble = error instanceof Error ? error.message : String(error)
          behindAtMs ??= performance.now()
          // What was fetched and not stored comes again.
          await leave().catch(() => {})
          throw error
        })
        .finally(settle),
    // A wait is cut short at once; what is stored is stored.
    { graceMs: 0, failed, afterFailureMs: 100 },
  )
  return {
    wake: running.wake,
    async idle() {
      // The look under way may have been too early; the one after it is not.
      for (let i = 0; i < 2 && !stopped; i++) {
        look.abort()
        await new Promise<void>((resolve) => looked.push(resolve))
      }
    },
    async stop() {
      stopped = true
      await running.stop()
      settle()
      await leave().catch(() => {})
      await releaseLease(database, name, holder).catch(() => {})
    },
    get trouble() {
      return trouble
    },
    get lagMs() {
      return behindAtMs === undefined ? 0 : Math.round(performance.now() - behindAtMs)
    },
    get redelivered() {
      return redelivered
    },
    get unreadable() {
      return unreadable
    },
  }
}

/** More than a process can have had in hand when it ended, maybe by one of them: only of what is stored are tries counted. */
const WARY_EVENTS = 100

/** So that whoever waits for a lease does not come a moment before it ends. */
const SOON_MS = 10

/** Allows for clock skew: the subscription begins ten minutes early, and events that occurred before `since` are dropped. */
const CLOCKS_DIFFER_MS = 600_000

function somewhatBefore(time: string): string {
  return new Date(Date.parse(time) - CLOCKS_DIFFER_MS).toISOString()
}

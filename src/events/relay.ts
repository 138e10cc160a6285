import { randomUUID } from 'node:crypto'
import { type Loop, loop } from '../base/loop.ts'
import { claimOutbox, markPublished, releaseOutbox } from '../data/outbox.ts'
import type { Database } from '../data/pool.ts'
import { either } from '../resilience/within.ts'
import { BATCH, type Carrier } from './carrier.ts'

export interface Relay {
  /** Something was committed: a hint, to be quicker than the next look. */
  wake(): void
  /** Resolves when everything that was there is published, or can't be. */
  idle(): Promise<void>
  stop(): Promise<void>
  readonly published: number
}

export interface RelayOptions {
  readonly database: Database
  readonly carrier: Carrier
  /** Told of each round that failed. */
  failed(error: unknown): void
  /** How often the outbox is looked at without being woken; 1,000. To look is the truth, to be woken is a hint. */
  readonly pollMs?: number
  /** After so long what a relay claimed may be claimed by another; 10,000. */
  readonly leaseMs?: number
  readonly graceMs?: number
}

/** Takes events from a service's outbox to the carrier (R-EVT-2). Any number of relays may share the work. */
export function createRelay(options: RelayOptions): Relay {
  const { database, carrier, failed, pollMs = 1_000, leaseMs = 10_000, graceMs = 2_000 } = options
  let published = 0

  /** Rounds with claims of their own: while one publishes, the other claims. */
  function lane({ full, done: after }: { full?: () => void; done?: () => void }): Loop {
    const by = randomUUID()
    async function round(cut: AbortSignal): Promise<number> {
      const events = await claimOutbox(database, { by, limit: BATCH, leaseMs })
      if (events.length === 0) return pollMs
      if (events.length === BATCH) full?.()
      // Well before the claim ends: whoever claims them then must not meet these on their way.
      const late = AbortSignal.timeout(leaseMs / 2)
      const publish = (signal: AbortSignal) => carrier.publish(database.name, events, signal)
      const done = await either(cut, late, publish).catch(async (error) => {
        await releaseOutbox(database, by)
        throw error
      })
      await markPublished(database, by, done)
      published += done.length
      after?.()
      if (done.length < events.length) {
        await releaseOutbox(database, by)
        throw new Error(`the carrier took ${done.length} of ${events.length} events`)
      }
      return events.length === BATCH ? 0 : pollMs
    }
    return loop(round, { graceMs, failed, afterFailureMs: 100 })
  }

  // The second only helps: what does not fill a batch is the first one's, which passes over what the second has in hand.
  const second: Loop = lane({ done: () => first.wake() })
  const first: Loop = lane({ full: second.wake })
  const both = (what: (one: Loop) => Promise<void>) => async () => {
    await what(first)
    await what(second)
  }
  return {
    wake: first.wake,
    idle: both((one) => one.idle()),
    stop: async () => {
      await Promise.all([first.stop(), second.stop()])
    },
    get published() {
      return published
    },
  }
}

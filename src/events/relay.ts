import { randomUUID } from 'node:crypto'
import { type Loop, loop } from '../base/loop.ts'
import { claimOutbox, markPublished, releaseOutbox } from '../data/outbox.ts'
import type { Database } from '../data/pool.ts'
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
  const by = randomUUID()
  let published = 0

  async function round(cut: AbortSignal): Promise<number> {
    const events = await claimOutbox(database, { by, limit: BATCH, leaseMs })
    if (events.length === 0) return pollMs
    // Well before the claim ends: whoever claims them then must not meet these on their way.
    const signal = AbortSignal.any([cut, AbortSignal.timeout(leaseMs / 2)])
    const done = await carrier.publish(database.name, events, signal).catch(async (error) => {
      await releaseOutbox(database, by)
      throw error
    })
    await markPublished(database, done)
    published += done.length
    if (done.length < events.length) {
      await releaseOutbox(database, by)
      throw new Error(`the carrier took ${done.length} of ${events.length} events`)
    }
    return events.length === BATCH ? 0 : pollMs
  }

  const running: Loop = loop(round, { graceMs, failed, afterFailureMs: 100 })
  return {
    wake: running.wake,
    idle: running.idle,
    stop: running.stop,
    get published() {
      return published
    },
  }
}

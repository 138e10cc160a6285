import { randomUUID } from 'node:crypto'
import { type Backoff, backoffMs } from '../base/backoff.ts'
import { type Loop, loop } from '../base/loop.ts'
import { createFeed, LogChanged } from '../data/feed.ts'
import type { StoredEvent } from '../data/outbox.ts'
import type { Database } from '../data/pool.ts'
import { holdPlace, movePlace, type Place, placeBehind, placeOf, RELAY, setBack } from '../data/readers.ts'
import type { HeldUp } from '../data/settling.ts'
import { either } from '../resilience/within.ts'
import { BATCH, type Broker } from './carrier.ts'

export interface Relay {
  /** Something was committed: a hint, to be quicker than the next look. */
  wake(): void
  /** Resolves when everything that was there is published, or can't be. */
  idle(): Promise<void>
  stop(): Promise<void>
  readonly published: number
  /** The transaction that holds up reading, once that has taken more than a second. */
  readonly heldUp: HeldUp | undefined
}

export interface RelayOptions {
  readonly database: Database
  readonly carrier: Broker
  /** Told of each round that failed. */
  failed(error: unknown): void
  /** Told of a transaction that has written events, or may have, and has been open for more than a second. */
  heldUp?(by: HeldUp): void
  /** How often the outbox is looked at without being woken; 10,000. To look is the truth, to be woken is a hint. */
  readonly pollMs?: number
  /** After so long without a word from it another relay goes on where it was; 10,000. */
  readonly leaseMs?: number
  readonly graceMs?: number
}

/** How soon a relay looks again that has found another at work. */
const OTHER_AT_WORK_MS = 50
const MARK_EVERY_MS = 60_000

interface Page {
  /** The place that it was read from. */
  readonly from: Place
  readonly events: readonly StoredEvent[]
  /** How often the relay had been woken when the reading began. */
  readonly wakes: number
  sending?: Sending
}

interface Sending {
  readonly events: readonly StoredEvent[]
  /** Those that the carrier took. */
  readonly done: Promise<readonly StoredEvent[]>
}

/** What the carrier did not take of events, while it took others: its aggregates wait, and the rest goes on (R-EVT-3). */
interface Refused {
  /** In front of the first of them. */
  readonly place: Place
  readonly aggregates: Set<string>
  /** Up to where everything else is published. All of it is published again with them, and passed over. */
  readTo: Place
  readonly againAtMs: number
}

const REFUSED: Backoff = { baseMs: 100, maxMs: 600_000 }

/**
 * Takes events from a service's outbox to a broker (R-EVT-2), in order. Of any number of relays one has the lease while there
 * is something to publish. One that was paused and comes back publishes again what another has published: each aggregate's
 * events in order, and everybody passes over what they know.
 */
export function createRelay(options: RelayOptions): Relay {
  const { database, carrier, failed, pollMs = 10_000, leaseMs = 10_000, graceMs = 2_000 } = options
  const holder = randomUUID()
  const feed = createFeed(database, options.heldUp)
  let published = 0
  let wakes = 0
  /** Read, and perhaps on its way, while the page before it is published, by the holder of the lease. */
  let ahead: Promise<Page> | undefined
  let refused: Refused | undefined
  let refusals = 0
  let markAtMs = 0
  /** When the lease has to be acquired again, well before it ends. */
  let holdAtMs = 0

  async function look(cut: AbortSignal): Promise<Page | undefined> {
    if (refused && performance.now() < refused.againAtMs) return read(refused.readTo, cut)
    refused = undefined
    const place = await placeOf(database, RELAY)
    return place && read(place, cut)
  }

  async function read(from: Place, cut: AbortSignal): Promise<Page> {
    const asOf = wakes
    try {
      return { from, events: await feed.read(from, BATCH, cut), wakes: asOf }
    } catch (error) {
      // To the newest place that it has in common with what was read.
      if (error instanceof LogChanged) await setBack(database, RELAY, 'infinity')
      throw error
    }
  }

  async function round(cut: AbortSignal): Promise<number> {
    const reading = ahead
    ahead = undefined
    let page = await (reading ?? look(cut))
    // What came since it was read ahead has woken a round that is over.
    if (reading && page!.events.length === 0 && page!.wakes !== wakes) page = await read(page!.from, cut)
    if (page === undefined || page.events.length === 0) {
      if (reading) await move(refused?.place ?? page!.from, 0)
      return restMs()
    }
    const { from, events } = page
    if (performance.now() >= holdAtMs) {
      holdAtMs = performance.now() + leaseMs / 2
      const place = refused?.place ?? from
      if (!(await holdPlace(database, place, { reader: RELAY, holder, leaseMs }))) return leave()
    }
    page.sending ??= send(events, cut)
    const last = placeBehind(events.at(-1)!)
    const goesOn = events.length === BATCH || (page.wakes !== wakes && !refused)
    if (goesOn) {
      const reading: Promise<Page> = readAhead(last, cut, () => ahead === reading)
      ahead = reading
      // Whoever awaits it hears of its failure.
      reading.catch(() => {})
    }
    try {
      note(page, page.sending.events, await page.sending.done)
      if (refused) refused.readTo = last
      else refusals = 0
      if (!(await move(refused?.place ?? last, goesOn ? leaseMs : 0))) return leave()
    } catch (error) {
      const place = refused?.place ?? from
      leave()
      await move(place, 0).catch(() => {})
      throw error
    }
    return goesOn ? 0 : restMs()
  }

  /** The next page follows the one before it without a gap, where the lease allows for it and that one has not failed meanwhile. */
  async function readAhead(from: Place, cut: AbortSignal, isAhead: () => boolean): Promise<Page> {
    const page = await read(from, cut)
    if (page.events.length > 0 && performance.now() < holdAtMs && isAhead()) page.sending = send(page.events, cut)
    return page
  }

  /** Publishes events, but for those behind an event of their aggregate that the carrier did not take. */
  function send(all: readonly StoredEvent[], cut: AbortSignal): Sending {
    const events = refused ? all.filter(({ aggregateId }) => !refused!.aggregates.has(aggregateId)) : all
    if (events.length === 0) return { events, done: Promise.resolve([]) }
    // Well before the lease ends: whoever has it then must not meet these on their way.
    const late = AbortSignal.timeout(leaseMs / 2)
    const done = either(cut, late, (signal) => carrier.publish(database.name, events, signal))
    // Whoever awaits it hears of its failure.
    done.catch(() => {})
    return { events, done }
  }

  function note({ from, events }: Page, sent: readonly StoredEvent[], done: readonly StoredEvent[]): void {
    published += done.length
    if (done.length === sent.length) return
    const taken = new Set(done)
    const missing = sent.filter((event) => !taken.has(event))
    const first = events.indexOf(missing[0]!)
    refused ??= {
      place: first === 0 ? from : placeBehind(events[first - 1]!),
      aggregates: new Set(),
      readTo: from,
      againAtMs: performance.now() + backoffMs(refusals++, REFUSED),
    }
    for (const { aggregateId } of missing) refused.aggregates.add(aggregateId)
    failed(new Error(`the carrier took ${done.length} of ${sent.length} events`))
  }

  /** Another relay has the lease, or is to have it. */
  function leave(): number {
    ahead = undefined
    refused = undefined
    holdAtMs = 0
    return OTHER_AT_WORK_MS
  }

  function restMs(): number {
    return refused ? Math.min(pollMs, Math.max(refused.againAtMs - performance.now(), 1)) : pollMs
  }

  async function move(place: Place, forMs: number): Promise<boolean> {
    const mark = performance.now() >= markAtMs
    const moved = await movePlace(database, place, { reader: RELAY, holder, leaseMs: forMs, mark })
    if (moved && mark) markAtMs = performance.now() + MARK_EVERY_MS
    holdAtMs = forMs > 0 ? performance.now() + leaseMs / 2 : 0
    return moved
  }

  const running: Loop = loop(round, { graceMs, failed, afterFailureMs: 100 })
  return {
    wake() {
      wakes++
      running.wake()
    },
    idle: running.idle,
    async stop() {
      await running.stop()
      if (!ahead) return
      // It is published again by whoever is next.
      await ahead.then(({ sending }) => sending?.done).catch(() => {})
      await ahead.then(({ from }) => move(refused?.place ?? from, 0)).catch(() => {})
    },
    get published() {
      return published
    },
    get heldUp() {
      return feed.heldUp
    },
  }
}

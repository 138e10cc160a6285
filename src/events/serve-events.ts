import { randomUUID } from 'node:crypto'
import { Problem } from '../base/errors.ts'
import { createRest, type Rest } from '../base/rest.ts'
import type { Call, Reply } from '../call/call.ts'
import { createFeed, type Feed, LogChanged, type Page, WIDEST } from '../data/feed.ts'
import { type Listener, listen } from '../data/listen.ts'
import { notifyReaders, TO_READ } from '../data/outbox.ts'
import type { Database } from '../data/pool.ts'
import { BEGINNING, notePlace, type Place, placeBehind } from '../data/readers.ts'
import type { HeldUp, Settled } from '../data/settling.ts'
import { CHANGED, type EventsRequest, PageReply, readRequest } from './read-events.ts'

/** What consumers read of a service's events, in this process and from others. */
export interface ServedEvents {
  /** Answers `readsOf(service)`: services alone may ask. */
  port(call: Call): Promise<Reply>
  /** Events were committed by this process: those that wait here hear of it at once, those in other processes soon. */
  wake(): void
  /** Whoever waits is answered, and nobody waits any more. */
  drain(): void
  close(): Promise<void>
  /** Events that were handed over. */
  readonly served: number
  readonly heldUp: HeldUp | undefined
}

export interface ServedEventsOptions {
  readonly database: () => Database
  /** Of the same database, to listen on. */
  readonly url: string
  /** Consumers of these events, all over the system: what they have not read is kept. */
  readonly readers: ReadonlySet<string>
  /** Told of a transaction that has kept readers waiting for a second. */
  heldUp(by: HeldUp): void
}

/** To look is the truth, to be woken is a hint. */
const POLL_MS = 10_000
/** Other processes are told that often at most: NOTIFY makes commits wait for each other. */
const TELL_EVERY_MS = 20
/** So often it is noted how far a reader has come: what it has read is kept for a while in any case. */
const NOTE_EVERY_MS = 60_000

/**
 * A read waits here until there is something to answer: a signal from this process, NOTIFY from another, or the poll. What a reader
 * has seen to the end is not looked at for it again until something woke it, so readers that wait cost next to nothing.
 */
export function serveEvents({ database, url, readers, heldUp }: ServedEventsOptions): ServedEvents {
  const own = randomUUID()
  let feed: Feed | undefined
  const resting = new Set<Rest>()
  /** Up to where each reader has seen all that it wants, from its place on. */
  const seen = new Map<string, { readonly from: string; readonly upTo: Settled }>()
  /** How many positions are looked at for each reader at once: more where it wants few of the events. */
  const windows = new Map<string, number>()
  const noteAtMs = new Map<string, number>()
  let known: { readonly settled: Settled; readonly wakes: number; readonly untilMs: number } | undefined
  let listener: Listener | undefined
  let wakes = 0
  let telling: NodeJS.Timeout | undefined
  let toldAtMs = Number.NEGATIVE_INFINITY
  let isDraining = false
  let served = 0

  function wake(): void {
    wakes++
    for (const rest of resting) rest.end()
  }

  /** The last of several commits is told too. */
  function tell(): void {
    if (telling !== undefined) return
    const restMs = toldAtMs + TELL_EVERY_MS - performance.now()
    telling = setTimeout(
      () => {
        telling = undefined
        toldAtMs = performance.now()
        // A hint; what goes wrong here goes wrong elsewhere too.
        notifyReaders(database(), own).catch(() => {})
      },
      Math.max(restMs, 0),
    )
  }

  /** Where a writer is open for longer than a reader waits, as far as is known. */
  async function settled(feed: Feed, signal: AbortSignal, withinMs: number): Promise<Settled | undefined> {
    if (known?.wakes === wakes && performance.now() < known.untilMs) return known.settled
    const asOf = wakes
    const found = await feed.settle(signal, withinMs)
    if (found === undefined) return feed.latest
    known = { settled: found, wakes: asOf, untilMs: performance.now() + POLL_MS }
    return found
  }

  /** What others have found meanwhile: nobody who comes back from handling events need ask again at once. */
  function unseen(reader: string, place: Place | undefined, { latest }: Feed): Settled | undefined {
    const isBehind = place !== undefined && latest !== undefined && latest.position > BigInt(place.position)
    const was = seen.get(reader)
    return isBehind && !(was?.from === place.position && was.upTo === latest) ? latest : undefined
  }

  async function read(request: EventsRequest, signal: AbortSignal): Promise<Page> {
    feed ??= createFeed(database(), heldUp)
    listener ??= listen(url, TO_READ, (by) => by !== own && wake())
    const { reader, types, limit, waitMs, since } = request
    const untilMs = performance.now() + waitMs
    let { place } = request
    for (;;) {
      const before = wakes
      const found = waitMs > 0 ? unseen(reader, place, feed) : undefined
      const upTo = found ?? (await settled(feed, signal, untilMs - performance.now()))
      if (upTo === undefined) return { events: [], place: place ?? BEGINNING, isLast: false }
      place ??= since === undefined ? BEGINNING : await feed.placeAt(since, upTo)
      const was = seen.get(reader)
      if (was?.from !== place.position || was.upTo !== upTo) {
        const window = windows.get(reader) ?? NARROWEST
        const page = await feed.page(place, upTo, { types, limit, window })
        windows.set(reader, windowBehind(page, window, limit))
        if (page.isLast) seen.set(reader, { from: page.place.position, upTo })
        if (page.events.length > 0) return page
        place = page.place
        if (!page.isLast || found) continue
      }
      const leftMs = untilMs - performance.now()
      if (leftMs <= 0 || isDraining || signal.aborted) return { events: [], place, isLast: true }
      if (wakes === before) await rest(Math.min(leftMs, POLL_MS), signal)
    }
  }

  async function rest(ms: number, signal: AbortSignal): Promise<void> {
    const one = createRest()
    resting.add(one)
    await one.take(ms, signal)
    resting.delete(one)
  }

  /** Nobody waits for it: what is not noted is kept for longer. */
  function note(reader: string, place: Place): void {
    const nowMs = performance.now()
    if (!readers.has(reader) || nowMs < (noteAtMs.get(reader) ?? 0)) return
    noteAtMs.set(reader, nowMs + NOTE_EVERY_MS)
    notePlace(database(), reader, place).catch(() => noteAtMs.delete(reader))
  }

  return {
    async port(call) {
      const { caller, signal } = call.context
      if (caller.kind !== 'service') throw new Problem('NOT_FOUND')
      const request = readRequest(call)
      try {
        const page = bounded(await read(request, signal))
        served += page.events.length
        // What it has stored, for it asks for what comes next.
        note(request.reader, request.place ?? BEGINNING)
        return new PageReply(page)
      } catch (error) {
        if (error instanceof LogChanged) return CHANGED
        throw error
      }
    },
    wake() {
      wake()
      tell()
    },
    drain() {
      isDraining = true
      wake()
    },
    async close() {
      isDraining = true
      wake()
      clearTimeout(telling)
      await listener?.close()
    },
    get served() {
      return served
    },
    get heldUp() {
      return feed?.heldUp
    },
  }
}

/**
 * It follows what is found. PostgreSQL knows little of a log that grows, and may read all that there is to look at and sort it: a page
 * of 500 took 130 ms where 60,000 events waited.
 */
function windowBehind({ events, isLast }: Page, window: number, limit: number): number {
  if (isLast) return NARROWEST
  return events.length === limit ? Math.max(Math.floor(window / 8), NARROWEST) : Math.min(window * 8, WIDEST)
}

const NARROWEST = 1_000

/** Of the data of one answer, well below what a door takes: JSON in JSON is longer. At least one event. */
const MAX_CHARS = 4 * 1024 * 1024

function bounded(page: Page): Page {
  let chars = 0
  const fits = page.events.findIndex(({ data }, i) => {
    chars += data.length
    return chars > MAX_CHARS && i > 0
  })
  if (fits < 0) return page
  const events = page.events.slice(0, fits)
  return { events, place: placeBehind(events.at(-1)!), isLast: false }
}

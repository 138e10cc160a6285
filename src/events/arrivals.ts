import { lookUpArrivals, noteArrivals } from '../data/arrivals.ts'
import type { Transaction } from '../data/open-transaction.ts'
import type { Queryable } from '../data/pool.ts'
import type { CarriedEvent } from './carrier.ts'
import { HandlerTime } from './handler-time.ts'
import { allEnded, type Handle, handleInOrder, inTime, WithoutSavepoints } from './together.ts'

export interface ArrivalsOptions<U extends { readonly tx: Transaction }> {
  /** Of the consumer. */
  readonly name: string
  readonly types: readonly string[]
  readonly database: Queryable
  /** How many events are handled in one transaction. */
  readonly batch: number
  /** How many transactions at once. */
  readonly concurrency: number
  readonly handlerTimeoutMs: number
  /** The service stops, and waits no longer. */
  readonly cut: AbortSignal
  run<T>(work: (unit: U) => Promise<T>): Promise<T>
  readonly handle: Handle<U>
  /** Whether more may be begun. */
  mayGoOn(): boolean
  /** Told how many were handled together, and of those that were not to be. */
  handled(count: number): void
  failed(events: readonly CarriedEvent[], error: unknown): void
}

/** What has become of events that have arrived. */
export interface Taken {
  /** False where somebody else receives by now. */
  readonly isHeld: boolean
  /** Those that are to be stored in the inbox, in order. */
  readonly left: readonly CarriedEvent[]
  /** How many were handled, or stored, before. */
  readonly known: number
}

/** They hold up what comes behind them as long: handlers that take longer are given their events by the inbox, for the next minute. */
const MOST_MS = 1_000
const SLOW_FOR_MS = 60_000
/** Of all that arrives together: whoever receives has to renew its lease in between, of which 4,000 ms are left at least. */
const MOST_TOGETHER_MS = 3_000

/**
 * Handles events as they arrive, in the transaction that notes that they are done: one row of the inbox for each, written once, and not
 * stored, claimed and marked. What fails, takes long, or stands behind what waits in the inbox goes there, where it is tried as any other.
 */
export function createArrivals<U extends { readonly tx: Transaction }>(options: ArrivalsOptions<U>) {
  const { name, database, batch, concurrency, handle, run, cut } = options
  const limitMs = Math.min(options.handlerTimeoutMs, MOST_MS)
  const types = new Set(options.types)
  let slowUntilMs = 0
  const mayBegin = () => options.mayGoOn() && performance.now() >= slowUntilMs

  return async (events: readonly CarriedEvent[], holder: string): Promise<Taken> => {
    if (!mayBegin()) return { isHeld: true, left: events, known: 0 }
    // Whatever changes from here on, the note of each part fails if it must not be.
    const { isHeld, known, heldUp } = await lookUpArrivals(database, name, holder, events)
    if (!isHeld) return { isHeld, left: events, known: 0 }
    const fresh = new Map(events.filter(({ id }) => !known.has(id)).map((event) => [event.id, event]))
    const left = new Set<CarriedEvent>()
    /** Aggregates of which one is left: what comes later for them stands behind it. */
    const stuck = new Set(heldUp)
    const underWay = new Set<Promise<void>>()
    /** By the aggregate: what has its last event so far. */
    const last = new Map<string, Promise<void>>()

    function leave(event: CarriedEvent): void {
      left.add(event)
      stuck.add(event.aggregateId)
    }

    async function handlePart(part: readonly CarriedEvent[]): Promise<void> {
      const time = new HandlerTime(limitMs, cut)
      try {
        await run(async (unit) => {
          const undone = await unit.tx.attempt(async (tx) => {
            const within = { ...unit, tx: new WithoutSavepoints(tx) }
            const works = byAggregate(part).map((own) => handleInOrder(handle, own, within, time))
            await inTime(allEnded(works), time)
          })
          if (undone) throw undone.error
          unit.tx.lastly(noteArrivals(name, holder, part))
        })
        options.handled(part.length)
      } catch (error) {
        // What it was is known when each is handled by itself.
        if (time.isOver) slowUntilMs = performance.now() + SLOW_FOR_MS
        options.failed(part, error)
        for (const event of part) leave(event)
      } finally {
        time.clear()
      }
    }

    /** Those that may be handled at once. */
    function freeOf(part: readonly CarriedEvent[]): CarriedEvent[] {
      return part.filter((event) => {
        const isFree = types.has(event.type) && !stuck.has(event.aggregateId)
        if (!isFree) leave(event)
        return isFree
      })
    }

    const all = [...fresh.values()]
    const untilMs = performance.now() + MOST_TOGETHER_MS
    for (let at = 0; at < all.length; at += batch) {
      const part = all.slice(at, at + batch)
      await Promise.all(part.map(({ aggregateId }) => last.get(aggregateId)))
      if (underWay.size === concurrency) await Promise.race(underWay)
      if (!mayBegin() || performance.now() >= untilMs) {
        for (const event of all.slice(at)) leave(event)
        break
      }
      const free = freeOf(part)
      if (free.length === 0) continue
      const work: Promise<void> = handlePart(free).finally(() => underWay.delete(work))
      underWay.add(work)
      for (const { aggregateId } of free) last.set(aggregateId, work)
    }
    await Promise.all(underWay)
    return { isHeld, left: all.filter((event) => left.has(event)), known: events.length - all.length }
  }
}

function byAggregate(events: readonly CarriedEvent[]): CarriedEvent[][] {
  const all = new Map<string, CarriedEvent[]>()
  for (const event of events) {
    const own = all.get(event.aggregateId)
    if (own === undefined) all.set(event.aggregateId, [event])
    else own.push(event)
  }
  return [...all.values()]
}

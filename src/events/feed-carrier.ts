import { type Caller, serviceCaller } from '../auth/caller.ts'
import { createRest } from '../base/rest.ts'
import type { Port } from '../call/call.ts'
import { LogChanged } from '../data/feed.ts'
import { consumerPlace, moveConsumer, readAgain } from '../data/places.ts'
import { BEGINNING, type Place } from '../data/readers.ts'
import { BATCH, type Batch, type FeedCarrier, type Source, type Subscription, WAIT_MS } from './carrier.ts'
import { eventsCall, readReply } from './read-events.ts'

/** A service that publishes, in this process or in another. */
interface Publisher {
  as(caller: Caller): Port
}

/** A place is written that often: what was read since is read again after a crash, and passed over. */
const MOVE_EVERY_MS = 5_000
/** Between two reads that were answered too soon with nothing, as by a process that ends. */
const PAUSE_MS = 100

/** Events as consumers read them from the service that publishes them: what is used where there is no broker. */
export function createFeedCarrier(
  publishers: Pick<ReadonlyMap<string, Publisher>, 'get'>,
  { retentionMs }: { readonly retentionMs: number },
): FeedCarrier {
  return {
    name: 'postgres',
    subscribe: async (subscription) => {
      const { name, from } = subscription
      const port = publishers.get(from)!.as(serviceCaller(name.split('.')[0]!))
      return openSource(port, subscription, retentionMs)
    },
    close: async () => {},
  }
}

function openSource(port: Port, subscription: Subscription, retentionMs: number): Source {
  const { name, from, types, start, database } = subscription
  let place: Place | undefined
  let since: string | undefined
  let term = 0
  /** Where all is stored, and when that is to be written. */
  let stored: Place | undefined
  let moveAtMs = 0

  async function move(): Promise<void> {
    if (stored === undefined) return
    const to = stored
    stored = undefined
    moveAtMs = performance.now() + MOVE_EVERY_MS
    await moveConsumer(database, name, to, term)
  }

  return {
    async next(signal): Promise<Batch> {
      const request = { reader: name, place, since, types, limit: BATCH, waitMs: signal.aborted ? 0 : WAIT_MS }
      const sinceMs = performance.now()
      const ending = new AbortController()
      const abort = () => ending.abort()
      // One that was cut before it began looks all the same, and does not wait.
      if (!signal.aborted) signal.addEventListener('abort', abort, { once: true })
      try {
        const call = eventsCall(from, request, ending.signal)
        const read = readReply(await port(call), request)
        const isSame = read.place.position === (place ?? BEGINNING).position
        // One that has read to the end need not look for its beginning again.
        if (!isSame || read.isLast) place = read.place
        if (read.events.length === 0 && request.waitMs > performance.now() - sinceMs + PAUSE_MS)
          await createRest().take(PAUSE_MS, signal)
        return {
          events: read.events,
          async acknowledge() {
            if (!isSame) stored = read.place
            if (performance.now() >= moveAtMs) await move()
          },
        }
      } catch (error) {
        if (ending.signal.aborted) return { events: [], acknowledge: async () => {} }
        // What was read of it is known to the inbox, as far as the other log has it too.
        if (error instanceof LogChanged) await readAgain(database, undefined, name)
        throw error
      } finally {
        signal.removeEventListener('abort', abort)
      }
    },
    async rewind() {
      stored = undefined
      ;({ place, since, term } = await consumerPlace(database, name, retentionMs))
      // What was there before it was known is not for it.
      if (start === 'now' && (since === undefined || since < subscription.since)) since = subscription.since
    },
    close: move,
  }
}

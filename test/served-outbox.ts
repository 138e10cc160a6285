import type { Caller } from '../src/auth/caller.ts'
import { inProcess } from '../src/call/in-process.ts'
import { service } from '../src/contract/index.ts'
import type { Database } from '../src/data/pool.ts'
import type { CarriedEvent, FeedCarrier } from '../src/events/carrier.ts'
import { createFeedCarrier } from '../src/events/feed-carrier.ts'
import { type ServedEvents, serveEvents } from '../src/events/serve-events.ts'

/** The outbox of a service that consumers read in this process, whatever they take the service to be. */
export interface ServedOutbox {
  readonly carrier: FeedCarrier
  readonly served: ServedEvents
  /** Writes events as they are, in one change. */
  publish<E extends CarriedEvent>(...events: E[]): Promise<E[]>
  close(): Promise<void>
}

const contract = service('things', {})

export function servedOutbox(database: Database, url: string, { retentionMs = 7 * 86_400_000 } = {}): ServedOutbox {
  const served = serveEvents({ database: () => database, url, readers: new Set(), heldUp: () => {} })
  const publisher = { as: (caller: Caller) => inProcess(served.port, contract, { caller }) }
  return {
    carrier: createFeedCarrier({ get: () => publisher }, { retentionMs }),
    served,
    async publish(...events) {
      await database.cells(
        `insert into lintel.outbox (id, type, aggregate_id, created_at, data, headers)
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::json[], $6::json[])`,
        [
          events.map(({ id }) => id),
          events.map(({ type }) => type),
          events.map(({ aggregateId }) => aggregateId),
          events.map(({ occurredAt }) => occurredAt),
          events.map(({ data }) => data),
          events.map(({ headers }) => headers ?? null),
        ],
      )
      served.wake()
      return events
    },
    close: () => served.close(),
  }
}

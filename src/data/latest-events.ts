import { eventOf, RFC_3339, type StoredEvent } from './outbox.ts'
import type { Queryable } from './pool.ts'

const LATEST = `select position, id, type, aggregate_id, to_char(created_at, ${RFC_3339}), data, headers from lintel.outbox
order by position desc limit $1`

/** The last events that a service has published, newest first; whether anybody has read them or not. */
export async function latestEvents(db: Queryable, count: number): Promise<StoredEvent[]> {
  const rows = await db.cells(LATEST, [count])
  return rows.map(([position, ...columns]) => ({ ...eventOf(columns), position: position! }))
}

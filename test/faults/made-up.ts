import { uuidv7 } from '../../src/base/ids.ts'
import { connect } from '../../src/data/connection.ts'

export interface MadeUp {
  readonly id: string
  readonly aggregate: string
}

/** Events of no order, for what only the way of events matters to. */
export const madeUp = (aggregate: string): MadeUp => ({ id: uuidv7(), aggregate: `made-up-${aggregate}` })

export const INSERT = `insert into lintel.outbox (id, type, aggregate_id, data)
  select id, 'order.paid', aggregate, '{}' from unnest($1::uuid[], $2::text[]) e (id, aggregate)
  on conflict (id) do nothing`

/** Commits events to an outbox, in this order; those that are there already stay. */
export async function commitEvents(url: string, events: readonly MadeUp[]): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(INSERT, columnsOf(events))
  } finally {
    await client.end().catch(() => {})
  }
}

export const columnsOf = (events: readonly MadeUp[]) => [
  events.map(({ id }) => id),
  events.map(({ aggregate }) => aggregate),
]

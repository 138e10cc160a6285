import { encodeId, uuidv7 } from '../../src/base/ids.ts'
import { connect } from '../../src/data/connection.ts'
import { COMMITTED } from '../../src/data/outbox.ts'

export interface MadeUp {
  readonly id: string
  readonly aggregate: string
}

/** What the contract says of an order's event; which order it is does not matter. */
const DATA = { userId: encodeId('usr', uuidv7()), status: 'paid', total: 18, currency: 'USD', items: [] }

/** Events of no order, for what only the way of events matters to. */
export const madeUp = (aggregate: string): MadeUp => ({ id: uuidv7(), aggregate: `made-up-${aggregate}` })

export const INSERT = `insert into lintel.outbox (id, type, aggregate_id, data)
  select id, 'order.paid', aggregate, '${JSON.stringify(DATA)}' from unnest($1::uuid[], $2::text[]) e (id, aggregate)
  where not exists (select from lintel.outbox o where o.id = e.id)`

/** Commits events to an outbox, in this order; those that are there already stay. */
export async function commitEvents(url: string, events: readonly MadeUp[]): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(INSERT, columnsOf(events))
    await client.query(`notify ${COMMITTED}`)
  } finally {
    await client.end().catch(() => {})
  }
}

export const columnsOf = (events: readonly MadeUp[]) => [
  events.map(({ id }) => id),
  events.map(({ aggregate }) => aggregate),
]

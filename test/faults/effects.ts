import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { consumer, service } from 'lintel/contract'
import { type Event, implement, type Unit } from 'lintel/service'
import { orders } from '../../services/orders/contract.ts'

const ORDER_EVENTS = ['order.created', 'order.paid', 'order.shipped', 'order.delivered', 'order.cancelled'] as const

const contract = service('effects', {
  resources: {},
  consumers: {
    first: consumer(orders, ORDER_EVENTS),
    second: consumer(orders, ORDER_EVENTS),
    // Many to a transaction.
    third: consumer(orders, ORDER_EVENTS, { batch: 20 }),
  },
})

/** Of the service `effects`. */
export const CONSUMERS = ['first', 'second', 'third'] as const

function noteOf(name: (typeof CONSUMERS)[number]) {
  const note = async ({ id, type, aggregateId }: Event, { tx }: Pick<Unit, 'tx'>) => {
    await tx.query('insert into effects (consumer, event_id, type, aggregate_id) values ($1, $2, $3, $4)', [
      name,
      id,
      type,
      aggregateId,
    ])
  }
  return Object.fromEntries(ORDER_EVENTS.map((type) => [type, note])) as Record<
    (typeof ORDER_EVENTS)[number],
    typeof note
  >
}

/** A service beside the reference system whose three consumers leave a row for each event of an order. */
export const effects = implement(
  contract,
  { first: noteOf('first'), second: noteOf('second'), third: noteOf('third') },
  // From the repository's root, where the system runs whether it is built or not.
  { migrations: pathToFileURL(`${resolve('test/faults/migrations')}/`) },
)

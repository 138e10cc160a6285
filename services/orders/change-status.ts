import { change, findBy, type HandlerOf, readRow, type Unit } from 'lintel/service'
import { Order, type orders } from './contract.ts'
import { returnStock } from './stock.ts'

/** Which changes there are, and whose, stands in the contract. */
export const changeStatus: HandlerOf<typeof orders, 'orders', 'update'> = async (
  { params, body, expected },
  { tx },
) => {
  const changed = await change(tx, Order, params.id, body, expected)
  const { status, stockTaken, items } = readRow(changed)
  if (status === 'cancelled' && stockTaken) await returnStock(tx, items)
  return changed
}

/** Of a user who is gone (R-ORD-7). */
export async function cancelPendingOrders(userId: string, { tx }: Unit<typeof orders>): Promise<void> {
  const pending = (await findBy(tx, Order, { userId, status: 'pending' }, 'for update')).map(readRow)
  // All at once: one order after another would lock products out of their order (FC-78).
  await returnStock(
    tx,
    pending.flatMap(({ stockTaken, items }) => (stockTaken ? items : [])),
  )
  for (const { id } of pending) await change(tx, Order, id, { status: 'cancelled' })
}

import { change, encodeId, type HandlerOf, read, readRow, type Unit, uuidOf } from 'lintel/service'
import { User } from '../users/contract.ts'
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
  const pending = await tx.query<{ id: string }>(
    `select id from orders where user_id = $1 and status = 'pending' order by id for update`,
    [uuidOf(User, userId)],
  )
  const all = []
  for (const { id } of pending) all.push(readRow(await read(tx, Order, encodeId('ord', id))))
  // All at once: one order after another would lock products out of their order (FC-78).
  const taken = all.filter(({ stockTaken }) => stockTaken).flatMap(({ items }) => items)
  if (taken.length > 0) await returnStock(tx, taken)
  for (const { id } of all) await change(tx, Order, id, { status: 'cancelled' })
}

import {
  change,
  conflictOf,
  encodeId,
  type HandlerOf,
  hasRole,
  Problem,
  read,
  readRow,
  type Unit,
  uuidOf,
} from 'lintel/service'
import { User } from '../users/contract.ts'
import { Order, type orders } from './contract.ts'
import { returnStock } from './stock.ts'

type Status = 'pending' | 'paid' | 'shipped' | 'delivered' | 'cancelled'

const NEXT: Record<Status, readonly Status[]> = {
  pending: ['paid', 'cancelled'],
  paid: ['shipped', 'cancelled'],
  shipped: ['delivered'],
  delivered: [],
  cancelled: [],
}

export const changeStatus: HandlerOf<typeof orders, 'orders', 'update'> = async (input, unit) => {
  const { tx } = unit
  const { params, body, caller, expected } = input
  const row = await read(tx, Order, params.id, 'for update')
  const conflict = conflictOf(row, expected)
  if (conflict) throw conflict
  const order = readRow(row)
  const possible = NEXT[order.status].includes(body.status)
  // The owner may cancel, while it is pending; every other change is an admin's.
  if (!hasRole(caller, 'admin') && (body.status !== 'cancelled' || (possible && order.status !== 'pending')))
    throw new Problem('FORBIDDEN')
  if (!possible)
    throw new Problem('INVALID_TRANSITION', `An order that is ${order.status} cannot become ${body.status}`)
  if (body.status === 'cancelled' && order.stockTaken) await returnStock(tx, order.items)
  return setStatus(order.id, body.status as Exclude<Status, 'pending'>, unit)
}

/** Of a user who is gone (R-ORD-7). */
export async function cancelPendingOrders(userId: string, unit: Unit<typeof orders>): Promise<void> {
  const pending = await unit.tx.query<{ id: string }>(
    `select id from orders where user_id = $1 and status = 'pending' order by id for update`,
    [uuidOf(User, userId)],
  )
  const all: Shown[] = []
  for (const { id } of pending) all.push(readRow(await read(unit.tx, Order, encodeId('ord', id))))
  // All at once: one order after another would lock products out of their order (FC-78).
  const taken = all.filter(({ stockTaken }) => stockTaken).flatMap(({ items }) => items)
  if (taken.length > 0) await returnStock(unit.tx, taken)
  for (const { id } of all) await setStatus(id, 'cancelled', unit)
}

type Shown = ReturnType<typeof readRow<typeof Order>>

/** A change that may be made, of an order that is locked: with its event. */
async function setStatus(id: string, status: Exclude<Status, 'pending'>, { tx, emit }: Unit<typeof orders>) {
  const changed = await change(tx, Order, id, { status })
  emit(`order.${status}`, changed)
  return changed
}

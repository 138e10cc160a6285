import { change, type HandlerOf, hasRole, Problem, read, readRow, whyNot } from 'lintel/service'
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

export const changeStatus: HandlerOf<typeof orders, 'orders', 'update'> = async (asked, { tx, emit }) => {
  const { params, body, caller, expected } = asked
  const row = await read(tx, Order, params.id, 'for update')
  const conflict = whyNot(row, expected)
  if (conflict) throw conflict
  const order = readRow(row)
  const possible = NEXT[order.status].includes(body.status)
  // The owner may cancel, while it is pending; every other change is an admin's.
  if (!hasRole(caller, 'admin') && (body.status !== 'cancelled' || (possible && order.status !== 'pending')))
    throw new Problem('FORBIDDEN')
  if (!possible)
    throw new Problem('INVALID_TRANSITION', `An order that is ${order.status} cannot become ${body.status}`)
  if (body.status === 'cancelled' && order.stockTaken) await returnStock(tx, order.items)
  const changed = await change(tx, Order, params.id, { status: body.status })
  emit(`order.${body.status as Exclude<Status, 'pending'>}`, changed)
  return changed
}

import { type ConsumerHandlers, find, readRow } from 'lintel/service'
import { buyerOf } from './buyers.ts'
import { Order, type orders } from './contract.ts'

type Confirmations = ConsumerHandlers<typeof orders, 'confirmations'>

/** Mails the buyer what was ordered. History that is imported was confirmed long ago. */
export const confirmOrder: Confirmations['order.created'] = async ({ aggregateId, data }, { read, mail, signal }) => {
  const [order, buyer] = await Promise.all([find(read, Order, aggregateId), buyerOf(data.userId, read)])
  if (!order || !readRow(order).stockTaken) return
  // The event of the user may be on its way still.
  if (!buyer) throw new Error(`${data.userId} is not known yet`)
  if (buyer.email === null) return
  const lines = data.items.map((item) => `${item.quantity} × ${item.name}: ${item.lineTotal.toFixed(2)}`)
  await mail.send(
    {
      to: buyer.email,
      subject: 'Your order',
      text: `Thank you. You have ordered:\n\n${lines.join('\n')}\n\nTotal: ${data.total.toFixed(2)} ${data.currency}\nOrder: ${aggregateId}\n`,
    },
    signal,
  )
}

import { createHmac, timingSafeEqual } from 'node:crypto'
import { Problem, type RouteHandler, read, readObject, readRow } from 'lintel/service'
import { users } from '../../services/users/contract.ts'
import { comment } from './comments.ts'
import { type helpdesk, InboundMail, Ticket } from './contract.ts'

/** The signature is over the bytes that were sent; a mail that is posted again is the same comment. */
export const inboundMail: RouteHandler<typeof helpdesk, 'inboundMail'> = async ({ bytes, headers, json }, unit) => {
  const { tx, call, settings } = unit
  const expected = createHmac('sha256', settings.HELPDESK_MAIL_SECRET).update(bytes).digest()
  const given = Buffer.from(headers['x-signature'] ?? '', 'hex')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Problem('UNAUTHENTICATED')

  const { messageId, ticketId, from, text } = readObject(InboundMail, json())
  const { userId } = readRow(await read(tx, Ticket, ticketId))
  const owner = await call(users).users.get({ id: userId })
  if (owner.email.toLowerCase() !== from.toLowerCase()) throw new Problem('FORBIDDEN', 'The sender is not the owner')
  const news = await tx.query(
    'insert into inbound_mails (message_id) values ($1) on conflict do nothing returning message_id',
    [messageId],
  )
  if (news.length > 0) await comment(ticketId, userId, text, unit)
  return {}
}

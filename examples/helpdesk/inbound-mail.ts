import { createHmac, timingSafeEqual } from 'node:crypto'
import { Problem, type RouteHandler, read, readField, readObject } from 'lintel/service'
import { comment } from './comments.ts'
import { type helpdesk, InboundMail, Ticket } from './contract.ts'
import { findUser } from './find-user.ts'

/** A mail of the ticket's owner becomes a comment, once, however often it is posted. */
export const inboundMail: RouteHandler<typeof helpdesk, 'inboundMail'> = async ({ bytes, headers, json }, unit) => {
  if (!isSigned(bytes, headers['x-signature'], unit.settings.HELPDESK_MAIL_SECRET))
    throw new Problem('UNAUTHENTICATED', 'X-Signature is missing or wrong')
  const { messageId, ticketId, from, text } = readObject(InboundMail, json())
  const userId = readField(await read(unit.read, Ticket, ticketId), 'userId')
  const owner = await findUser(userId, unit)
  if (owner?.email.toLowerCase() !== from.toLowerCase())
    throw new Problem('FORBIDDEN', 'The ticket is not the sender’s')
  const isNew = await unit.tx.query(
    'insert into inbound_mails (message_id) values ($1) on conflict do nothing returning message_id',
    [messageId],
  )
  if (isNew.length > 0) await comment(ticketId, userId, text, unit)
  return {}
}

/** Over the bytes that were sent, not over what JSON makes of them. */
function isSigned(bytes: Uint8Array, signature: string | undefined, secret: string): boolean {
  const expected = createHmac('sha256', secret).update(bytes).digest()
  const given = Buffer.from(signature ?? '', 'hex')
  return given.length === expected.length && timingSafeEqual(given, expected)
}

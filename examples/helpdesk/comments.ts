import { type HandlerOf, type Id, idOf, insert, Problem, readField, touch, type Unit } from 'lintel/service'
import { Comment, type helpdesk, Ticket } from './contract.ts'
import { openTicket } from './find-ticket.ts'
import { User } from './users/contract.ts'

export const addComment: HandlerOf<typeof helpdesk, 'comments', 'create'> = async ({ params, body, caller }, unit) => {
  if (caller.kind !== 'user') throw new Problem('FORBIDDEN')
  return comment(params.ticketId, idOf(User, caller.id), body.text, unit)
}

/** A comment is news of its ticket too, whose version goes up. */
export async function comment(ticketId: Id<'tkt'>, authorId: Id<'usr'>, text: string, unit: Unit<typeof helpdesk>) {
  const { tx, emit } = unit
  const { userId } = await openTicket(ticketId, tx)
  await touch(tx, Ticket, ticketId)
  const row = await insert(tx, Comment, { ticketId, userId, authorId, text })
  emit('ticket.commented', ticketId, { commentId: readField(row, 'id'), authorId })
  return row
}

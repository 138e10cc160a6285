import { type Caller, hasRole, Problem, read, readRow, type Unit } from 'lintel/service'
import { type helpdesk, Ticket } from './contract.ts'

/** The ticket that a route is about: to others than its owner and agents there is none. */
export async function visibleTicket(ticketId: string, caller: Caller, unit: Unit<typeof helpdesk>) {
  const ticket = readRow(await read(unit.read, Ticket, ticketId))
  const isOwner = caller.kind === 'user' && caller.id === ticket.userId
  if (!isOwner && !hasRole(caller, 'admin')) throw new Problem('NOT_FOUND')
  return ticket
}

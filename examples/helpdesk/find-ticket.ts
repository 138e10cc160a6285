import { type Caller, hasRole, Problem, read, readRow, type Tx, type Unit } from 'lintel/service'
import { helpdesk, Ticket } from './contract.ts'

/** The ticket that a route is about: to others than its owner and agents there is none. */
export async function visibleTicket(ticketId: string, caller: Caller, unit: Unit<typeof helpdesk>) {
  const ticket = readRow(await read(unit.read, Ticket, ticketId))
  const isOwner = caller.kind === 'user' && caller.id === ticket.userId
  if (!isOwner && !hasRole(caller, 'agent')) throw new Problem('NOT_FOUND')
  return ticket
}

/** The ticket that something is added to, locked, so that it is not closed in the meantime. */
export async function openTicket(ticketId: string, tx: Tx) {
  const ticket = readRow(await read(tx, Ticket, ticketId, 'for update'))
  if (ticket.status === 'closed') throw new Problem(helpdesk.problems.TICKET_CLOSED)
  return ticket
}

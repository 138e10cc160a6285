import { change, encodeId, invalid, type JobHandler, type OperationHandler, Problem } from 'lintel/service'
import { helpdesk, Ticket } from './contract.ts'
import { findUser } from './find-user.ts'

export const close: OperationHandler<typeof helpdesk, 'close'> = ({ params, body, expected }, { tx }) =>
  change(tx, Ticket, params.ticketId, closedFor(body.reason), expected, 'as service')

export const assign: OperationHandler<typeof helpdesk, 'assign'> = async ({ params, body, expected }, unit) => {
  const { assigneeId } = body
  const assignee = await findUser(assigneeId, unit)
  if (!assignee?.roles.includes('agent')) throw new Problem(helpdesk.problems.NO_AGENT)
  const ticket = await change(unit.tx, Ticket, params.ticketId, { assigneeId }, expected)
  unit.emit('ticket.assigned', params.ticketId, { assigneeId })
  return ticket
}

export const report: OperationHandler<typeof helpdesk, 'report'> = async ({ query }, { read }) => {
  const { from, to } = query
  if (to !== null && to <= from) throw invalid('to', 'must be after from')
  const [counted] = await read.query<{ opened: number; closed: number }>(
    `select
       (select count(*)::int from tickets where created_at >= $1 and created_at < $2) as opened,
       (select count(*)::int from tickets where closed_at >= $1 and closed_at < $2) as closed`,
    [from, to ?? 'infinity'],
  )
  return counted ?? { opened: 0, closed: 0 }
}

/** Closes what was resolved, and left alone for some days since. What is over 1,000 waits for the next time. */
export const closeResolved: JobHandler<typeof helpdesk, 'closeResolved'> = async (_, { tx, settings }) => {
  const days = settings.HELPDESK_CLOSE_DAYS
  const left = await tx.query<{ id: string }>(
    `select id from tickets where status = 'resolved' and updated_at < now() - make_interval(days => $1)
     order by id limit 1000 for update`,
    [days],
  )
  const values = closedFor(`Nothing has happened for ${days} days since it was resolved`)
  for (const { id } of left) await change(tx, Ticket, encodeId('tkt', id), values)
}

function closedFor(reason: string) {
  return { status: 'closed', closedFor: reason, closedAt: new Date().toISOString() } as const
}

import type { EventHandlerOf } from 'lintel/service'
import type { helpdesk } from './contract.ts'
import { findUser } from './find-user.ts'

/** Mails the owner what has become of a ticket, at an address that is known to be theirs: anybody may give somebody else's. */
export const mailOwner: EventHandlerOf<typeof helpdesk, 'notices', 'ticket.resolved' | 'ticket.closed'> = async (
  { data },
  unit,
) => {
  const owner = await findUser(data.userId, unit)
  if (!owner?.emailVerified) return
  const reason = data.closedFor === null ? '' : `: ${data.closedFor}`
  const text = `Your ticket is ${data.status}${reason}\n`
  await unit.mail.send({ to: owner.email, subject: data.title, text }, unit.signal)
}

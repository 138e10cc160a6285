import type { EventHandlerOf } from 'lintel/service'
import { users } from '../../services/users/contract.ts'
import type { helpdesk } from './contract.ts'

/** Mails the owner what has become of a ticket. */
export const mailOwner: EventHandlerOf<typeof helpdesk, 'notices', 'ticket.resolved' | 'ticket.closed'> = async (
  { data },
  { call, mail, signal },
) => {
  const { email } = await call(users).users.get({ id: data.userId })
  const reason = data.closedFor === null ? '' : `: ${data.closedFor}`
  await mail.send({ to: email, subject: data.title, text: `Your ticket is ${data.status}${reason}\n` }, signal)
}

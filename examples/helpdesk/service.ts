import { implement } from 'lintel/service'
import { attachment } from './attachments.ts'
import { addComment } from './comments.ts'
import { helpdesk } from './contract.ts'
import { inboundMail } from './inbound-mail.ts'
import { mailOwner } from './notices.ts'
import { assign, close, closeResolved, report } from './tickets.ts'
import { note, timeline } from './timeline.ts'

export default implement(
  helpdesk,
  {
    comments: { create: addComment },
    close,
    assign,
    report,
    closeResolved,
    attachment,
    inboundMail,
    timeline,
    timelines: {
      'ticket.created': note,
      'ticket.resolved': note,
      'ticket.reopened': note,
      'ticket.closed': note,
      'ticket.assigned': note,
      'ticket.commented': note,
    },
    notices: { 'ticket.resolved': mailOwner, 'ticket.closed': mailOwner },
  },
  { migrations: new URL('./migrations/', import.meta.url), mailers: ['notices'] },
)

import { event, job, operation, ownConsumer, problem, resource, route, service, t } from 'lintel/contract'
import { anyOf, User } from './users/contract.ts'

/**
 * Whoever may see a ticket: the user whose it is, and agents. `closed` is the service's own:
 * nobody gets there but by a closure, which has a reason, or by the schedule.
 */
export const Ticket = resource('ticket', {
  id: 'tkt',
  parent: { of: User, field: 'userId' },
  owner: 'userId',
  fields: {
    userId: t.id('usr').server(),
    title: t.text({ min: 1, max: 200 }),
    text: t.text({ max: 10_000 }).default(''),
    status: t.state(
      {
        open: { resolved: 'agent', closed: 'service' },
        resolved: { reopened: 'owner', closed: 'service' },
        reopened: { resolved: 'agent', closed: 'service' },
        closed: {},
      },
      { initial: 'open', events: true },
    ),
    assigneeId: t.id('usr').optional().server(),
    closedFor: t.text({ max: 1000 }).optional().server(),
    closedAt: t.time().optional().server(),
  },
  list: {
    filter: ['status', 'assigneeId'],
    sort: ['createdAt'],
    defaultSort: '-createdAt',
    root: true,
  },
  access: {
    list: anyOf('owner', 'agent'),
    get: anyOf('owner', 'agent'),
    create: 'owner',
    update: anyOf('owner', 'agent'),
  },
})

/** Its owner is that of the ticket: who may see the one may see the other. */
export const Comment = resource('comment', {
  id: 'cmt',
  parent: { of: Ticket, field: 'ticketId' },
  nested: true,
  owner: 'userId',
  versioned: false,
  fields: {
    ticketId: t.id('tkt').server(),
    userId: t.id('usr').server().hidden(),
    authorId: t.id('usr').server(),
    text: t.text({ min: 1, max: 10_000 }),
  },
  access: { list: anyOf('owner', 'agent'), get: anyOf('owner', 'agent'), create: anyOf('owner', 'agent') },
  custom: ['create'],
  problems: { create: ['TICKET_CLOSED'] },
})

/** Its bytes come and go by the route `attachment`. */
export const Attachment = resource('attachment', {
  id: 'att',
  parent: { of: Ticket, field: 'ticketId' },
  nested: true,
  owner: 'userId',
  fields: {
    ticketId: t.id('tkt').server(),
    userId: t.id('usr').server().hidden(),
    name: t.text({ min: 1, max: 200 }).server(),
    bytes: t.integer({ min: 0 }).server(),
  },
  access: { list: anyOf('owner', 'agent') },
})

/** What the mail server posts, signed. */
export const InboundMail = {
  messageId: t.text({ min: 1, max: 200 }),
  ticketId: t.id('tkt'),
  from: t.email(),
  text: t.text({ min: 1, max: 10_000 }),
}

export const helpdesk = service('helpdesk', {
  resources: { tickets: Ticket, comments: Comment, attachments: Attachment },
  operations: {
    close: operation({
      method: 'POST',
      path: '/tickets/{ticketId}/closures',
      on: Ticket,
      access: anyOf('owner', 'agent'),
      body: { reason: t.text({ min: 1, max: 1000 }) },
      answer: Ticket,
      status: 200,
      problems: ['INVALID_TRANSITION'],
    }),
    assign: operation({
      method: 'POST',
      path: '/tickets/{ticketId}/assignments',
      on: Ticket,
      access: 'agent',
      body: { assigneeId: t.id('usr') },
      answer: Ticket,
      status: 200,
      problems: ['NO_AGENT'],
    }),
    report: operation({
      method: 'GET',
      path: '/ticket-reports',
      access: 'agent',
      cost: 5,
      query: { from: t.time(), to: t.time().optional() },
      answer: { opened: t.integer(), closed: t.integer() },
    }),
  },
  routes: {
    attachment: route({
      methods: ['GET', 'PUT'],
      path: '/tickets/{ticketId}/attachments/{name}',
      access: 'authenticated',
      body: { types: ['*/*'], maxBytes: 5 * 1024 ** 2, streamed: true },
      answers: { 200: 'application/octet-stream', 204: null },
      problems: ['NOT_FOUND', 'VALIDATION_ERROR', 'TICKET_CLOSED'],
      timeoutMs: 60_000,
    }),
    timeline: route({
      methods: ['GET'],
      path: '/tickets/{ticketId}/timeline',
      access: 'authenticated',
      answers: { 200: 'text/event-stream' },
      problems: ['NOT_FOUND'],
      description: 'What happens to a ticket, as it happens; from `Last-Event-ID` on, or from its beginning',
    }),
    inboundMail: route({
      methods: ['POST'],
      path: '/inbound-mails',
      access: 'public',
      credentials: 'own',
      body: { types: ['application/json'], maxBytes: 64 * 1024 },
      answers: { 204: null },
      problems: ['UNAUTHENTICATED', 'VALIDATION_ERROR', 'FORBIDDEN', 'NOT_FOUND', 'TICKET_CLOSED'],
      limits: [{ by: 'ip', maxRequests: 1_000, windowMs: 60_000 }],
      description: 'Takes a mail as a comment; `X-Signature` is the HMAC-SHA256 of the body in hexadecimal',
    }),
  },
  events: {
    'ticket.created': event(Ticket),
    'ticket.resolved': event(Ticket),
    'ticket.reopened': event(Ticket),
    'ticket.closed': event(Ticket),
    'ticket.assigned': event({ assigneeId: t.id('usr') }),
    'ticket.commented': event({ commentId: t.id('cmt'), authorId: t.id('usr') }),
  },
  consumers: {
    timelines: ownConsumer([
      'ticket.created',
      'ticket.resolved',
      'ticket.reopened',
      'ticket.closed',
      'ticket.assigned',
      'ticket.commented',
    ]),
    notices: ownConsumer(['ticket.resolved', 'ticket.closed'], { start: 'now' }),
  },
  jobs: { closeResolved: job({ everyMs: 3_600_000 }) },
  settings: {
    HELPDESK_MAIL_SECRET: t.text({ min: 16 }).hidden().describe('What the mail server signs with.'),
    HELPDESK_CLOSE_DAYS: t.integer({ min: 1, max: 365 }).default(7).describe('When a resolved ticket is closed.'),
    HELPDESK_FILES: t.text().default('.lintel/attachments').describe('The folder of attachments.'),
  },
  problems: {
    TICKET_CLOSED: problem(409, 'The ticket is closed'),
    NO_AGENT: problem(422, 'Only an agent can be assigned'),
  },
})

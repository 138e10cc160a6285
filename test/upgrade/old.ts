import { consumer, event, resource, service, t } from '../../src/contract/index.ts'
import { implement, insert } from '../../src/service/index.ts'
import { system } from '../../src/start/define-system.ts'
import { Assignment, deskOptions, hear } from './desk.ts'
import { migrationsOf } from './migrations-of.ts'

const Ticket = resource('ticket', {
  id: 'tkt',
  fields: { subject: t.text({ min: 1, max: 80 }) },
  list: { sort: ['createdAt'] },
  cached: { list: true },
  access: { list: 'public', get: 'public', create: 'public', update: 'public' },
})

const tickets = service('tickets', {
  resources: { tickets: Ticket },
  events: { 'ticket.created': event({ subject: t.text() }) },
})

const desk = service('desk', {
  resources: { assignments: Assignment },
  consumers: { tickets: consumer(tickets, ['ticket.created']) },
})

/** The build that is replaced: a ticket has a subject. */
export default system({
  name: 'upgrade',
  version: '1.0.0',
  services: [
    implement(tickets, {}, { migrations: migrationsOf('tickets') }),
    implement(
      desk,
      {
        assignments: {
          async create({ body: { ticketId } }, { tx, call }) {
            const { subject } = await call(tickets).tickets.get({ id: ticketId })
            return insert(tx, Assignment, { ticketId, subject })
          },
        },
        tickets: { 'ticket.created': hear },
      },
      deskOptions,
    ),
  ],
})

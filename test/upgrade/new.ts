import { consumer, event, olderShape, resource, service, t } from '../../src/contract/index.ts'
import { implement, insert, readRow } from '../../src/service/index.ts'
import { system } from '../../src/start/define-system.ts'
import { Assignment, deskOptions, hear } from './desk.ts'
import { migrationsOf } from './migrations-of.ts'

const Ticket = resource('ticket', {
  id: 'tkt',
  fields: { title: t.text({ min: 1, max: 80 }) },
  list: { sort: ['createdAt'] },
  cached: { list: true },
  access: { list: 'public', get: 'public', create: 'public', update: 'public' },
  custom: ['create'],
})

const tickets = service('tickets', {
  resources: { tickets: Ticket },
  events: {
    // Old consumers read the subject.
    'ticket.created': event({ subject: t.text(), title: t.text() }),
    'ticket.updated': event(Ticket),
  },
  latest: 2,
  older: {
    1: {
      shapes: {
        tickets: olderShape({
          without: ['title'],
          added: { subject: t.text({ min: 1, max: 80 }) },
          up: ({ subject, ...rest }) => (subject === undefined ? rest : { ...rest, title: subject }),
          down: ({ title, ...rest }) => ({ ...rest, subject: title }),
        }),
      },
    },
  },
})

const desk = service('desk', {
  resources: { assignments: Assignment },
  consumers: { tickets: consumer(tickets, ['ticket.created', 'ticket.updated']) },
})

/** The build that replaces the old one: the subject of a ticket is called its title, and desks hear of changes. */
export default system({
  name: 'upgrade',
  version: '2.0.0',
  services: [
    implement(
      tickets,
      {
        tickets: {
          async create({ body }, { tx, emit }) {
            const ticket = await insert(tx, Ticket, body)
            const { id, title } = readRow(ticket)
            emit('ticket.created', id, { subject: title, title })
            return ticket
          },
        },
      },
      { migrations: migrationsOf('tickets') },
    ),
    implement(
      desk,
      {
        assignments: {
          async create({ body: { ticketId } }, { tx, call }) {
            const { title } = await call(tickets).tickets.get({ id: ticketId })
            return insert(tx, Assignment, { ticketId, subject: title })
          },
        },
        tickets: { 'ticket.created': hear, 'ticket.updated': hear },
      },
      deskOptions,
    ),
  ],
})

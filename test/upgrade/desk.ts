import { resource, t } from '../../src/contract/index.ts'
import type { Event, Unit } from '../../src/service/index.ts'
import { migrationsOf } from './migrations-of.ts'

/** What the service `desk` is in both builds. */
export const Assignment = resource('assignment', {
  id: 'asg',
  fields: { ticketId: t.id('tkt'), subject: t.text({ max: 80 }).server() },
  access: { create: 'public' },
  custom: ['create'],
})

export async function hear({ id, type, aggregateId }: Event, { tx }: Pick<Unit, 'tx'>): Promise<void> {
  await tx.query('insert into heard (event_id, type, ticket_id) values ($1, $2, $3)', [id, type, aggregateId])
}

export const deskOptions = { migrations: migrationsOf('desk') }

import { consumer, resource, service, t } from 'lintel/contract'
import { notes } from '../notes/contract.ts'

/** What has happened to notes, as it was told: nobody writes it by hand. */
export const Entry = resource('entry', {
  id: 'ent',
  fields: {
    noteId: t.id('note'),
    what: t.oneOf('created', 'updated'),
    title: t.text({ max: 200 }),
  },
  list: { filter: ['noteId'], sort: ['createdAt'] },
  access: { list: 'public', get: 'public' },
})

export const history = service('history', {
  resources: { entries: Entry },
  consumers: { changes: consumer(notes, ['note.created', 'note.updated']) },
})

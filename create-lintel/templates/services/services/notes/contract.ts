import { event, resource, service, t } from 'lintel/contract'

export const Note = resource('note', {
  id: 'note',
  fields: {
    title: t.text({ min: 1, max: 200 }),
    text: t.text().default(''),
  },
  list: { filter: ['createdAt'], search: ['title'], sort: ['createdAt', 'title'] },
  access: { list: 'public', get: 'public', create: 'public', replace: 'public', update: 'public', delete: 'public' },
})

export const notes = service('notes', {
  resources: { notes: Note },
  events: { 'note.created': event(Note), 'note.updated': event(Note) },
})

import { system } from 'lintel'
import { resource, service, t } from 'lintel/contract'
import { implement } from 'lintel/service'

const Note = resource('note', {
  id: 'note',
  fields: { title: t.text({ min: 1, max: 200 }), text: t.text().default(''), pinned: t.boolean().default(false) },
  list: { filter: ['pinned', 'createdAt'], search: ['title'], sort: ['createdAt', 'title'] },
  access: { list: 'public', get: 'public', create: 'public', replace: 'public', update: 'public', delete: 'public' },
})

export const notes = service('notes', { resources: { notes: Note } })

export default system({
  name: 'notebook',
  services: [implement(notes, {}, { migrations: new URL('./migrations/', import.meta.url) })],
})

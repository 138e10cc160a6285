import { resource, service, t } from 'lintel/contract'

export const Note = resource('note', {
  id: 'note',
  fields: {
    userId: t.id('usr').server(),
    title: t.text({ min: 1, max: 200 }),
    text: t.text().default(''),
  },
  owner: 'userId',
  list: { filter: ['createdAt'], search: ['title'], sort: ['createdAt', 'title'], scans: ['q'] },
  access: {
    list: 'owner | admin',
    get: 'owner | admin',
    create: 'authenticated',
    replace: 'owner',
    update: 'owner',
    delete: 'owner | admin',
  },
})

export const notes = service('notes', { resources: { notes: Note } })

import { resource, service, t } from 'lintel/contract'
import { implement } from 'lintel/service'

export const Note = resource('note', {
  id: 'note',
  owner: 'ownerId',
  fields: { ownerId: t.text({ max: 255 }).server(), text: t.text() },
  access: {
    list: 'owner | admin',
    get: 'owner | admin',
    create: 'authenticated',
    update: 'owner',
    delete: 'owner | admin',
  },
})

/** Notes of users whom an identity provider knows. */
export default implement(
  service('notes', { resources: { notes: Note } }),
  {},
  { migrations: new URL('./migrations/', import.meta.url) },
)

import { implement } from 'lintel/service'
import { history } from './contract.ts'
import { noteDown } from './note-down.ts'

export default implement(
  history,
  { changes: { 'note.created': noteDown, 'note.updated': noteDown } },
  { migrations: new URL('./migrations/', import.meta.url) },
)

import { type EventHandlerOf, insert } from 'lintel/service'
import { Entry, type history } from './contract.ts'

type NoteDown = EventHandlerOf<typeof history, 'changes', 'note.created' | 'note.updated'>

/** In one transaction with the mark that the event is done: it happens once, however often the event comes. */
export const noteDown: NoteDown = async (event, { tx }) => {
  const { id, title } = event.data
  const what = event.type === 'note.created' ? 'created' : 'updated'
  await insert(tx, Entry, { noteId: id, what, title })
}

import { consumer, event, resource, service, t } from '../../src/contract/index.ts'
import { implement } from '../../src/service/implement.ts'
import { insert } from '../../src/service/index.ts'
import { system } from '../../src/start/define-system.ts'

const migrations = (folder: string) => new URL(`./${folder}/`, import.meta.url)
const access = { list: 'public', create: 'public' } as const

const Word = resource('word', { id: 'wrd', fields: { text: t.text() }, list: {}, access, custom: ['create'] })
const speakers = service('speakers', { resources: { words: Word }, events: { 'word.created': event(Word) } })

const Note = resource('note', { id: 'note', fields: { text: t.text() }, list: {}, access, custom: ['create'] })
const listeners = service('listeners', {
  resources: { notes: Note },
  consumers: { words: consumer(speakers, ['word.created'], { attempts: 2 }) },
  events: { 'note.created': event(Note) },
})

/** A request of one service calls another, and causes an event; whoever hears it causes another. */
export default system({
  name: 'traced',
  services: [
    implement(
      listeners,
      {
        notes: { create: ({ body }, { tx }) => insert(tx, Note, body) },
        words: {
          async 'word.created'({ data: { text } }, { tx, log, emit }) {
            emit('note.created', await insert(tx, Note, { text }))
            log.info({}, 'a word was heard')
            if (text === 'fail') throw new Error('it was not understood')
          },
        },
      },
      { migrations: migrations('listeners') },
    ),
    implement(
      speakers,
      {
        words: {
          async create({ body }, { tx, call, emit }) {
            await call(listeners).notes.list({ query: { count: 'none' } })
            const word = await insert(tx, Word, body)
            emit('word.created', word)
            return word
          },
        },
      },
      { migrations: migrations('speakers') },
    ),
  ],
})

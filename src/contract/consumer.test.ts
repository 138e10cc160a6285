import { expect, expectTypeOf, test } from 'vitest'
import type { ConsumerHandlers } from '../service/handler.ts'
import { event, ownConsumer, resource, service, t } from './index.ts'

const Note = resource('note', { id: 'nte', fields: { title: t.text() }, access: { list: 'public' } })
const events = { 'note.created': event(Note), 'note.opened': event({ by: t.text() }) }

const notes = service('notes', {
  resources: { notes: Note },
  events,
  consumers: { readers: ownConsumer(['note.opened'], { start: 'now' }) },
})

test('R-EVT-2: a consumer of the service’s own events has them from its contract', () => {
  expect(notes.consumers.readers).toMatchObject({
    from: 'notes',
    events: { 'note.opened': events['note.opened'] },
    start: 'now',
  })
  type Handler = ConsumerHandlers<typeof notes, 'readers'>['note.opened']
  expectTypeOf<Parameters<Handler>[0]['data']>().toEqualTypeOf<{ by: string }>()
})

test('R-P-6: an own event that there is not is refused by the compiler and at definition', () => {
  const define = () =>
    service('notes', {
      resources: { notes: Note },
      events,
      // @ts-expect-error: the contract has no such event
      consumers: { readers: ownConsumer(['note.openned']) },
    })
  expect(define).toThrow('R-EVT-2 consumers.readers: consumes "note.openned", which notes does not publish')
})

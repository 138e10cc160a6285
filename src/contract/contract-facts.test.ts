import { expect, test } from 'vitest'
import { contractFacts, incompatibilities } from './contract-facts.ts'
import { event } from './event.ts'
import { t } from './fields.ts'
import { operation } from './operation.ts'
import { route } from './route.ts'
import { service } from './service.ts'

const usual = { method: 'POST', path: '/notes', access: 'public', status: 202 } as const

function facts(body: object, answer: object, events: object = {}) {
  return contractFacts(
    service('notes', {
      operations: { write: operation({ ...usual, body: body as never, answer: answer as never }) },
      events: events as never,
    }),
  )
}

const old = facts({ text: t.text() }, { id: t.id('nte') }, { 'note.written': event({ text: t.text() }) })
const why = (other: ReturnType<typeof facts>) => Object.fromEntries(incompatibilities(old, other))

test('R-P-3: what was added, and what is optional, keeps an older caller going', () => {
  expect(why(old)).toEqual({})
  const newer = facts(
    { text: t.text(), colour: t.text().optional(), at: t.object({ x: t.integer() }).optional() },
    { id: t.id('nte'), colour: t.text() },
    { 'note.written': event({ text: t.text(), colour: t.text() }), 'note.archived': event({ text: t.text() }) },
  )
  expect(why(newer)).toEqual({})
  // The other way round, a caller that is newer would miss what it relies on, and says which.
  expect(Object.fromEntries(incompatibilities(newer, old))).toEqual({
    'notes.write': 'does not take "colour" in version 1',
    'note.written': 'lacks "colour"',
    'note.archived': 'is missing',
  })
})

test('R-P-3: whoever only passes bytes on, as the gateway does, minds no fields', () => {
  const other = facts({}, { no: t.integer() }, { 'note.written': event({ text: t.text() }) })
  expect([...incompatibilities(old, other, { passes: true })]).toEqual([])
  const gone = contractFacts(service('notes', { events: { 'note.written': event({ text: t.text() }) } }))
  expect([...incompatibilities(old, gone, { passes: true })]).toEqual([['notes.write', 'is missing']])
})

test.each([
  ['a field of the body that is gone', facts({}, { id: t.id('nte') }), 'does not take "text" in version 1'],
  [
    'one of another kind',
    facts({ text: t.integer() }, { id: t.id('nte') }),
    'takes "text" as integer, not as text in version 1',
  ],
  [
    'one that is new and required',
    facts({ text: t.text(), to: t.text() }, { id: t.id('nte') }),
    'asks for "to" in version 1',
  ],
  ['a field of the answer that is gone', facts({ text: t.text() }, { no: t.integer() }), 'lacks "id" in version 1'],
  [
    'an id of another type',
    facts({ text: t.text() }, { id: t.id('usr') }),
    'has "id" as id usr, not as id nte in version 1',
  ],
])('R-P-3: an operation with %s is refused, and the reason names it', (_, other, reason) => {
  expect(why(other)).toMatchObject({ 'notes.write': reason, 'note.written': 'is missing' })
})

test('R-P-3: a route whose body streams does not go with one that takes it whole; the other way round it does', () => {
  const of = (streamed: boolean) =>
    contractFacts(
      service('notes', {
        routes: {
          upload: route({
            methods: ['PUT'],
            path: '/uploads',
            access: 'public',
            body: { types: ['*/*'], maxBytes: 1024, streamed },
            answers: { 204: null },
          }),
        },
      }),
    )
  expect([...incompatibilities(of(true), of(false), { passes: true }).keys()]).toEqual(['notes.upload.put'])
  expect([...incompatibilities(of(false), of(true), { passes: true })]).toEqual([])
})

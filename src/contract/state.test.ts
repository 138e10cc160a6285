import { expect, test } from 'vitest'
import { event, resource, service, t } from './index.ts'

const ACCESS = { list: 'public', update: 'owner | admin' }
type Loose = Readonly<Record<string, unknown>>

/** A contract of an author whom no type holds up. */
const withStates = (states: unknown, options: unknown = { initial: 'open' }, more: Loose = {}) =>
  service('desk', {
    resources: {
      tickets: resource('ticket', {
        id: 'tkt',
        owner: 'userId',
        fields: { userId: t.id('usr').server(), stage: t.state(states as never, options as never) },
        access: ACCESS,
        ...more,
      } as never),
    },
    events: { 'ticket.closed': event({ stage: t.text() }) },
  })

const SOUND = { open: { closed: 'owner | admin' }, closed: {} }

test('R-P-6: sound states are taken, with events where each is declared', () => {
  expect(() => withStates(SOUND)).not.toThrow()
  expect(() => withStates(SOUND, { initial: 'open', events: true })).not.toThrow()
  expect(() => withStates({ open: { closed: 'service' }, closed: {} })).not.toThrow()
})

test.each<[string, string, () => unknown]>([
  [
    'a transition that leads nowhere',
    'has the transition open -> closd, which leads nowhere. Did you mean "closed"?',
    () => withStates({ open: { closd: 'admin', closed: 'admin' }, closed: {} }),
  ],
  ['a state that none leads to', 'cannot reach "closed" from "open"', () => withStates({ open: {}, closed: {} })],
  ['no initial state', 'has no initial state. Say where a new one begins', () => withStates(SOUND, {})],
  ['an unknown initial state', 'begins as "new", which is no state of it', () => withStates(SOUND, { initial: 'new' })],
  [
    'a transition to itself',
    'has the transition open -> open, which changes nothing',
    () => withStates({ open: { open: 'admin', closed: 'admin' }, closed: {} }),
  ],
  ['no states', 'accepts no value: its list of values is empty', () => withStates({})],
  [
    'an access rule with a comma',
    'has the transition open -> closed, whose access rule has the term "owner, admin"',
    () => withStates({ open: { closed: 'owner, admin' }, closed: {} }),
  ],
  [
    'an unknown role',
    'has the role "admn", which no access rule of this contract names. Did you mean "admin"?',
    () => withStates({ open: { closed: 'admn' }, closed: {} }),
  ],
  [
    'an owner of what has none',
    'uses "owner", but the resource has none',
    () => withStates(SOUND, { initial: 'open' }, { owner: undefined, access: { list: 'public', update: 'admin' } }),
  ],
  [
    'an event that is not declared',
    'the contract has no event "ticket.lost"',
    () =>
      withStates({ open: { closed: 'admin', lost: 'admin' }, closed: {}, lost: {} }, { initial: 'open', events: true }),
  ],
  [
    'a state with events that names nothing that has happened',
    'publishes its transitions, and "ticket.open" cannot be an event: "open" says nothing that has happened. Name the state like `reopened`',
    () => withStates({ open: { closed: 'admin' }, closed: { open: 'admin' } }, { initial: 'open', events: true }),
  ],
  [
    'a state without what follows',
    't.state has null as `states.closed`: expected an object',
    () => withStates({ open: { closed: 'admin' }, closed: null }),
  ],
])('R-P-6: %s is a Fault at definition', (_, message, define) => {
  expect(define).toThrow(message)
})

test('R-P-6: a state stands in no object, and has no mark that would let it be anything else', () => {
  const stage = t.state({ open: { closed: 'admin' }, closed: {} }, { initial: 'open' })
  const define = (fields: Loose) => () =>
    service('desk', {
      resources: { tickets: resource('ticket', { id: 'tkt', fields, access: { list: 'admin' } } as never) },
    })
  expect(define({ stage: stage.optional() })).toThrow('is a state and nullable')
  expect(define({ stage: stage.default('closed') })).toThrow('is a state and optional')
  expect(define({ life: t.object({ stage }) })).toThrow('is a state inside an object')
  expect(define({ stage: stage.server().describe('Where it stands') })).not.toThrow()
})

test('R-P-6: an unknown option of a state is named', () => {
  expect(() => t.state(SOUND, { initial: 'open', event: true } as never)).toThrow('did you mean "events"?')
  expect(() => t.state(SOUND, undefined as never)).toThrow('t.state')
})

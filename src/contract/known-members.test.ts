import { expect, test } from 'vitest'
import { implement } from '../service/implement.ts'
import { consumer } from './consumer.ts'
import { t } from './fields.ts'
import { job } from './job.ts'
import { operation } from './operation.ts'
import { resource } from './resource.ts'
import { service } from './service.ts'
import { olderShape } from './versions.ts'

// As somebody who writes JavaScript has it: no compiler, and no editor.
const plain = (value: unknown) => value as never

const fields = { text: t.text() }
const access = { list: 'public', create: 'public' } as const
const note = (more: object) => resource('note', plain({ id: 'note', fields, access, ...more }))
const ping = { method: 'GET', path: '/pings', access: 'public', answer: fields }
const limits = [{ by: 'ip', maxRequest: 1, windowMs: 1 }]

test.each<[string, string, () => unknown]>([
  [
    'a resource',
    'resource "note" has the unknown member "acces": did you mean "access"?',
    () => note({ acces: { list: 'admin' } }),
  ],
  [
    'a list',
    'resource "note": list has the unknown member "filters": did you mean "filter"?',
    () => note({ list: { filters: [] } }),
  ],
  [
    'a limit',
    'resource "note": limits.create has the unknown member "maxRequest": did you mean "maxRequests"?',
    () => note({ limits: { create: limits } }),
  ],
  [
    'an operation',
    'operation GET /pings has the unknown member "acess": did you mean "access"?',
    () => operation(plain({ ...ping, acess: 'admin' })),
  ],
  [
    'a limit of one',
    'operation GET /pings: limits has the unknown member "maxRequest"',
    () => operation(plain({ ...ping, limits })),
  ],
  ['a job', 'job has the unknown member "every": did you mean "everyMs"?', () => job(plain({ every: 60_000 }))],
  [
    'a service',
    'service "notes" has the unknown member "resource": did you mean "resources"?',
    () => service('notes', plain({ resource: {} })),
  ],
  [
    'a version',
    'service "notes": older.1 has the unknown member "sunsett": did you mean "sunset"?',
    () => service('notes', plain({ latest: 2, older: { 1: { sunsett: 'x', shapes: {} } } })),
  ],
  ['a shape', 'olderShape has the unknown member "upp": did you mean "up"?', () => olderShape(plain({ upp: 1 }))],
  [
    'a consumer',
    'consumer of "notes" has the unknown member "attemps": did you mean "attempts"?',
    () => consumer({ name: 'notes', events: {} }, [], plain({ attemps: 1 })),
  ],
  ['a text', 't.text has the unknown member "maks": did you mean "max"?', () => t.text(plain({ maks: 5 }))],
  [
    'a number',
    't.integer has the unknown member "minimum": expected one of min, max',
    () => t.integer(plain({ minimum: 5 })),
  ],
  ['a decimal', 't.decimal has the unknown member "scal"', () => t.decimal(plain({ scale: 2, scal: 2 }))],
  ['an amount', 't.money has the unknown member "scale"', () => t.money(plain({ scale: 2 }))],
  ['a list field', 't.list has the unknown member "mx": did you mean "max"?', () => t.list(t.text(), plain({ mx: 2 }))],
])('FC-1 R-P-6: an option of %s that means nothing is refused', (_, message, define) => {
  expect(define).toThrow(
    expect.objectContaining({ code: 'INVALID_CONTRACT', message: expect.stringContaining(`R-P-6 ${message}`) }),
  )
})

test.each<[string, () => unknown]>([
  ['resource "note" has "yes" as `versioned`: expected true or false', () => note({ versioned: 'yes' })],
  ['resource "note" has 1 as `softDelete`: expected true or false', () => note({ softDelete: 1 })],
  ['resource "note" has null as `nested`: expected true or false', () => note({ nested: null })],
  ['resource "note" has NaN as `requireVersion`: expected', () => note({ requireVersion: Number.NaN })],
  ['resource "note": list has "no" as `root`: expected true or false', () => note({ list: { root: 'no' } })],
  ['resource "note": list has "text" as `filter`: expected a list', () => note({ list: { filter: 'text' } })],
  ['resource "note" has "text" as `unique`: expected a list', () => note({ unique: 'text' })],
  ['resource "note" has "create" as `custom`: expected a list', () => note({ custom: 'create' })],
  ['resource "note" has a list as `list`: expected an object', () => note({ list: ['text'] })],
  ['resource "note" has "public" as `access`: expected an object', () => note({ access: 'public' })],
  ['resource "note" has undefined as `access`: expected an object', () => note({ access: undefined })],
  ['resource "note" has undefined as `fields`: expected an object', () => note({ fields: undefined })],
  ['resource "note" has a list as `limits`: expected an object', () => note({ limits })],
  [
    'resource "note" has an object as `limits.list`: expected a list',
    () => note({ limits: { list: { by: 'ip', maxRequests: 1, windowMs: 1 } } }),
  ],
  [
    'resource "note" has null as `limits.list[1]`: expected an object',
    () => note({ limits: { list: [{ by: 'ip', maxRequests: 1, windowMs: 1 }, null] } }),
  ],
  [
    'resource "note" has "CONFLICT" as `problems.list`: expected a list',
    () => note({ problems: { list: 'CONFLICT' } }),
  ],
  ['resource "note" has undefined as `options`: expected an object', () => resource('note', plain(undefined))],
  ['operation GET /pings has 1 as `secret`: expected true or false', () => operation(plain({ ...ping, secret: 1 }))],
  [
    'operation GET /pings has an object as `limits`: expected a list',
    () => operation(plain({ ...ping, limits: { by: 'ip', maxRequests: 1, windowMs: 1 } })),
  ],
  [
    'operation GET /pings has a function as `problems`: expected a list',
    () => operation(plain({ ...ping, problems: () => [] })),
  ],
  ['operation(…) has undefined as `options`: expected an object', () => operation(plain(undefined))],
  ['service "notes" has undefined as `options`: expected an object', () => service('notes', plain(undefined))],
  [
    'service "notes": buckets.account has "yes" as `auth`: expected true or false',
    () => service('notes', plain({ buckets: { account: { maxRequests: 1, windowMs: 1, auth: 'yes' } } })),
  ],
  [
    'service "notes": buckets.account has the unknown member "window"',
    () => service('notes', plain({ buckets: { account: { maxRequests: 1, window: 1 } } })),
  ],
  [
    'consumer of "notes" has the unknown member "mails"',
    () => consumer({ name: 'notes', events: {} }, [], plain({ mails: 'yes' })),
  ],
])('R-P-6: a contract is refused in which %s', (message, define) => {
  expect(define).toThrow(
    expect.objectContaining({ code: 'INVALID_CONTRACT', message: expect.stringContaining(`R-P-6 ${message}`) }),
  )
})

test('R-P-6: implement names the argument that is missing', () => {
  const notes = service('notes', { resources: { notes: resource('note', { id: 'note', fields, access }) } })
  const options = { migrations: new URL('file:///nowhere/') }
  const refused = (given: unknown[], message: string) =>
    expect(() => (implement as (...all: unknown[]) => unknown)(...given)).toThrow(
      expect.objectContaining({ code: 'INVALID_SERVICE', message: expect.stringContaining(message) }),
    )
  refused([], 'needs a contract first')
  refused([notes], 'implement(notes, …) needs its handlers second')
  refused([notes, undefined, options], 'implement(notes, …) needs its handlers second')
  refused([notes, {}], 'implement(notes, handlers, …) needs options third, with the folder of its migrations')
  refused([notes, options], 'needs options third')
  refused([notes, { notes: undefined }, options], 'has undefined as "notes": expected a handler')
})

test('FC-1: so are options and handlers of implement', () => {
  const notes = service('notes', {
    resources: { notes: resource('note', { id: 'note', fields, access, custom: ['create'] }) },
  })
  const migrations = new URL('file:///nowhere/')
  const handlers = { notes: { create: async () => ({}) } }
  expect(() => implement(notes, plain(handlers), plain({ migrations, comands: {} }))).toThrow(
    'implement(notes, …, options) has the unknown member "comands": did you mean "commands"?',
  )
  expect(() =>
    implement(notes, plain({ notes: { ...handlers.notes, crete: async () => ({}) } }), { migrations }),
  ).toThrow(
    'implement(notes, …) has a handler "notes.crete", which the contract does not use: did you mean "notes.create"?',
  )
  expect(() =>
    implement(notes, plain({ notes: { ...handlers.notes, list: async () => ({}) } }), { migrations }),
  ).toThrow('add its verb to `custom`, or remove the handler')
  expect(() => implement(notes, plain(handlers), { migrations })).not.toThrow()
})

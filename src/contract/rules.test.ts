import { describe, expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { Fault } from '../base/errors.ts'
import { openapi } from './documents/openapi.ts'
import type { Fields } from './fields.ts'
import { consumer, event, job, olderShape, operation, problem, resource, service, t } from './index.ts'
import type { AnyResource } from './resource.ts'
import { brokenRules } from './rules.ts'

/** What a mistaken author may write: nothing of it is typed. */
type Loose = Readonly<Record<string, unknown>>

const noteOf = ({ name = 'note', ...options }: Loose = {}) =>
  resource(
    name as string,
    {
      id: 'nte',
      fields: { title: t.text() },
      access: { list: 'public' },
      ...options,
    } as never,
  ) as AnyResource

const notes = (options: Loose = {}, more: Loose = {}) =>
  service('notes', { resources: { notes: noteOf(options) }, ...more } as never)
const withFields = (fields: Fields) => notes({ fields })
const withField = (field: Fields[string]) => withFields({ title: field })
const withList = (list: Loose, fields: Fields = { title: t.text() }) => notes({ list, fields })
const withEvents = (events: Loose) => notes({}, { events })

const own = (options: Loose = {}, key = 'statistics') =>
  service('notes', {
    operations: {
      [key]: operation({
        method: 'GET',
        path: '/statistics',
        access: 'public',
        answer: { count: t.integer() },
        ...options,
      } as never),
    },
  })
const at = (path: string) => own({ path })

const User = resource('user', { id: 'usr', owner: 'id', fields: { name: t.text() }, access: { get: 'owner' } })
const Board = resource('board', { id: 'brd', fields: { name: t.text() }, access: { get: 'public' } })
const owned = { fields: { userId: t.id('usr').server() }, owner: 'userId', parent: { of: User, field: 'userId' } }

const older = (latest: number, versions: Loose, options: Loose = {}) => notes(options, { latest, older: versions })
const shape = (options: Loose) => ({
  shapes: { notes: olderShape({ up: (it: unknown) => it, down: (it: unknown) => it, ...options } as never) },
})

/** Each line of the refusal; none of a contract that is sound. */
function violations(define: () => unknown): string[] {
  try {
    define()
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'INVALID_CONTRACT') throw error
    const [, ...lines] = error.message.split('\n')
    return lines.map((line) => line.trim())
  }
  return []
}

type Case = readonly [name: string, violation: string, define: () => unknown]

/** Just this one violation is found, and what follows it is a hint. */
function refused(cases: readonly Case[]) {
  for (const [name, violation, define] of cases)
    test(`R-P-6: ${name} is refused with ${violation.split(' ')[0]} and a hint`, () => {
      const found = violations(define)
      expect(found.map((line) => line.slice(0, violation.length))).toEqual([violation])
      expect(found[0]!.slice(violation.length)).toMatch(/^[^.]*\. .{10}/)
    })
}

function sound(cases: readonly (readonly [name: string, define: () => unknown])[]) {
  for (const [name, define] of cases) test(`R-P-6: ${name}`, () => expect(violations(define)).toEqual([]))
}

describe('names', () => {
  refused([
    [
      'a service in camelCase',
      'R-REST-1 myNotes: is not a valid service name',
      () => service('myNotes', { resources: { notes: noteOf() } }),
    ],
    ['a service that ends with a dash', 'R-REST-1 notes-: is not a valid service name', () => service('notes-', {})],
    [
      'a collection in the singular',
      'R-REST-1 notes: has the singular collection "note"',
      () => notes({ plural: 'note' }),
    ],
    [
      'a plural that is none',
      'R-REST-1 notes: has the singular collection "address"',
      () => notes({ plural: 'address' }),
    ],
    [
      'a plural that only looks like one',
      'R-REST-1 notes: has the singular collection "note-status"',
      () => notes({ plural: 'note-status' }),
    ],
    ['a missing plural', 'R-REST-1 notes: has the path segment ""', () => notes({ plural: '' })],
    [
      'a resource that is named in the plural',
      'R-REST-1 notes: is named "notes", which is a plural',
      () => notes({ name: 'notes' }),
    ],
    [
      'a resource in camelCase',
      'R-REST-1 notes: is named "bigNote"',
      () => notes({ name: 'bigNote', plural: 'notes' }),
    ],
    ['a path in camelCase', 'R-REST-1 notes: has the path segment "myNotes"', () => notes({ plural: 'myNotes' })],
    ['a path with a slash', 'R-REST-1 notes: has the path segment "my/notes"', () => notes({ plural: 'my/notes' })],
    [
      'a key in kebab-case',
      'R-REST-1 my-notes: is not in camelCase',
      () => service('notes', { resources: { 'my-notes': noteOf() } }),
    ],
    [
      'a verb before a collection',
      'R-REST-1 notes: has the verb "create-notes" in its path',
      () => notes({ plural: 'create-notes' }),
    ],
    ['an id prefix with a digit', 'R-BODY-1 notes: has the id prefix "nt3"', () => notes({ id: 'nt3' })],
    ['an id prefix of one letter', 'R-BODY-1 notes: has the id prefix "n"', () => notes({ id: 'n' })],
    [
      'an id prefix that another resource has',
      'R-BODY-1 boards: shares the id prefix "nte" with notes',
      () => service('notes', { resources: { notes: noteOf(), boards: noteOf({ name: 'board' }) } }),
    ],
  ])

  sound([
    ['a plural of two words is sound', () => notes({ name: 'sticky-note' })],
    ['a noun that is a verb too is sound', () => notes({ name: 'order' })],
    ['a name that only looks like a plural is sound, where its key is another', () => notes({ name: 'cosmos' })],
    ['an act that another noun follows is sound', () => notes({ name: 'login-attempt' })],
    ['a plural that ends like a singular is sound', () => notes({ name: 'menu' })],
    ['a service without resources is sound', () => service('notes', {})],
    ...['people', 'grandchildren', 'women', 'media', 'sales-people', 'equipment', 'criteria', 'statuses', 'series'].map(
      (plural) => [`the plural ${plural} is sound`, () => notes({ name: 'one', plural })] as const,
    ),
    ['a word that is its own plural is sound', () => notes({ name: 'series', plural: 'series' })],
  ])
})

describe('fields', () => {
  refused([
    [
      'a field in snake_case',
      'R-REST-1 notes.unit_price: is not in camelCase',
      () => withFields({ unit_price: t.text() }),
    ],
    [
      'a field in snake_case inside a list of objects',
      'R-REST-1 notes.items[].unit_price: is not in camelCase',
      () => withFields({ items: t.list(t.object({ unit_price: t.text() })) }),
    ],
    [
      'a field that every JavaScript object has',
      'R-BODY-4 notes.constructor: has the name of a built-in member of JavaScript objects',
      () => withFields({ constructor: t.text() as never }),
    ],
    ...['id', 'version', 'createdAt', 'updatedAt'].map(
      (name): Case => [
        `the field ${name}, declared by hand,`,
        `R-BODY-2 notes.${name}: is declared by hand`,
        () => withFields({ [name]: t.text() }),
      ],
    ),
    [
      'min above max',
      'R-BODY-4 notes.title: accepts no value: min (5) is greater than max (4)',
      () => withField(t.text({ min: 5, max: 4 })),
    ],
    [
      'a limit that is no number',
      'R-BODY-4 notes.title: has the max NaN',
      () => withField(t.text({ max: Number.NaN })),
    ],
    [
      'a choice without values',
      'R-BODY-4 notes.title: accepts no value: its list of values is empty',
      () => withField(t.oneOf()),
    ],
    [
      'a choice with one value twice',
      'R-BODY-4 notes.title: lists the value "a" twice',
      () => withField(t.oneOf('a', 'b', 'a')),
    ],
    ['a reference without a prefix', 'R-BODY-1 notes.title: has the id prefix ""', () => withField(t.id(''))],
    [
      'a reference with a strange prefix',
      'R-BODY-1 notes.title: has the id prefix "Usr"',
      () => withField(t.id('Usr')),
    ],
    [
      'more decimals than a number holds',
      'R-BODY-3 notes.title: has the scale 16',
      () => withField(t.decimal({ scale: 16 })),
    ],
    ['half a decimal', 'R-BODY-3 notes.title: has the scale 1.5', () => withField(t.decimal({ scale: 1.5 }))],
    ...(['hidden', 'inputOnly'] as const).map(
      (mark): Case => [
        `a field inside an object that is ${mark}`,
        'R-BODY-7 notes.place.x: is hidden inside an object',
        () => withFields({ place: t.object({ x: t.integer()[mark]() }) }),
      ],
    ),
    [
      'a pattern that remembers where it stopped',
      'R-BODY-4 notes.title: has the pattern /a/g',
      () => withField(t.text({ pattern: /a/g })),
    ],
    [
      'a field that can neither be given nor seen',
      'R-BODY-4 notes.title: is both server() and inputOnly(), so that nobody can set or see it',
      () =>
        notes({ fields: { title: t.text().server().inputOnly() }, access: { create: 'admin' }, custom: ['create'] }),
    ],
    [
      'a default that breaks the limits of its field',
      'R-BODY-4 notes.title: has a default that fails its own check: it must have at most 3 characters',
      () => withField(t.text({ max: 3 }).default('long')),
    ],
    [
      'a default of another type, deep inside,',
      'R-BODY-4 notes.items[].size: has a default that fails its own check: it must be a whole number',
      () => withFields({ items: t.list(t.object({ size: t.integer().default(1.5) })) }),
    ],
    [
      'a default that is null where null is not allowed',
      'R-BODY-4 notes.title: has a default that fails its own check: it must be a string',
      () => withField(t.text().default(null as never)),
    ],
    [
      'a default with a wrong member',
      'R-BODY-4 notes.title: has a default that fails its own check: [1] must be one of a',
      () => withField(t.list(t.oneOf('a')).default(['a', 'b' as 'a'])),
    ],
    [
      'money among the inputs of what has no currency',
      'R-BODY-3 notes.input.create: has money without a currency',
      () => notes({ access: { create: 'admin' }, custom: ['create'], input: { create: { price: t.money() } } }),
    ],
    [
      'money without a currency',
      'R-BODY-3 notes: has money without a currency',
      () => withFields({ price: t.money(), rest: t.money() }),
    ],
    [
      'money without a currency inside a list',
      'R-BODY-3 notes.lines[]: has money without a currency',
      () => withFields({ lines: t.list(t.object({ price: t.money() })) }),
    ],
    [
      'a list of money without a currency',
      'R-BODY-3 notes: has money without a currency',
      () => withField(t.list(t.money())),
    ],
    [
      'a unique field that is none',
      'R-DEL-1 notes.unique: names an unknown field: "toString"',
      () => notes({ unique: ['toString'] }),
    ],
    [
      'a required version of what has none',
      'R-LOCK-2 notes: requires a version but is not versioned',
      () => notes({ versioned: false, requireVersion: true }),
    ],
    [
      'a version among the inputs',
      'R-LOCK-1 notes.input.update.version: is declared by hand',
      () => notes({ access: { update: 'admin' }, custom: ['update'], input: { update: { version: t.integer() } } }),
    ],
    [
      'a field in snake_case among the inputs',
      'R-REST-1 notes.input.create.a_b: is not in camelCase',
      () => notes({ access: { create: 'admin' }, custom: ['create'], input: { create: { a_b: t.text() } } }),
    ],
    [
      'an inputOnly field that CRUD would have to store',
      'R-P-2 notes.password: is not stored, so CRUD cannot create it',
      () => notes({ fields: { password: t.text().inputOnly() }, access: { create: 'public' } }),
    ],
    [
      'an input that CRUD would have to store',
      'R-P-2 notes.hint: is not stored, so CRUD cannot update it',
      () => notes({ access: { update: 'public' }, input: { update: { hint: t.text() } } }),
    ],
  ])

  sound([
    ['money beside its currency is sound', () => withFields({ price: t.money(), currency: t.currency() })],
    [
      'money inside a list is in the currency beside the list',
      () => withFields({ lines: t.list(t.object({ price: t.money() })), currency: t.currency() }),
    ],
    ['money that is never shown needs no currency', () => withField(t.money().hidden())],
    [
      'an inputOnly field with a handler of its own is sound',
      () => notes({ fields: { password: t.text().inputOnly() }, access: { create: 'public' }, custom: ['create'] }),
    ],
    [
      'an inputOnly field that is fixed is no matter of PATCH',
      () =>
        notes({
          fields: { password: t.text().inputOnly().fixed() },
          access: { create: 'public', update: 'public' },
          custom: ['create'],
        }),
    ],
    [
      'a default that keeps to its field is sound',
      () => withField(t.list(t.oneOf('a', 'b'), { min: 1 }).default(['a'])),
    ],
    [
      'a decimal may have none, and up to 15',
      () => withFields({ whole: t.decimal({ scale: 0 }), fine: t.decimal({ scale: 15 }) }),
    ],
    [
      'money among the inputs is in the currency of the resource',
      () =>
        notes({
          fields: { currency: t.currency().server() },
          access: { create: 'admin' },
          custom: ['create'],
          input: { create: { price: t.money() } },
        }),
    ],
    ['null as the default of what may be null is sound', () => withField(t.text().nullable().default(null))],
  ])
})

describe('places', () => {
  const below = (parent: Loose, fields: Fields, more: Loose = {}) => notes({ parent, fields, ...more })
  refused([
    [
      'a parent whose id no field holds',
      'R-REST-1 notes.parent: "boardId" is not an id of its parent',
      () => below({ of: Board, field: 'boardId' }, { title: t.text() }),
    ],
    [
      'a parent field of another type',
      'R-REST-1 notes.parent: "boardId" is not an id of its parent',
      () => below({ of: Board, field: 'boardId' }, { boardId: t.id('usr').server() }),
    ],
    [
      'a parent that the body could change',
      'R-REST-1 notes.boardId: is in both the path and the body',
      () => below({ of: Board, field: 'boardId' }, { boardId: t.id('brd') }),
    ],
    [
      'a nested resource without a parent',
      'R-REST-1 notes: is nested but has no parent',
      () => notes({ nested: true }),
    ],
    [
      'an owner that no field holds',
      'R-AUTH-8 notes.owner: must name an id, or a text that is server(), but names "title"',
      () => notes({ owner: 'title' }),
    ],
    [
      'one place for two resources',
      'R-REST-1 notes.others.list: has the same method and path as notes.notes.list: GET /notes',
      () => service('notes', { resources: { notes: noteOf(), others: noteOf({ id: 'oth' }) } }),
    ],
    [
      'one place for a resource and an operation',
      'R-REST-1 notes.read: has the same method and path as notes.notes.get: GET /notes/{}',
      () =>
        notes(
          { access: { get: 'public' } },
          {
            operations: {
              read: operation({
                method: 'GET',
                path: '/notes/{noteId}',
                access: 'public',
                answer: { ok: t.boolean() },
              }),
            },
          },
        ),
    ],
    [
      'one name for two parameters of a path',
      'R-REST-1 notes.statistics: has the parameter {id} twice in /boards/{id}/notes/{id}',
      () => at('/boards/{id}/notes/{id}'),
    ],
  ])
})

describe('lists', () => {
  refused([
    [
      'a filter by no field',
      'R-FILTER-1 notes.list.filter: names an unknown field: "status"',
      () => withList({ filter: ['status'] }),
    ],
    [
      'a filter by a member of every object',
      'R-FILTER-1 notes.list.filter: names an unknown field: "constructor"',
      () => withList({ filter: ['constructor'] }),
    ],
    [
      'a filter by an object',
      'R-FILTER-1 notes.list.filter: cannot filter by object "place"',
      () => withList({ filter: ['place'] }, { place: t.object({ x: t.integer() }) }),
    ],
    [
      'a filter by a list of objects',
      'R-FILTER-1 notes.list.filter: cannot filter by list "tags"',
      () => withList({ filter: ['tags'] }, { tags: t.list(t.object({ x: t.integer() })) }),
    ],
    [
      'a filter by a list of numbers',
      'R-FILTER-1 notes.list.filter: cannot filter by list "tags"',
      () => withList({ filter: ['tags'] }, { tags: t.list(t.integer()) }),
    ],
    [
      'a parameter in snake_case',
      'R-FILTER-1 notes.list.filter: has the parameter "the_title"',
      () => withList({ filter: [{ the_title: 'title' }] }),
    ],
    ...['page', 'limit', 'cursor', 'count', 'sort', 'fields', 'version'].map(
      (name): Case => [
        `the filter parameter ${name}, which means something else,`,
        `R-FILTER-1 notes.list.filter: defines the parameter "${name}" twice`,
        () => withList({ filter: [{ [name]: 'title' }] }),
      ],
    ),
    [
      'one parameter for two fields',
      'R-FILTER-1 notes.list.filter: defines the parameter "createdAfter" twice',
      () => withList({ filter: ['createdAt', 'createdAfter'] }, { createdAfter: t.text() }),
    ],
    [
      'a search in a field that is not text',
      'R-FILTER-1 notes.list.search: "size" is not a text field',
      () => withList({ search: ['size'] }, { size: t.integer() }),
    ],
    [
      'a sort by no field',
      'R-SORT-1 notes.list.sort: names an unknown field: "status"',
      () => withList({ sort: ['status'] }),
    ],
    [
      'a default sort by no field',
      'R-SORT-1 notes.list.sort: names an unknown field: "status"',
      () => withList({ defaultSort: 'title,-status' }),
    ],
    [
      'a sort by a list',
      'R-SORT-1 notes.list.sort: cannot sort by list "tags"',
      () => withList({ sort: ['tags'] }, { tags: t.list(t.oneOf('a')) }),
    ],
    ...(['filter', 'search', 'sort'] as const).map(
      (option): Case => [
        `a ${option} by a hidden field, which would tell what it holds,`,
        'R-BODY-7 notes.list.secret: is hidden, but a filter, search or sort would reveal its values',
        () => withList({ [option]: ['secret'] }, { secret: t.text().hidden() }),
      ],
    ),
    ['a depth of zero rows', 'R-PAGE-7 notes.list.maxOffset: is 0', () => withList({ maxOffset: 0 })],
    ['a depth of half a row', 'R-PAGE-7 notes.list.maxOffset: is 150.5', () => withList({ maxOffset: 150.5 })],
    ['a total below zero', 'R-PAGE-6 notes.list.exactTotal: is -1', () => withList({ exactTotal: -1 })],
  ])

  sound([
    ['the smallest bounds are sound', () => withList({ maxOffset: 100, exactTotal: 0 })],
    ['a sort by what may be null is sound', () => withList({ sort: ['title'] }, { title: t.text().optional() })],
    [
      'a filter by a list of texts or ids is sound',
      () => withList({ filter: ['tags', 'users'] }, { tags: t.list(t.text()), users: t.list(t.id('usr')) }),
    ],
    ['a default sort by several fields is sound', () => withList({ defaultSort: '-createdAt,title' })],
    ['a filter under another name is sound', () => withList({ filter: [{ q: 'title' }, 'createdAt', 'id'] })],
  ])
})

describe('who may', () => {
  const allowed = (access: Loose, more: Loose = {}) => notes({ access, ...more })
  refused([
    ['an empty access rule', 'R-AUTH-8 notes.access.list: is empty: say who may call it', () => allowed({ list: ' ' })],
    [
      'an access rule with a comma',
      'R-AUTH-8 notes.access.list: has the term "owner, admin", which is not a valid role name',
      () => allowed({ list: 'owner, admin' }),
    ],
    [
      'an access rule that ends too early',
      'R-AUTH-8 notes.access.list: has the term "", which is not a valid role name',
      () => allowed({ list: 'admin |' }),
    ],
    [
      'an unknown verb',
      'R-REST-2 notes.access: has an unknown verb: "read"',
      () => allowed({ list: 'public', read: 'public' }),
    ],
    [
      'an owner of a thing that does not say whose it is',
      'R-AUTH-8 notes.access.get: uses "owner", but the owner cannot be determined',
      () => allowed({ get: 'owner | admin' }),
    ],
    [
      "an owner who may create in a collection of nobody's",
      'R-AUTH-8 notes.access.create: uses "owner", but the owner cannot be determined',
      () => allowed({ create: 'owner' }, { fields: owned.fields, owner: 'userId' }),
    ],
    [
      'an owner of a list whose things say nothing of owners',
      'R-AUTH-8 notes.access.list: uses "owner", but the owner cannot be determined',
      () => allowed({ list: 'owner' }, { fields: owned.fields }),
    ],
    [
      'an owner of what lies below a thing without one',
      'R-AUTH-8 notes.access.create: uses "owner", but the owner cannot be determined',
      () =>
        allowed(
          { create: 'owner' },
          { fields: { boardId: t.id('brd').server() }, parent: { of: Board, field: 'boardId' } },
        ),
    ],
    [
      "an owner whom only another service's table knows",
      'R-AUTH-8 notes.access.create: uses "owner", but the owner cannot be determined',
      () => {
        const Folder = resource('folder', { id: 'fld', ...owned, access: {} } as never) as AnyResource
        return allowed(
          { create: 'owner' },
          { fields: { folderId: t.id('fld').server() }, parent: { of: Folder, field: 'folderId' } },
        )
      },
    ],
    [
      'a list of all that are mine, of things that do not say whose they are,',
      'R-AUTH-8 notes.access.list: uses "owner", but the owner cannot be determined',
      () => allowed({ list: 'owner' }, { ...owned, owner: undefined, list: { root: true } }),
    ],
    [
      'problems of a verb that nobody may call',
      'R-P-6 notes.problems: names "delete", which has no access rule',
      () => notes({ problems: { delete: ['CONFLICT'] } }),
    ],
    [
      'a handler for a verb that nobody may call',
      'R-AUTH-8 notes.custom: names "delete", which has no access rule',
      () => notes({ custom: ['delete'] }),
    ],
    ...['list', 'get'].map(
      (verb): Case => [
        `a handler for ${verb}, whose answer may be for one caller, beside a cache`,
        `R-CACHE-4 notes.custom: names "${verb}", and reads are cached`,
        () => notes({ access: { list: 'public', get: 'public' }, custom: [verb], cached: true }),
      ],
    ),
  ])

  sound([
    [
      'the owner of what lies below the user is known',
      () => allowed({ list: 'owner', create: 'owner', get: 'owner' }, owned),
    ],
    [
      'a list below its owner is sound, also where its things do not say whose they are',
      () => allowed({ list: 'owner', create: 'owner' }, { ...owned, owner: undefined }),
    ],
    [
      'so is making things there, where a list of all is for others',
      () => allowed({ list: 'admin', create: 'owner' }, { ...owned, owner: undefined, list: { root: true } }),
    ],
    [
      'a list of all that are mine is sound',
      () => allowed({ list: 'owner | admin' }, { ...owned, list: { root: true } }),
    ],
  ])
})

describe("operations of the contract's own", () => {
  refused([
    ['an empty access rule', 'R-AUTH-8 notes.statistics: has an access rule that is empty', () => own({ access: '' })],
    [
      'an owner of no resource, whom every user would be,',
      'R-AUTH-8 notes.statistics: uses "owner", but does not belong to a resource',
      () => own({ access: 'owner | admin' }),
    ],
    [
      'a query parameter of lists',
      'R-FILTER-1 notes.statistics.query.page: is a parameter of lists',
      () => own({ query: { page: t.integer() } }),
    ],
    [
      'a query parameter that is an object',
      'R-FILTER-1 notes.statistics.query.place: is object',
      () => own({ query: { place: t.object({ x: t.integer() }) } }),
    ],
    ['a name in kebab-case', 'R-REST-1 notes.do-it: is not in camelCase', () => own({}, 'do-it')],
    ['a path without a slash', 'R-REST-1 notes.statistics: has the path "statistics"', () => at('statistics')],
    [
      'a path with a slash at the end',
      'R-REST-1 notes.statistics: has the path "/statistics/"',
      () => at('/statistics/'),
    ],
    [
      'a path with an empty segment',
      'R-REST-1 notes.statistics: has the path "/notes//tags"',
      () => at('/notes//tags'),
    ],
    ['the root', 'R-REST-1 notes.statistics: has the path "/"', () => at('/')],
    [
      'a path that begins with a parameter',
      'R-REST-1 notes.statistics: has the path "/{tenant}/notes"',
      () => at('/{tenant}/notes'),
    ],
    [
      'a parameter in snake_case',
      'R-REST-1 notes.statistics: has the path "/notes/{note_id}"',
      () => at('/notes/{note_id}'),
    ],
    ['half a parameter', 'R-REST-1 notes.statistics: has the path "/notes/{id"', () => at('/notes/{id')],
    [
      'a parameter with a word before it',
      'R-REST-1 notes.statistics: has the path "/notes/by-{id}"',
      () => at('/notes/by-{id}'),
    ],
    ['a path in camelCase', 'R-REST-1 notes.statistics: has the path segment "myNotes"', () => at('/myNotes')],
    [
      'a query in a path',
      'R-REST-1 notes.statistics: has the path segment "notes?all=true"',
      () => at('/notes?all=true'),
    ],
    ['a version in a path', 'R-VER-1 notes.statistics: begins its path with /v1', () => at('/v1/statistics')],
    ['the prefix /api', 'R-VER-1 notes.statistics: begins its path with /api', () => at('/api/statistics')],
    [
      'a singular',
      'R-REST-1 notes.statistics: has the singular "profile" in its path',
      () => at('/users/{id}/profile'),
    ],
    ...['/search', '/notes/{id}/cancel', '/bulk-update', '/get-notes', '/auth/reset', '/notes/sync'].map(
      (path): Case => [
        `the verb in ${path}`,
        `R-REST-1 notes.statistics: has the verb "${path.split('/').at(-1)}" in its path`,
        () => at(path),
      ],
    ),
    [
      'a verb before a collection of the contract',
      'R-REST-1 notes.exported: has the verb "export-notes" in its path',
      () =>
        notes(
          {},
          {
            operations: {
              exported: operation({
                method: 'GET',
                path: '/export-notes',
                access: 'public',
                answer: { url: t.text() },
              }),
            },
          },
        ),
    ],
    ['a body of GET', 'R-REST-2 notes.statistics: gives GET a body', () => own({ body: { since: t.time() } })],
    [
      'a body of DELETE',
      'R-REST-2 notes.statistics: gives DELETE a body',
      () => own({ method: 'DELETE', answer: undefined, body: { why: t.text() } }),
    ],
    [
      'a read without an answer',
      'R-REST-2 notes.statistics: is a GET without an answer',
      () => own({ answer: undefined }),
    ],
    [
      'a 204 with a body',
      'R-REST-3 notes.statistics: has the status 204 and an answer',
      () => own({ method: 'DELETE' }),
    ],
    ['an error as a success', 'R-REST-3 notes.statistics: answers GET with 404', () => own({ status: 404 })],
    [
      'an error as a success of signing in',
      'R-REST-3 notes.statistics: answers POST with 401',
      () => own({ method: 'POST', path: '/auth/login', credentials: 'own', status: 401 }),
    ],
    [
      'a POST with 200 that takes no credentials of its own, whatever its path',
      'R-REST-3 notes.statistics: answers POST with 200',
      () => own({ method: 'POST', path: '/auth/login', status: 200 }),
    ],
    [
      'credentials of another kind',
      'R-AUTH-8 notes.statistics: has the credentials "cookie"',
      () => own({ credentials: 'cookie' }),
    ],
    [
      'credentials of its own behind a token that is never read',
      'R-AUTH-8 notes.statistics: reads no access token, but is open to "admin" only: nobody could call it',
      () => own({ credentials: 'own', access: 'admin' }),
    ],
    ['a redirect', 'R-REST-3 notes.statistics: answers GET with 302', () => own({ status: 302 })],
    [
      'a PUT that creates',
      'R-REST-3 notes.statistics: answers PUT with 201',
      () => own({ method: 'PUT', status: 201 }),
    ],
    ['a 201 without a Location', 'R-REST-3 notes.statistics: answers POST with 201', () => own({ method: 'POST' })],
    [
      'a problem that nobody declared',
      'R-REST-4 notes.statistics: lists the undeclared problem TOO_LATE',
      () => own({ problems: ['TOO_LATE'] }),
    ],
    [
      'a problem of a verb that nobody declared',
      'R-REST-4 notes.notes.list: lists the undeclared problem TOO_LATE',
      () => notes({ problems: { list: ['TOO_LATE'] } }),
    ],
    [
      'an answer in snake_case',
      'R-REST-1 notes.statistics.answer.access_token: is not in camelCase',
      () => own({ answer: { access_token: t.text() } }),
    ],
    [
      'a body with money and no currency',
      'R-BODY-3 notes.statistics.body: has money without a currency',
      () => own({ method: 'PUT', body: { amount: t.money() } }),
    ],
  ])

  sound([
    ...['login', 'refresh', 'logout'].map(
      (act) =>
        [
          `/auth/${act} is sound`,
          () => own({ method: 'POST', path: `/auth/${act}`, credentials: 'own', status: 200 }),
        ] as const,
    ),
    [
      'what lies below /auth may be accepted',
      () => own({ method: 'POST', path: '/auth/password-resets', status: 202, answer: undefined }),
    ],
    ['a POST that is done later may be accepted', () => own({ method: 'POST', path: '/exports', status: 202 })],
    ['a registered name at its well-known place is sound (RFC 8615)', () => at('/.well-known/change-password')],
    ['nouns that begin like verbs are sound', () => at('/search-results/{resultId}/export-jobs')],
    ['a PUT needs no answer', () => own({ method: 'PUT', path: '/confirmations/{token}', answer: undefined })],
    ['a DELETE answers nothing', () => own({ method: 'DELETE', path: '/locks/{id}', answer: undefined })],
    [
      'a problem that the contract declares may be named',
      () =>
        service('notes', {
          operations: {
            it: operation({ method: 'PUT', path: '/locks', access: 'admin', problems: ['TOO_LATE', 'NOT_FOUND'] }),
          },
          problems: { TOO_LATE: problem(409, 'Too late') },
        }),
    ],
  ])
})

describe('problems', () => {
  const withProblem = (code: string, status: number) => notes({}, { problems: { [code]: problem(status, 'No') } })
  refused([
    ['a code in camelCase', 'R-BODY-5 problem tooLate: is not in UPPER_SNAKE', () => withProblem('tooLate', 409)],
    ['a code that ends with a dash', 'R-BODY-5 problem TOO_: is not in UPPER_SNAKE', () => withProblem('TOO_', 409)],
    ['a success as a problem', 'R-REST-4 problem TOO_LATE: has status 200', () => withProblem('TOO_LATE', 200)],
    ['a status that is none', 'R-REST-4 problem TOO_LATE: has status 499', () => withProblem('TOO_LATE', 499)],
    [
      'another status for a code of every system',
      'R-BODY-6 problem NOT_FOUND: redefines a code that every system has',
      () => withProblem('NOT_FOUND', 410),
    ],
  ])
  sound([['another message for a code of every system is sound', () => withProblem('NOT_FOUND', 404)]])
})

describe('consumers', () => {
  const made = { name: 'shop', events: { 'thing.made': event({ size: t.integer() }) } }
  const consuming = (types: string[], options: Loose = {}, key = 'things') =>
    notes({}, { consumers: { [key]: consumer(made, types as never, options as never) } })
  refused([
    [
      'a consumer in kebab-case',
      'R-EVT-2 consumers.my-things: is not in camelCase',
      () => consuming(['thing.made'], {}, 'my-things'),
    ],
    [
      'a consumer with the name of a resource',
      'R-P-2 consumers.notes: has the name of a resource or an operation',
      () => consuming(['thing.made'], {}, 'notes'),
    ],
    ['a consumer of nothing', 'R-EVT-2 consumers.things: has no events', () => consuming([])],
    ...['thing.lost', 'constructor'].map(
      (type): Case => [
        `a consumer of ${type}`,
        `R-EVT-2 consumers.things: consumes "${type}", which shop does not publish`,
        () => consuming([type]),
      ],
    ),
    ...[0, 101, 1.5, '3'].map(
      (attempts): Case => [
        `${JSON.stringify(attempts)} attempts`,
        `R-EVT-3 consumers.things: has ${JSON.stringify(attempts)} attempts`,
        () => consuming(['thing.made'], { attempts }),
      ],
    ),
    ...[0, 25_001, 1.5, '3'].map(
      (timeoutMs): Case => [
        `a timeout of ${JSON.stringify(timeoutMs)}`,
        `R-EVT-6 consumers.things: has timeoutMs ${JSON.stringify(timeoutMs)}`,
        () => consuming(['thing.made'], { timeoutMs }),
      ],
    ),
    ...[0, 101, 1.5, '3'].map(
      (batch): Case => [
        `a batch of ${JSON.stringify(batch)}`,
        `R-EVT-6 consumers.things: has the batch ${JSON.stringify(batch)}`,
        () => consuming(['thing.made'], { batch }),
      ],
    ),
    [
      'a start that is none',
      'R-EVT-5 consumers.things: has the start "begining"',
      () => consuming(['thing.made'], { start: 'begining' }),
    ],
  ])
  sound([
    [
      'a consumer of another service’s events is sound',
      () => consuming(['thing.made'], { start: 'now', attempts: 100, timeoutMs: 25_000 }),
    ],
    ['a consumer may have the name of what every object has', () => consuming(['thing.made'], {}, 'constructor')],
  ])
})

describe('jobs', () => {
  const withJob = (options: Loose = {}, key = 'tidy') => notes({}, { jobs: { [key]: job(options as never) } })
  refused([
    ['a job in kebab-case', 'R-P-6 jobs.send-mail: is not in camelCase', () => withJob({}, 'send-mail')],
    [
      'a job with the name of a resource',
      'R-P-2 jobs.notes: has the name of a resource, an operation or a consumer',
      () => withJob({}, 'notes'),
    ],
    ...[
      ['attempts', 0],
      ['attempts', 101],
      ['timeoutMs', 900_001],
      ['timeoutMs', '3'],
      ['concurrency', 1.5],
      ['everyMs', 999],
      ['everyMs', 'daily'],
    ].map(
      ([name, value]): Case => [
        `a job with ${name} ${JSON.stringify(value)}`,
        `R-P-6 jobs.tidy: has ${name} ${JSON.stringify(value)}`,
        () => withJob({ [name!]: value }),
      ],
    ),
    [
      'a schedule with data',
      'R-P-6 jobs.tidy: has everyMs and data',
      () => withJob({ everyMs: 60_000, data: { title: t.text() } }),
    ],
  ])
  sound([
    ['a job with data is sound', () => withJob({ data: { title: t.text() }, attempts: 100, timeoutMs: 900_000 })],
    ['a schedule is sound', () => withJob({ everyMs: 1_000 })],
  ])
})

describe('events', () => {
  const data = { title: t.text() }
  refused([
    ...['note.create', 'note', 'note.created.twice', 'Note.created', 'note.Was created', '.created'].map(
      (type): Case => [
        `the event "${type}"`,
        `R-EVT-1 event ${type}: is not <resource>.<past tense>`,
        () => withEvents({ [type]: event(data) }),
      ],
    ),
    [
      'an event of a collection, which CRUD would never publish,',
      'R-EVT-1 event notes.created: does not begin with a resource of this contract: "notes"',
      () => withEvents({ 'notes.created': event(data) }),
    ],
    ...[{ 2: (it: object) => it }, { 1: (it: object) => it, 3: (it: object) => it }, { one: (it: object) => it }].map(
      (older): Case => [
        `older shapes ${Object.keys(older)}`,
        `R-EVT-7 event note.created: has the older shapes ${Object.keys(older).join(', ')}`,
        () => withEvents({ 'note.created': event(data, { older: older as never }) }),
      ],
    ),
    [
      'an older shape without a function',
      'R-EVT-7 event note.created older.1: is "up"',
      () => withEvents({ 'note.created': event(data, { older: { 1: 'up' as never } }) }),
    ],
    [
      'data in snake_case',
      'R-REST-1 event note.created.a_b: is not in camelCase',
      () => withEvents({ 'note.created': event({ a_b: t.text() }) }),
    ],
    [
      'data with money and no currency',
      'R-BODY-3 event note.paid: has money without a currency',
      () => withEvents({ 'note.paid': event({ total: t.money() }) }),
    ],
  ])
  sound([
    ...['created', 'paid', 'written', 'checked-out', 'put-back-sent'].map(
      (verb) => [`note.${verb} is sound`, () => withEvents({ [`note.${verb}`]: event(data) })] as const,
    ),
    [
      'a service without resources names its events freely',
      () => service('mails', { events: { 'mail.sent': event({ to: t.email() }) } }),
    ],
  ])

  test("R-P-6: a fault of a resource's field is not told again of its events", () => {
    const Note = noteOf({ fields: { a_b: t.text() } })
    const define = () => service('notes', { resources: { notes: Note }, events: { 'note.created': event(Note) } })
    expect(violations(define)).toHaveLength(1)
  })
})

describe('versions', () => {
  refused([
    ['half a version', 'R-VER-1 latest: is 1.5', () => older(1.5, {})],
    ['version zero', 'R-VER-1 latest: is 0', () => older(0, {})],
    ['an older version that is not described', 'R-VER-2 older.1: is missing', () => older(2, {})],
    ['a hole among the older versions', 'R-VER-2 older.2: is missing', () => older(3, { 1: shape({}) })],
    [
      'an older version that is the newest',
      'R-VER-2 older.1: is not below latest (1)',
      () => older(1, { 1: { shapes: {} } }),
    ],
    [
      'an older version with a name',
      'R-VER-2 older.beta: is not below latest (1)',
      () => older(1, { beta: { shapes: {} } }),
    ],
    [
      'the older shape of no resource',
      'R-VER-2 older.1: names an unknown resource: "boards"',
      () => older(2, { 1: { shapes: { boards: shape({}).shapes.notes } } }),
    ],
    [
      'an older shape without a field that is not there anyway',
      'R-VER-2 older.1.notes: removes "name", which version 2 does not have',
      () => older(2, { 1: shape({ without: ['name'], added: { label: t.text() } }) }),
    ],
    [
      'an older shape without what the version between lacks already',
      'R-VER-2 older.1.notes: removes "title", which version 2 does not have',
      () => older(3, { 2: shape({ without: ['title'], added: { name: t.text() } }), 1: shape({ without: ['title'] }) }),
    ],
    [
      'an older shape that adds what is there',
      'R-VER-2 older.1.notes: adds "title", which version 2 has too',
      () => older(2, { 1: shape({ added: { title: t.integer() } }) }),
    ],
    [
      'an older field in snake_case',
      'R-REST-1 older.1.notes.the_title: is not in camelCase',
      () => older(2, { 1: shape({ without: ['title'], added: { the_title: t.text() } }) }),
    ],
    [
      'an end that is no date',
      'R-VER-3 older.1: has the date "next year"',
      () => older(2, { 1: { sunset: 'next year', shapes: {} } }),
    ],
    [
      'an older shape without what is hidden anyway',
      'R-VER-2 older.1.notes: removes "hash", which version 2 does not have',
      () => older(2, { 1: shape({ without: ['hash'] }) }, { fields: { hash: t.text().hidden() } }),
    ],
    [
      'a day that is not in the calendar',
      'R-VER-3 older.1: has the date "2026-02-30"',
      () => older(2, { 1: { deprecated: '2026-02-30', shapes: {} } }),
    ],
    [
      'an end before the deprecation',
      'R-VER-3 older.1: has a sunset before its deprecation',
      () => older(2, { 1: { deprecated: '2026-05-01', sunset: '2026-04-30', shapes: {} } }),
    ],
  ])
  sound([
    [
      'a chain of versions, each said in the fields of the next, is sound',
      () =>
        older(3, {
          2: { ...shape({ without: ['title'], added: { name: t.text() } }), deprecated: '2026-01-01' },
          1: {
            ...shape({ without: ['name'], added: { title: t.text() } }),
            deprecated: '2026-01-01',
            sunset: '2026-12-31',
          },
        }),
    ],
    [
      'a version may end on the day when it is deprecated, or at a moment of it',
      () => [
        older(2, { 1: { deprecated: '2026-05-01', sunset: '2026-05-01', shapes: {} } }),
        older(2, { 1: { deprecated: '2026-05-01T12:00:00Z', sunset: '2026-05-02', shapes: {} } }),
      ],
    ],
    [
      'a field of another type under the same name is sound',
      () => older(2, { 1: shape({ without: ['title'], added: { title: t.integer() } }) }),
    ],
    [
      'what only goes in has older shapes too',
      () =>
        older(
          2,
          { 1: shape({ without: ['secret'], added: { password: t.text() } }) },
          {
            fields: { secret: t.text().inputOnly() },
          },
        ),
    ],
  ])
})

describe('hints say what to do', () => {
  const hints: [name: string, hint: string, define: () => unknown][] = [
    ['a 201 of an operation', "declare a resource, with custom: ['create']", () => own({ method: 'POST' })],
    ['another status of POST', 'POST succeeds with 202', () => own({ method: 'POST', status: 200 })],
    ['a status of GET', 'GET succeeds with 200', () => own({ status: 201 })],
    ['a thing without an owner', "owner: 'userId'", () => notes({ access: { get: 'owner' } })],
    ["nobody's collection", 'parent: { of: User', () => notes({ access: { create: 'owner' } })],
    ["nobody's list", "owner: 'userId'", () => notes({ access: { list: 'owner' } })],
    [
      'a collection below a thing without an owner',
      "owner in resource('board', …)",
      () =>
        notes({
          access: { list: 'owner' },
          fields: { boardId: t.id('brd').server() },
          parent: { of: Board, field: 'boardId' },
        }),
    ],
    ['a singular in a path', 'Collections are plural: `profiles`', () => at('/users/{id}/profile')],
    ['an undeclared problem', "problems: { TOO_LATE: problem(409, '…') }", () => own({ problems: ['TOO_LATE'] })],
  ]
  test.each(hints)('R-P-6: %s is answered with: %s', (_, hint, define) => {
    expect(violations(define)).toEqual([expect.stringContaining(hint)])
  })
})

test('R-P-6: the contracts of the reference system break no rule', () => {
  for (const contract of [users, orders]) expect(brokenRules(contract, {})).toEqual([])
})

test('R-P-6: every violation is listed at once, each with its rule, its place and a hint', () => {
  const define = () =>
    service('Notes', {
      resources: { notes: noteOf({ plural: 'note', fields: { unit_price: t.text() }, access: { get: 'owner' } }) },
      problems: { late: problem(200, 'Late') },
      events: { noted: event({}) },
      latest: 2,
    })
  expect(violations(define).map((line) => line.split(':')[0])).toEqual([
    'R-REST-1 Notes',
    'R-BODY-5 problem late',
    'R-REST-4 problem late',
    'R-REST-1 notes',
    'R-REST-1 notes.unit_price',
    'R-AUTH-8 notes.access.get',
    'R-EVT-1 event noted',
    'R-VER-2 older.1',
  ])
  expect(define).toThrow('The contract "Notes" breaks 8 rules:')
})

test('R-P-6: the message names the rule, the place, the fault and what to do', () => {
  expect(() => notes({ plural: 'note' })).toThrow(
    'The contract "notes" breaks a rule:\n' +
      '  R-REST-1 notes: has the singular collection "note". Collections are plural: `notes`, or give `plural` where English is irregular',
  )
})

describe('exemptions from a rule that is wrong about a word (R-P-6)', () => {
  test('R-P-6: a word is let through on the one thing that says why, and the reason is in the document', () => {
    const reason = 'kudo is nobody’s singular'
    expect(() => at('/thank-you')).toThrow('R-REST-1')
    const contract = own({ path: '/thank-you', allow: { 'R-REST-1': reason } })
    const document = openapi([contract])
    expect(document.paths['/thank-you']!.get).toMatchObject({ 'x-lintel-allow': { 'R-REST-1': reason } })
    expect(() => notes({ plural: 'kudo', allow: { 'R-REST-1': reason } })).not.toThrow()
  })

  test('R-P-6: it takes a reason, is for rules about words alone, and lets nothing else through', () => {
    expect(() => own({ allow: { 'R-REST-1': ' ' } })).toThrow('allows R-REST-1 without a reason')
    expect(() => own({ allow: { 'R-AUTH-8': 'in a hurry' } })).toThrow('allows "R-AUTH-8": only rules about words')
    expect(() => own({ allow: ['R-REST-1'] })).toThrow('as `allow`: expected an object')
    expect(() => own({ path: '/Kudos', allow: { 'R-REST-1': 'why not' } })).toThrow('has the path segment "Kudos"')
  })
})

describe('operations on a thing (R-REST-1)', () => {
  const Door = resource('door', { id: 'dor', fields: { name: t.text() }, access: { get: 'public' } })
  const on =
    (options: Loose, resources: Loose = { doors: Door }) =>
    () =>
      service('house', {
        resources: resources as never,
        operations: {
          open: operation({
            on: Door,
            method: 'POST',
            path: '/doors/{doorId}/openings',
            access: 'public',
            status: 204,
            ...options,
          } as never),
        },
      })

  test('R-REST-1: one that is sound is defined, with any status that its answer allows', () => {
    for (const options of [{}, { status: 202 }, { status: 200, answer: Door }, { status: 201, answer: Door }])
      expect(on(options)).not.toThrow()
  })

  test.each([
    ['R-REST-1', 'is on door, but has the path "/keys/{doorId}/openings"', { path: '/keys/{doorId}/openings' }],
    ['R-REST-1', 'is on door, but has the path "/doors/openings"', { path: '/doors/openings' }],
    ['R-AUTH-8', 'uses "owner", but door has none', { access: 'owner' }],
    ['R-REST-3', 'answers POST with 201', { status: 201, answer: { ok: t.boolean() } }],
    [
      'R-REST-1',
      'has the same method and path as house.doors.get',
      { method: 'GET', path: '/doors/{doorId}', status: 200, answer: Door },
    ],
  ])('%s: %s', (rule, message, options) => {
    expect(on(options)).toThrow(rule)
    expect(on(options)).toThrow(message)
  })

  test('R-REST-1: the resource is one of the contract', () => {
    expect(on({}, {})).toThrow('is on door, which is no resource of this contract')
    expect(on({ on: { id: 'dor' } })).toThrow('as `on`: expected a resource')
  })
})

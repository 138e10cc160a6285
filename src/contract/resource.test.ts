import { describe, expect, test } from 'vitest'
import { parseAccess } from './access.ts'
import { event, resource, t } from './index.ts'

const minimal = { id: 'ent', fields: { name: t.text() }, access: {} } as const

describe('a resource', () => {
  test('names follow from one another, and each can be given', () => {
    const Entry = resource('diary-entry', minimal)
    expect([Entry.plural, Entry.table, Entry.view]).toEqual(['diary-entries', 'diary_entries', 'diary_entries'])
    const Person = resource('person', { ...minimal, plural: 'people' })
    expect([Person.plural, Person.table]).toEqual(['people', 'people'])
    expect(resource('entry', { ...minimal, table: 'log', view: 'log_details' })).toMatchObject({
      table: 'log',
      view: 'log_details',
      derived: true,
    })
  })

  test('R-DEL-1: with soft delete, reads select from the view of the living', () => {
    expect(resource('entry', { ...minimal, softDelete: true })).toMatchObject({
      view: 'active_entries',
      derived: false,
    })
  })

  test('R-BODY-2, R-LOCK-1: id, version and times stand around its own fields', () => {
    expect(Object.keys(resource('entry', minimal).shown)).toEqual(['id', 'name', 'version', 'createdAt', 'updatedAt'])
    expect(Object.keys(resource('entry', { ...minimal, versioned: false }).shown)).toEqual([
      'id',
      'name',
      'createdAt',
      'updatedAt',
    ])
  })

  test('R-BODY-7: a hidden field is stored and not shown, an inputOnly field neither', () => {
    const fields = { hash: t.text().hidden(), password: t.text().inputOnly() }
    const Entry = resource('entry', { ...minimal, fields })
    expect(Entry.stored).toHaveProperty('hash')
    expect(Entry.stored).not.toHaveProperty('password')
    expect(Entry.shown).not.toHaveProperty('hash')
    expect(Entry.shown).not.toHaveProperty('password')
  })

  test('R-PAGE-6, R-PAGE-7: lists count exactly and page to 10,000 rows, in the order of creation', () => {
    expect(resource('entry', minimal).list).toEqual({
      filter: {},
      search: [],
      sort: [],
      defaultSort: 'id',
      root: false,
      exactTotal: 10_000,
      maxOffset: 10_000,
      pairs: [],
      scans: [],
      scanCost: 4,
    })
  })

  test('R-FILTER-1: a filter has the name of its field, or one of its own', () => {
    expect(resource('entry', { ...minimal, list: { filter: ['name', { made: 'createdAt' }] } }).list.filter).toEqual({
      name: 'name',
      made: 'createdAt',
    })
  })
})

describe('a field', () => {
  test('it never changes: each mark makes another', () => {
    const name = t.text({ max: 5 })
    const marked = [
      name.optional(),
      name.nullable(),
      name.default(''),
      name.server(),
      name.inputOnly(),
      name.fixed(),
      name.hidden(),
    ]
    expect(name.spec).toEqual({ kind: 'text', min: 0, max: 5 })
    expect(marked.map(({ spec: { kind: _, min: __, max: ___, ...marks } }) => marks)).toEqual([
      { optional: true, nullable: true },
      { nullable: true },
      { optional: true, default: '' },
      { server: true },
      { inputOnly: true },
      { fixed: true },
      { hidden: true, server: true },
    ])
  })

  test('limits that are left out are those of PostgreSQL, JSON and the specification', () => {
    expect(t.text().spec).toMatchObject({ min: 0, max: 10_000 })
    expect(t.email().spec).toMatchObject({ max: 255 })
    expect(t.integer({ min: 0 }).spec).toMatchObject({ min: 0, max: 2_147_483_647 })
    expect(t.money().spec).toMatchObject({ scale: 2, min: 0, max: 70_368_744_177_663.99 })
    expect(t.decimal({ scale: 2, max: 1 }).spec).toMatchObject({ min: -9_999_999_999_999.99, max: 1 })
    expect(t.list(t.text()).spec).toMatchObject({ min: 0, max: 1000 })
  })
})

describe('an event', () => {
  test('R-EVT-1: its data are fields of its own, or what a resource shows', () => {
    const Entry = resource('entry', { ...minimal, fields: { kind: t.text(), hash: t.text().hidden() } })
    expect(Object.keys(event(Entry).data)).toEqual(['id', 'kind', 'version', 'createdAt', 'updatedAt'])
    expect(Object.keys(event({ kind: t.oneOf('resource') }).data)).toEqual(['kind'])
  })
})

describe('an access rule (R-AUTH-8)', () => {
  test('R-AUTH-8: its terms are alternatives, and what is no word of ours is a role', () => {
    expect(parseAccess('owner | admin|service')).toEqual({
      public: false,
      authenticated: false,
      owner: true,
      roles: ['admin', 'service'],
    })
    expect(parseAccess('public')).toEqual({ public: true, authenticated: false, owner: false, roles: [] })
    expect(parseAccess('authenticated')).toMatchObject({ public: false, authenticated: true })
  })
})

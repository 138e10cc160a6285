import { describe, expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import type { Contract } from './contract.ts'
import { olderShape, resource, service, t } from './index.ts'
import { surfaceOf } from './versions.ts'

/** Version 1 has `label`, 2 has `name`, 3 has `title` and `subtitle`. */
const Note = resource('note', {
  id: 'nte',
  fields: {
    pages: t.integer(),
    title: t.text(),
    subtitle: t.text().default(''),
    state: t.oneOf('new', 'read').server(),
  },
  access: { list: 'public', get: 'public', create: 'admin', replace: 'admin', update: 'admin', delete: 'admin' },
  custom: ['update'],
  input: { update: { state: t.oneOf('new', 'read') } },
})
const Tag = resource('tag', { id: 'tag', fields: { word: t.text() }, access: { get: 'public' } })

const notes = service('notes', {
  resources: { notes: Note, tags: Tag },
  latest: 3,
  older: {
    2: {
      shapes: {
        notes: olderShape({
          without: ['title', 'subtitle'],
          added: { name: t.text({ max: 50 }) },
          up: ({ name, ...rest }) => {
            const [title, subtitle = ''] = String(name).split(': ')
            return { ...rest, title, subtitle }
          },
          down: ({ title, subtitle, ...rest }) => ({
            ...rest,
            name: subtitle === '' ? title : `${title}: ${subtitle}`,
          }),
        }),
      },
    },
    1: {
      shapes: {
        notes: olderShape({
          without: ['name'],
          added: { label: t.text({ max: 20 }), shelf: t.text().optional() },
          up: ({ label, shelf: _, ...rest }) => ({ ...rest, name: String(label).toLowerCase() }),
          down: ({ name, ...rest }) => ({ ...rest, label: String(name).toUpperCase(), shelf: null }),
        }),
      },
    },
  },
}) as Contract

const operation = (contract: Contract, id: string) => contract.served.find((one) => one.id === id)!
const surface = (id: string, version: number) => surfaceOf(notes, operation(notes, id), version)
const names = (specs: object | undefined) => Object.keys(specs ?? {})

describe('the newest version (R-VER-2)', () => {
  test('R-VER-2: it is what the contract says, with no transforms', () => {
    const create = operation(notes, 'notes.notes.create')
    expect(surfaceOf(notes, create, 3)).toEqual({
      body: create.body,
      answer: create.answer,
      up: undefined,
      down: undefined,
    })
  })
})

describe('an older version (R-VER-2)', () => {
  test('R-VER-2: its answers have the fields that its shape declares, where the others stood', () => {
    expect(names(surface('notes.notes.get', 3).answer)).toEqual([
      ...['id', 'pages', 'title', 'subtitle', 'state'],
      ...['version', 'createdAt', 'updatedAt'],
    ])
    expect(names(surface('notes.notes.get', 2).answer)).toEqual([
      ...['id', 'pages', 'name', 'state'],
      ...['version', 'createdAt', 'updatedAt'],
    ])
    expect(names(surface('notes.notes.list', 1).answer)).toEqual([
      ...['id', 'pages', 'label', 'shelf', 'state'],
      ...['version', 'createdAt', 'updatedAt'],
    ])
  })

  test('R-VER-2: so have its bodies, with the limits that it declares', () => {
    expect(surface('notes.notes.create', 2).body).toMatchObject({ name: { kind: 'text', max: 50 } })
    expect(surface('notes.notes.create', 1).body).toMatchObject({ label: { max: 20 }, shelf: { optional: true } })
    for (const version of [1, 2]) {
      expect(names(surface('notes.notes.create', version).body)).not.toContain('title')
      expect(names(surface('notes.notes.create', version).body)).not.toContain('subtitle')
    }
    expect(names(surface('notes.notes.replace', 1).body)).not.toContain('name')
    expect(names(surface('notes.notes.replace', 1).body)).toContain('version')
  })

  test('R-VER-2: a body with none of the fields that changed is the same in each version', () => {
    const { body } = surface('notes.notes.update', 1)
    expect(Object.keys(body!).filter((name) => !body![name]!.server)).toEqual(['state', 'version'])
  })

  test('R-VER-2: a field that came later, with nothing before it, is left out', () => {
    const older = { 1: { shapes: { tags: olderShape({ without: ['word'], up: (it) => it, down: (it) => it }) } } }
    const tags = service('tags', { resources: { tags: Tag }, latest: 2, older }) as Contract
    expect(names(surfaceOf(tags, operation(tags, 'tags.tags.get'), 1).answer)).not.toContain('word')
  })

  test('R-VER-2: a field that was given up later is there', () => {
    const shape = olderShape({ added: { colour: t.text() }, up: (it) => it, down: (it) => it })
    const tags = service('tags', {
      resources: { tags: Tag },
      latest: 2,
      older: { 1: { shapes: { tags: shape } } },
    }) as Contract
    expect(names(surfaceOf(tags, operation(tags, 'tags.tags.get'), 1).answer)).toEqual([
      ...['id', 'word', 'version', 'createdAt', 'updatedAt'],
      'colour',
    ])
  })

  test('R-VER-2: a request goes up one version after the other, an answer comes down', () => {
    expect(surface('notes.notes.create', 1).up!({ pages: 1, label: 'DUNE: PART ONE', shelf: 'a' })).toEqual({
      pages: 1,
      title: 'dune',
      subtitle: 'part one',
    })
    expect(surface('notes.notes.create', 2).up!({ pages: 1, name: 'Dune' })).toEqual({
      pages: 1,
      title: 'Dune',
      subtitle: '',
    })
    const answer = { id: 'nte_1', title: 'dune', subtitle: 'part one' }
    expect(surface('notes.notes.get', 1).down!(answer)).toEqual({ id: 'nte_1', label: 'DUNE: PART ONE', shelf: null })
    expect(surface('notes.notes.get', 2).down!(answer)).toEqual({ id: 'nte_1', name: 'dune: part one' })
  })

  test('R-VER-2: what has neither body nor answer has none in any version', () => {
    expect(surface('notes.notes.delete', 1)).toMatchObject({ body: undefined, answer: undefined })
    expect(surface('notes.notes.list', 1).body).toBeUndefined()
  })

  test('R-VER-1: a resource that did not change is the same in each', () => {
    const get = operation(notes, 'notes.tags.get')
    for (const version of [1, 2, 3])
      expect(surfaceOf(notes, get, version)).toEqual({
        body: undefined,
        answer: Tag.shown,
        up: undefined,
        down: undefined,
      })
  })

  test('R-VER-1: a version above those of the contract is its newest', () => {
    const list = operation(orders, 'orders.products.list')
    expect(surfaceOf(orders, list, 7)).toEqual(surfaceOf(orders, list, 1))
  })
})

describe('the reference (R-VER-4)', () => {
  const create = surfaceOf(users, operation(users, 'users.users.create'), 1)
  const get = surfaceOf(users, operation(users, 'users.users.get'), 1)

  test('R-VER-4: version 1 of users has role, version 2 roles', () => {
    expect(names(create.body)).toEqual(['email', 'name', 'password', 'role', 'invite'])
    expect(names(get.answer)).toContain('role')
    expect(names(get.answer)).not.toContain('roles')
    expect(create.up!({ email: 'a@b.c', role: 'admin' })).toEqual({ email: 'a@b.c', roles: ['admin'] })
    expect(create.up!({ email: 'a@b.c' })).toEqual({ email: 'a@b.c' })
    expect(get.down!({ id: 'usr_1', roles: ['member', 'admin'] })).toEqual({ id: 'usr_1', role: 'admin' })
    expect(get.down!({ id: 'usr_1', roles: ['member'] })).toEqual({ id: 'usr_1', role: 'member' })
  })
})

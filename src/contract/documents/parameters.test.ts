import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orders } from '../../../services/orders/contract.ts'
import { users } from '../../../services/users/contract.ts'
import type { Problem } from '../../base/errors.ts'
import { newId } from '../../base/ids.ts'
import { decimalsOf } from '../../base/money.ts'
import { readQuery } from '../../gateway/query.ts'
import { readTime } from '../check.ts'
import type { Contract } from '../contract.ts'
import { operation, resource, service, t } from '../index.ts'
import { listQueryReader } from '../list-query.ts'
import { surfaceOf } from '../versions.ts'
import { draftOf } from './draft.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Parameter } from './openapi-types.ts'
import { parametersOf } from './parameters.ts'

const ajv = new Ajv2020({
  strict: true,
  allowUnionTypes: true,
  formats: {
    email: true,
    'date-time': (text: string) => readTime(text) !== undefined,
    date: /^\d{4}-(0\d|1[0-2])-([01]\d|2[0-8])$/,
  },
})
ajv.addKeyword({
  keyword: 'x-lintel-decimals',
  type: 'number',
  validate: (most: number, it: number) => decimalsOf(it) <= most,
})

/** Parameters of an operation, with nothing shared left to look up. */
function parameters(contract: Contract, id: string, version = contract.latest): Parameter[] {
  const found = contract.served.find((one) => one.id === id)!
  const draft = draftOf([contract], version)
  const shown = Object.keys(surfaceOf(contract, found, version).answer ?? {})
  const given = parametersOf(
    found,
    found.params.map(({ name }) => name),
    shown,
    draft,
  )
  const { parameters, schemas } = draft.shared.components()
  return given.map((one) => {
    const parameter = '$ref' in one ? parameters[one.$ref.split('/').at(-1)!]! : one
    const { $ref } = parameter.schema
    return $ref === undefined ? parameter : { ...parameter, schema: schemas[$ref.split('/').at(-1)!]! }
  })
}

function parameter(contract: Contract, id: string, name: string): Parameter {
  return parameters(contract, id).find((one) => one.name === name)!
}

const names = (contract: Contract, id: string, where: string) =>
  parameters(contract, id)
    .filter((one) => one.in === where)
    .map(({ name }) => name)

const shelf = service('shelves', {
  resources: {
    books: resource('book', {
      id: 'bok',
      fields: {
        title: t.text({ min: 1, max: 50 }),
        isbn: t.text({ pattern: /^\d{3}$/ }).nullable(),
        inPrint: t.boolean(),
        weight: t.decimal({ scale: 3 }),
        pages: t.integer({ min: 1 }),
        author: t.id('aut'),
        printedAt: t.time(),
        owner: t.email(),
        genres: t.list(t.oneOf('novel', 'poem')),
        shelves: t.list(t.text()),
        editor: t.id('aut').nullable(),
      },
      versioned: false,
      list: {
        filter: [
          'title',
          'isbn',
          'inPrint',
          'weight',
          'pages',
          'author',
          'printedAt',
          'owner',
          { genre: 'genres' },
          'shelves',
          'editor',
        ],
        search: ['title'],
        sort: ['title', 'pages', 'printedAt'],
        maxOffset: 500,
      },
      access: { list: 'public', get: 'public', update: 'admin' },
    }),
  },
})

describe('what the document lets through, the list takes', () => {
  for (const contract of [users, orders, shelf] as Contract[])
    for (const { id, verb, resource } of contract.served)
      if (verb === 'list')
        test(id, () => everyValueIsTaken(contract, id, listQueryReader(resource!, shownBy(contract, id))))
})

function shownBy(contract: Contract, id: string): string[] {
  return Object.keys(contract.served.find((one) => one.id === id)!.answer!)
}

function everyValueIsTaken(contract: Contract, id: string, read: ReturnType<typeof listQueryReader>) {
  for (const { name, schema, explode, example, in: where } of parameters(contract, id)) {
    if (where !== 'query' || name === 'cursor') continue
    const validate = ajv.compile(schema)
    let tried = 0
    fc.assert(
      fc.property(candidates(schema, example), (value) => {
        if (!validate(value)) return
        tried++
        const limit = name === 'page' ? [['limit', '1'] as const] : []
        const query = spelt(name, value, explode)
        expect(
          faultsOf(() => read([...readQuery(query), ...limit])),
          query,
        ).toEqual([])
      }),
      { numRuns: 300 },
    )
    expect(tried, name).toBeGreaterThan(0)
  }
}

/** As OpenAPI's style `form` has it; digits without an exponent. */
function spelt(name: string, value: unknown, explode = true): string {
  const texts = [value].flat().map((one) => encodeURIComponent(typeof one === 'number' ? digits(one) : String(one)))
  return explode ? texts.map((text) => `${name}=${text}`).join('&') : `${name}=${texts.join(',')}`
}

function digits(value: number): string {
  return String(value).includes('e') ? value.toFixed(10) : String(value)
}

/** Values of which some keep to the schema. */
function candidates(schema: JsonSchema, example?: unknown): fc.Arbitrary<unknown> {
  if (schema.type === 'array') return fc.array(candidates(schema.items!), { minLength: 1, maxLength: 3 })
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.type === 'boolean') return fc.boolean()
  if (schema.type === 'integer')
    return fc.oneof(fc.integer({ min: 0, max: 101 }), fc.integer({ min: 490, max: 10_001 }))
  if (schema.type === 'number') return fc.integer().map((n) => n / 100)
  const usual = [
    'ada@example.com',
    '123',
    newId('aut'),
    '2026-01-31',
    '2026-01-31T12:00:00+01:00',
    '9999-01-01T00:00:00Z',
    ...(example === undefined ? [] : [example]),
  ]
  return fc.oneof(
    { weight: 1, arbitrary: fc.string({ maxLength: 300 }) },
    { weight: 3, arbitrary: fc.constantFrom(...usual) },
  )
}

function faultsOf(read: () => unknown): unknown {
  try {
    read()
  } catch (error) {
    return (error as Problem).details
  }
  return []
}

test('R-PAGE-1, R-PAGE-7: the limits of a page are those of the list', () => {
  const read = listQueryReader(shelf.resources.books, shownBy(shelf, 'shelves.books.list'))
  const limit = parameter(shelf, 'shelves.books.list', 'limit').schema
  expect(read([]).limit).toBe(limit.default)
  expect(faultsOf(() => read([['limit', String(limit.maximum)]]))).toEqual([])
  expect(faultsOf(() => read([['limit', String(limit.maximum! + 1)]]))).toHaveLength(1)
  const deepest = String(parameter(shelf, 'shelves.books.list', 'page').schema.maximum)
  expect(
    faultsOf(() =>
      read([
        ['page', deepest],
        ['limit', '1'],
      ]),
    ),
  ).toEqual([])
  expect(
    faultsOf(() =>
      read([
        ['page', `${deepest}1`],
        ['limit', '1'],
      ]),
    ),
  ).toHaveLength(1)
})

test('R-SORT-1: a sort is a text with a pattern of declared fields, as many as there are, which RE2 takes too', () => {
  const { schema, style, description } = parameter(users, 'users.users.list', 'sort')
  expect(style).toBeUndefined()
  expect(description).toContain('any of `createdAt`, `name`, `email`, joined by commas, each once')
  const validate = ajv.compile(schema)
  for (const sort of ['name', '-createdAt,+name', 'email,-name,createdAt']) expect(validate(sort)).toBe(true)
  for (const sort of ['', 'roles', '--name', 'name,', ',name', ' name', 'name,email,createdAt,name', ['name']])
    expect(validate(sort)).toBe(false)
  expect(schema.default).toBe('-createdAt')
  // Neither look-around nor a reference back, which Go and Rust have not.
  expect(schema.pattern).not.toMatch(/\(\?|\\[1-9]/)
})

test('R-FILTER-1: filters are named by the kinds of their fields; several values go with commas, those of free text by repetition', () => {
  expect(names(orders, 'orders.orders.list', 'query')).toEqual(
    'page limit cursor count sort fields status createdAt createdAfter createdBefore placedAt placedAfter placedBefore totalMin totalMax'.split(
      ' ',
    ),
  )
  expect(parameter(orders, 'orders.orders.list', 'status')).toMatchObject({
    style: 'form',
    explode: false,
    schema: { type: 'array', items: { enum: ['pending', 'paid', 'shipped', 'delivered', 'cancelled'] } },
  })
  expect(names(orders, 'orders.products.list', 'query')).toContain('q')
})

test('FC-11: a comma may be part of a free text, which therefore is repeated', () => {
  const { schema, explode } = parameter(shelf, 'shelves.books.list', 'title')
  expect(explode).toBe(true)
  expect(ajv.compile(schema)(['a', 'b,c'])).toBe(true)
  expect(parameter(shelf, 'shelves.books.list', 'shelves').explode).toBe(true)
  expect(parameter(shelf, 'shelves.books.list', 'pages').explode).toBe(false)
})

test('R-FILTER-1: what may be null has a parameter that asks whether it is there', () => {
  expect(parameter(shelf, 'shelves.books.list', 'editorExists').schema).toEqual({ type: 'boolean' })
  expect(parameter(shelf, 'shelves.books.list', 'authorExists')).toBeUndefined()
})

test('R-FIELDS-1, R-VER-4: `fields` names what this version shows, on lists and on single reads', () => {
  const shown = (version: number) =>
    parameters(users, 'users.users.get', version).find(({ name }) => name === 'fields')!.schema.items!.enum
  expect(shown(1)).toContain('role')
  expect(shown(1)).not.toContain('roles')
  expect(shown(2)).toContain('roles')
  expect(shown(2)).not.toContain('passwordHash')
})

test('R-FILTER-2: what is neither a list nor a single read has no query parameter', () => {
  for (const id of ['users.users.create', 'users.users.update', 'users.users.delete', 'users.keys'])
    expect(names(users, id, 'query')).toEqual([])
})

test('R-USER-3: `me` stands for the id of the user who owns, and for no other', () => {
  const accepts = (contract: Contract, id: string, name: string) =>
    new RegExp(parameter(contract, id, name).schema.pattern!, 'u').test('me')
  expect(accepts(users, 'users.users.get', 'id')).toBe(true)
  expect(accepts(orders, 'orders.orders.list', 'userId')).toBe(true)
  expect(accepts(orders, 'orders.carts.create', 'userId')).toBe(true)
  expect(accepts(orders, 'orders.orders.get', 'id')).toBe(false)
  expect(accepts(orders, 'orders.cartItems.get', 'cartId')).toBe(false)
})

test('R-BODY-1: an id in a path has the pattern of its type, and nothing around it', () => {
  const { schema, required } = parameter(orders, 'orders.orders.list', 'userId')
  expect(required).toBe(true)
  const pattern = new RegExp(schema.pattern!, 'u')
  const id = newId('usr')
  for (const text of [id, 'me']) expect(pattern.test(text)).toBe(true)
  for (const text of [newId('ord'), `x${id}`, `${id}x`, 'mex', 'xme', '']) expect(pattern.test(text)).toBe(false)
})

test('R-GW-4: a parameter that is no id is any text that the gateway takes for one segment', () => {
  const tokens = service('tokens', {
    operations: {
      use: operation({ method: 'PUT', path: '/tokens/{token}', access: 'public', answer: { ok: t.boolean() } }),
    },
  })
  const { pattern } = parameter(tokens, 'tokens.use', 'token').schema
  const takes = (text: string) => new RegExp(pattern!, 'u').test(text)
  for (const text of ['a', 'Zm9v-_', 'ß', '😀', ' ', '%', '.a', '..a', 'a..', '...', '....'])
    expect(takes(text), text).toBe(true)
  for (const text of ['', '.', '..', 'a/b', 'a\\b', 'a\0b', 'a\n', '\x1f', '..\x7f'])
    expect(takes(text), text).toBe(false)
})

test('R-IDEM-1, R-LOCK-2, R-LOCK-3: headers stand where they do something', () => {
  expect(names(orders, 'orders.orders.create', 'header')).toEqual(['X-Request-Id', 'Idempotency-Key'])
  expect(names(users, 'users.login', 'header')).toEqual(['X-Request-Id'])
  expect(names(orders, 'orders.products.get', 'header')).toEqual(['X-Request-Id', 'If-None-Match'])
  for (const verb of ['replace', 'update', 'delete'])
    expect(names(orders, `orders.products.${verb}`, 'header')).toEqual(['X-Request-Id', 'If-Match'])
  expect(names(shelf, 'shelves.books.update', 'header')).toEqual(['X-Request-Id'])
  // A cart's answer shows rows of others: its version does not speak for them.
  expect(names(orders, 'orders.carts.get', 'header')).toEqual(['X-Request-Id'])
})

test('R-IDEM-1: an Idempotency-Key has 1 to 255 printable characters', () => {
  const validate = ajv.compile(parameter(orders, 'orders.orders.create', 'Idempotency-Key').schema)
  for (const key of ['a', 'a b', '~'.repeat(255)]) expect(validate(key)).toBe(true)
  for (const key of ['', ' ', 'é', 'a\n', '~'.repeat(256)]) expect(validate(key)).toBe(false)
})

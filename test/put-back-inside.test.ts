import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MAX_FAULTS } from '../src/base/errors.ts'
import { type AnyField, type FieldSpec, t } from '../src/contract/fields.ts'
import { resource, service } from '../src/contract/index.ts'
import { camelCase } from '../src/contract/names.ts'
import type { AnyResource } from '../src/contract/resource.ts'
import { type Database, openDatabase } from '../src/data/pool.ts'
import { readRow } from '../src/data/row.ts'
import { insert } from '../src/data/rows.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send, type Wired } from './wire.ts'

/** Objects and lists of objects with members that only the service sets: nothing of the reference system has them. */
const access = { get: 'public', replace: 'public', update: 'public' } as const
const Paper = resource('paper', {
  id: 'pap',
  fields: {
    title: t.text(),
    lines: t.list(t.object({ no: t.integer().server(), label: t.text() })).default([]),
    place: t
      .object({
        city: t.text(),
        zip: t.text().nullable(),
        floor: t.integer().optional(),
        kind: t.text().nullable().default('home'),
        geo: t.text().server(),
      })
      .optional(),
    stamp: t
      .object({ by: t.text(), at: t.time().server().nullable(), seal: t.text().server().default('none') })
      .optional(),
  },
  access: { ...access, create: 'public' },
})

/** Contracts at random, always the same ones. */
const leaf = fc.constantFrom<AnyField>(t.text(), t.integer(), t.boolean(), t.decimal({ scale: 2 }), t.time())
const marked = (field: fc.Arbitrary<AnyField>) =>
  fc
    .tuple(field, fc.constantFrom('plain', 'nullable', 'optional', 'server', 'server', 'server and nullable'))
    .map(([one, mark]) => {
      const nullable = mark.endsWith('nullable') ? one.nullable() : mark === 'optional' ? one.optional() : one
      return mark.startsWith('server') ? nullable.server() : nullable
    })
const members = (member: fc.Arbitrary<AnyField>) =>
  fc.dictionary(fc.constantFrom('a', 'bb', 'c', 'to', 'of'), marked(member), { minKeys: 1 })
const objectOf = (member: fc.Arbitrary<AnyField>): fc.Arbitrary<AnyField> =>
  members(member).map((fields) => t.object(fields))
const listsToo = (field: fc.Arbitrary<AnyField>) =>
  fc.oneof(
    field,
    fc.tuple(field, fc.boolean()).map(([one, nullable]) => t.list(nullable ? one.nullable() : one)),
  )
const inner = fc.oneof(leaf, listsToo(objectOf(leaf)))
const middle = fc.oneof(leaf, listsToo(objectOf(inner)))
const columns = fc.dictionary(fc.constantFrom('one', 'two'), marked(listsToo(objectOf(middle))), { minKeys: 1 })
const things = fc.sample(columns, { numRuns: 26, seed: 13 }).map((fields, i): AnyResource => {
  const letter = String.fromCharCode(97 + i)
  return resource(`${letter}-thing`, { id: `th${letter}`, fields, access })
})

const contract = service('papers', {
  resources: Object.fromEntries([Paper as AnyResource, ...things].map((one) => [camelCase(one.plural), one])),
})
function specsOf({ fields }: AnyResource): Record<string, FieldSpec> {
  return Object.fromEntries(Object.entries<AnyField>(fields).map(([name, { spec }]) => [name, spec]))
}

const columnsOf = (of: AnyResource) =>
  Object.entries(specsOf(of)).map(
    ([name, { kind, nullable }]) => `${name} ${kind === 'text' ? 'text' : 'jsonb'}${nullable ? '' : ' not null'}`,
  )
const SQL = [Paper as AnyResource, ...things]
  .map(
    (
      of,
    ) => `create table ${of.table} (id uuid primary key, ${columnsOf(of).join(', ')}, version integer not null default 1,
      created_at timestamptz(3) not null default now(), updated_at timestamptz(3) not null default now());`,
  )
  .join('\n')

/** What may be stored. */
function anyOf(spec: FieldSpec): fc.Arbitrary<unknown> {
  const value = (): fc.Arbitrary<unknown> => {
    switch (spec.kind) {
      case 'text':
        return fc.string({ maxLength: 5 }).map((text) => text.replaceAll('\0', ''))
      case 'integer':
        return fc.integer()
      case 'decimal':
        return fc.integer({ min: -9999, max: 9999 }).map((n) => n / 100)
      case 'boolean':
        return fc.boolean()
      case 'time':
        return fc.integer({ min: 0, max: 2e12 }).map((ms) => new Date(ms).toISOString())
      case 'list':
        return fc.array(anyOf(spec.of!), { maxLength: 3 })
      default:
        return fc.record(allOf(spec.fields!))
    }
  }
  return spec.nullable ? fc.option(value()) : value()
}

function allOf(specs: Readonly<Record<string, FieldSpec>>): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, anyOf(spec)]))
}

/** Without what only the service sets, at any depth. */
function givenOf(spec: FieldSpec, value: any): unknown {
  if (value === null) return null
  if (spec.kind === 'list') return value.map((item: unknown) => givenOf(spec.of!, item))
  if (spec.kind !== 'object') return value
  return givenIn(spec.fields!, value)
}

function givenIn(specs: Readonly<Record<string, FieldSpec>>, values: any): Record<string, unknown> {
  const given = Object.entries(specs).filter(([, spec]) => !spec.server)
  return Object.fromEntries(given.map(([name, spec]) => [name, givenOf(spec, values[name])]))
}

let running: SmallSystem
let database: Database
beforeAll(async () => {
  running = await smallSystem(contract, {} as never, SQL)
  database = openDatabase('test', running.database)
})
afterAll(async () => {
  await database?.close()
  await running?.stop()
})

function ask(method: string, path: string, body?: object): Promise<Wired> {
  const headers = { 'content-type': 'application/json' }
  return send(running.url, method, path, body ? { headers, body: JSON.stringify(body) } : {})
}

async function stored(of: AnyResource, values: object): Promise<string> {
  return `/${of.plural}/${readRow(await insert(database, of, values)).id}`
}

const LINES = [
  { no: 1, label: 'a' },
  { no: 2, label: 'b' },
]
const PLACE = { city: 'Oslo', zip: null, floor: 2, kind: 'work', geo: '59N' }
const paper = (values: object = {}) => stored(Paper, { title: 'x', lines: LINES, place: PLACE, stamp: null, ...values })
const fieldsOf = ({ body }: Wired) => body.error?.details?.map(({ field }: { field: string }) => field)

test('FC-13, R-BODY-4: of random contracts, PUT and PATCH of what was read change nothing but version and updatedAt', async () => {
  const stories = fc
    .constantFrom(...things)
    .chain((of) => fc.record(allOf(specsOf(of))).map((values) => ({ of, values })))
  await fc.assert(
    fc.asyncProperty(stories, async ({ of, values }) => {
      const path = await stored(of, values)
      const { version: _, updatedAt: __, ...read } = (await ask('GET', path)).body
      expect(read).toMatchObject(values)
      const given = givenIn(specsOf(of), read)
      const parts = Object.entries(given).map(([name, value]) => ['PATCH', { [name]: value }] as const)
      const empty = Object.entries(given).filter(([, value]) => value !== null && !Array.isArray(value))
      const nothing = empty.map(([name]) => ['PATCH', { [name]: {} }] as const)
      const whole = [['PUT', read] as const, ['PATCH', read] as const]
      for (const [method, body] of [...whole, ['PUT', given] as const, ...parts, ...nothing]) {
        const answer = await ask(method, path, body)
        expect([method, body, answer.status, answer.body]).toMatchObject([method, body, 200, read])
      }
      const { version: ___, ...after } = (await ask('GET', path)).body
      expect(after).toEqual({ ...read, updatedAt: after.updatedAt })
    }),
    { numRuns: 20 },
  )
})

test('FC-13, R-BODY-4: what only the service sets inside objects and lists stays as it is when the rest is changed', async () => {
  const path = await paper()
  const lines = [{ ...LINES[0], label: 'changed' }, { label: 'left out' }]
  const put = await ask('PUT', path, { title: 'x', lines, place: { city: 'Moss', zip: '1530' } })
  expect(put).toMatchObject({
    status: 200,
    body: {
      lines: [
        { no: 1, label: 'changed' },
        { no: 2, label: 'left out' },
      ],
      place: { city: 'Moss', zip: '1530', floor: null, kind: 'home', geo: '59N' },
    },
  })
  expect((await ask('PATCH', path, { lines: [{ label: 'one' }] })).body.lines).toEqual([{ no: 1, label: 'one' }])
  expect((await ask('GET', path)).body.lines).toEqual([{ no: 1, label: 'one' }])
  expect(fieldsOf(await ask('PUT', path, { title: 'x', lines: [{ no: 5, label: 'a' }] }))).toEqual(['lines[0].no'])
  expect(fieldsOf(await ask('PATCH', path, { place: { geo: '60N' } }))).toEqual(['place.geo'])
})

test('R-REST-2: a PATCH of a part of an object with members that only the service sets leaves these as they are', async () => {
  const path = await paper()
  const { status, body } = await ask('PATCH', path, { place: { city: 'Moss' } })
  expect([status, body.place]).toEqual([200, { ...PLACE, city: 'Moss' }])
  expect((await ask('GET', path)).body.place).toEqual({ ...PLACE, city: 'Moss' })
})

test('R-REST-2: null in a PATCH is the value of a member that may be null, also where it has a default', async () => {
  const path = await paper({ place: { ...PLACE, zip: '0150' } })
  const patched = await ask('PATCH', path, { place: { zip: null, kind: null } })
  expect([patched.status, patched.body.place]).toEqual([200, { ...PLACE, zip: null, kind: null }])
  const made = await ask('PATCH', await paper({ place: null, stamp: null }), { stamp: { by: 'Ann' } })
  expect([made.status, made.body.stamp]).toEqual([200, { by: 'Ann', at: null, seal: 'none' }])
})

test('R-BODY-4: what is new has the defaults of what only the service sets; without any it is a 422 that names it', async () => {
  const made = await ask('POST', '/papers', { title: 'x', stamp: { by: 'Ann' } })
  expect([made.status, made.body.stamp]).toEqual([201, { by: 'Ann', at: null, seal: 'none' }])
  const place = { city: 'Moss', zip: null }
  const refused = [
    await ask('POST', '/papers', { title: 'x', place, lines: [{ label: 'a' }] }),
    await ask('PUT', `/papers/${made.body.id}`, { title: 'x', place, lines: [{ label: 'a' }] }),
    await ask('PATCH', `/papers/${made.body.id}`, { place, lines: [{ label: 'a' }] }),
  ]
  for (const answer of refused)
    expect([answer.status, fieldsOf(answer)?.sort()]).toEqual([422, ['lines[0].no', 'place.geo']])
  const many = Array.from({ length: 1000 }, () => ({ label: 'a' }))
  expect(fieldsOf(await ask('POST', '/papers', { title: 'x', lines: many }))).toHaveLength(MAX_FAULTS)
  const { paths } = (await ask('GET', '/openapi.json')).body
  expect(Object.keys(paths['/papers'].post.responses)).toContain('422')
})

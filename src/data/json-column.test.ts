import fc from 'fast-check'
import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { type AnyField, type FieldSpec, t } from '../contract/fields.ts'
import { shapedValue } from '../contract/shaped.ts'
import { jsonShaper } from './json-column.ts'

const LEAK = 'leak'
const TEXT = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('"', '\\', '},{', '":"', '\\"', '[]'),
)

interface Case {
  field: AnyField
  /** Of the contract's kind, with members thrown in that it does not name. */
  value: fc.Arbitrary<unknown>
}

const LEAVES: fc.Arbitrary<Case> = fc.constantFrom<Case>(
  { field: t.text(), value: fc.option(TEXT) },
  { field: t.integer(), value: fc.option(fc.integer()) },
  { field: t.decimal({ scale: 4 }), value: fc.double({ noNaN: true, noDefaultInfinity: true }) },
  { field: t.boolean(), value: fc.option(fc.boolean()) },
)

/** Members in any order, some of them left out, some of them unknown. */
function objectOf(members: readonly [string, Case][]): fc.Arbitrary<object> {
  const known = members.map(([name, { value }]) => fc.tuple(fc.constant(name), value))
  const unknown = fc.tuple(
    fc.constantFrom('hash', 'A', 'a b', 'x"', '__proto__'),
    fc.constantFrom<unknown>(LEAK, { a: LEAK }, [LEAK]),
  )
  const exact = fc.tuple(...known)
  const loose = fc
    .tuple(exact, fc.array(unknown, { maxLength: 2 }))
    .chain(([own, others]) => fc.shuffledSubarray([...own, ...others]))
  return fc.oneof(exact, loose).map((entries) => Object.fromEntries(entries))
}

function cases(depth: number): fc.Arbitrary<Case> {
  if (depth === 0) return LEAVES
  const names = fc.uniqueArray(fc.constantFrom('a', 'bb', 'c.c', 'b', 'ä', 'x y'), { minLength: 1, maxLength: 4 })
  const objects = names
    .chain((all) => fc.tuple(...all.map((name) => fc.tuple(fc.constant(name), cases(depth - 1)))))
    .map((members) => ({
      field: t.object(Object.fromEntries(members.map(([name, { field }]) => [name, field]))) as AnyField,
      value: objectOf(members),
    }))
  const lists = fc
    .oneof(LEAVES, objects)
    .map(({ field, value }) => ({ field: t.list(field) as AnyField, value: fc.array(value, { maxLength: 3 }) }))
  return fc.oneof(LEAVES, objects, lists)
}

/** The ways in which PostgreSQL writes JSON: as it was stored (json), jsonb, and json_build_object with json_agg. */
const WRITERS: Record<string, (value: unknown) => string> = {
  json: (value) => JSON.stringify(value),
  jsonb: (value) => spaced(value, (names) => names.sort(byLength), ': ', ', '),
  built: (value) => spaced(value, (names) => names, ' : ', ', \n '),
}

function byLength(a: string, b: string): number {
  return Buffer.byteLength(a) - Buffer.byteLength(b) || Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function spaced(value: unknown, order: (names: string[]) => string[], colon: string, comma: string): string {
  if (Array.isArray(value)) return `[${value.map((one) => spaced(one, order, colon, comma)).join(comma)}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = order(Object.keys(value)).map(
    (name) => `${JSON.stringify(name)}${colon}${spaced((value as Record<string, unknown>)[name], order, colon, comma)}`,
  )
  return `{${members.join(', ')}}`
}

test('FC-55 R-BODY-7: of any JSON column, whatever SQL wrote into it, just what the contract names comes out', () => {
  let copied = 0
  const inputs = cases(3).chain(({ field, value }) =>
    fc.tuple(fc.constant(field.spec), value, fc.constantFrom(...Object.keys(WRITERS))),
  )
  fc.assert(
    fc.property(inputs, ([spec, value, writer]) => {
      const text = WRITERS[writer]!(value)
      const out = jsonShaper(spec)(text)
      expect(JSON.parse(out)).toEqual(shapedValue(spec, JSON.parse(text)))
      expect(out).not.toContain(LEAK)
      if (out === text) copied++
    }),
    { numRuns: 500 },
  )
  // Both ways were gone.
  expect(copied).toBeGreaterThan(50)
  expect(copied).toBeLessThan(475)
})

test('FC-55 R-BODY-7: an order’s lines are copied as they are stored; with a member too many they are shaped', () => {
  const { items } = orders.resources.orders.stored
  const line = { id: 'lin_1', productId: 'prd_1', sku: 'A "1"', name: 'Chai \\', quantity: 1 }
  const prices = { unitPrice: 10.1234, discount: 0, lineTotal: 10.12 }
  const shape = jsonShaper(items!)
  const texts = Object.values(WRITERS).map((write) =>
    write([
      { ...line, ...prices },
      { ...line, ...prices },
    ]),
  )
  for (const text of texts) expect(shape(text)).toBe(text)
  const stored =
    '{"id":"lin_1","productId":"prd_1","sku":"A","name":"B","quantity":1,"cost":3,"unitPrice":1,"discount":0}'
  expect(shape(`[${stored}]`)).toBe(
    '[{"id":"lin_1","productId":"prd_1","sku":"A","name":"B","quantity":1,"unitPrice":1,"discount":0,"lineTotal":null}]',
  )
})

test.each<[string, FieldSpec, string, string]>([
  ['an object in place of a text', t.list(t.text()).spec, '["a", {"secret": 1}]', 'has an object where'],
  ['a list in place of an object', t.object({ a: t.text() }).spec, '[{"secret": 1}]', 'has a list where'],
  ['an object in place of a list', t.list(t.text()).spec, '{"secret": 1}', 'has an object where'],
  ['a number beyond all that JavaScript holds', t.list(t.integer()).spec, '[1e400]', 'has Infinity, which JSON'],
])('FC-55 R-BODY-7: %s is an error rather than an answer', (_, spec, text, message) => {
  expect(() => jsonShaper(spec)(text)).toThrow(message)
})

test('FC-55: long documents are shaped too', () => {
  const many = Array.from({ length: 20_000 }, () => ({ a: 'abc' }))
  const shape = jsonShaper(t.list(t.object({ a: t.text() })).spec)
  expect(shape(JSON.stringify(many))).toBe(JSON.stringify(many))
  expect(shape(JSON.stringify([{ a: 'x'.repeat(90_000) }]))).toHaveLength(90_010)
  expect(shape(JSON.stringify([...many, { a: 'b', secret: 1 }]))).not.toContain('secret')
})

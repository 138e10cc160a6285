import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { users } from '../../services/users/contract.ts'
import { newId } from '../base/ids.ts'
import { type AnyField, type FieldSpec, type Fields, specsOf, t } from '../contract/fields.ts'
import { outputCheck, shaped } from './shape.ts'

const Line = t.object({ sku: t.text(), price: t.money(), note: t.text().optional() })
const Order: Fields = {
  id: t.id('ord').server(),
  lines: t.list(Line).server(),
  address: t.object({ city: t.text(), place: t.object({ x: t.integer() }).optional() }).optional(),
  placedAt: t.time().nullable(),
  total: t.money(),
}
const specs = specsOf(Order)
const line = (more: object = {}) => ({ sku: 'A1', price: 1.5, note: null, ...more })
const order = (more: object = {}) => ({
  id: newId('ord'),
  lines: [line()],
  address: { city: 'Rome', place: { x: 1 } },
  placedAt: null,
  total: 1.5,
  ...more,
})

describe('what leaves a service (R-BODY-7)', () => {
  test('R-BODY-7: a member that the contract does not name never leaves, at any depth', () => {
    const secret = { secret: 's3cret' }
    const value = order({
      ...secret,
      lines: [line(secret)],
      address: { city: 'Rome', place: { x: 1, ...secret }, ...secret },
    })
    expect(shaped(specs, value)).toEqual(order({ id: value.id }))
    expect(JSON.stringify(shaped(specs, value))).not.toContain('secret')
  })

  test('R-BODY-7: no password hash, whatever a handler hands back', () => {
    const user = {
      id: 'usr_1',
      passwordHash: '$argon2id$',
      password: 'p',
      currentPassword: 'p',
      emailVerifiedAt: 'x',
      name: 'Ada',
    }
    const { answer } = users.served.find(({ id }) => id === 'users.users.get')!
    expect(Object.keys(shaped(answer!, user))).toEqual(Object.keys(answer!))
    expect(JSON.stringify(shaped(answer!, user))).not.toMatch(/argon2|password/i)
  })

  test('every member that it names is there, in its order; what is absent is null', () => {
    expect(Object.entries(shaped(specs, { total: 1, lines: [{}] }))).toEqual([
      ['id', null],
      ['lines', [{ sku: null, price: null, note: null }]],
      ['address', null],
      ['placedAt', null],
      ['total', 1],
    ])
  })

  test('what is shaped is a copy, and the value stays as it was', () => {
    const value = order()
    const copy = structuredClone(value)
    const out = shaped(specs, value) as typeof value
    out.lines[0]!.sku = 'B2'
    out.address.city = 'Oslo'
    expect(value).toEqual(copy)
  })

  /** A contract, and a value of it with members thrown in that it does not name: each holds LEAK. */
  const LEAK = 'leak'
  const leaky = (value: fc.Arbitrary<object>) =>
    fc.tuple(value, fc.constantFrom('hash', 'secret', 'Name', 'a b')).map(([one, name]) => ({ ...one, [name]: LEAK }))
  const contracts = (depth: number): fc.Arbitrary<{ field: AnyField; value: fc.Arbitrary<unknown> }> => {
    const leaf = fc.constant({ field: t.text() as AnyField, value: fc.constantFrom<unknown>('x', null, undefined) })
    if (depth === 0) return leaf
    const object = fc.array(contracts(depth - 1), { minLength: 1, maxLength: 3 }).map((members) => ({
      field: t.object(Object.fromEntries(members.map(({ field }, i) => [`f${i}`, field]))) as AnyField,
      value: leaky(fc.record(Object.fromEntries(members.map(({ value }, i) => [`f${i}`, value])))),
    }))
    const list = object.map(({ field, value }) => ({
      field: t.list(field) as AnyField,
      value: fc.array(value, { maxLength: 3 }),
    }))
    return fc.oneof(leaf, object, list)
  }

  test('R-BODY-7: of any contract, and any value, only what is named comes out', () => {
    const cases = contracts(3).chain(({ field, value }) => fc.tuple(fc.constant({ it: field.spec }), value))
    fc.assert(
      fc.property(cases, ([contract, value]) => {
        const out = shaped(contract, { it: value, hash: LEAK })
        expect(Object.keys(out)).toEqual(['it'])
        expect(JSON.stringify(out)).not.toContain(LEAK)
        expectNamed(contract.it, out.it)
      }),
      { numRuns: 500 },
    )
  })

  function expectNamed(spec: FieldSpec, value: unknown) {
    if (value === null) return
    if (spec.kind === 'list') for (const one of value as unknown[]) expectNamed(spec.of!, one)
    if (spec.kind !== 'object') return
    expect(Object.keys(value as object)).toEqual(Object.keys(spec.fields!))
    for (const [name, inner] of Object.entries(spec.fields!))
      expectNamed(inner, (value as Record<string, unknown>)[name])
  }
})

describe('a response that breaks its contract (R-BODY-7)', () => {
  const faults = (value: object) => outputCheck(specs)(value).map(({ field, message }) => `${field} ${message}`)

  test('R-BODY-7: what keeps to it has no faults, though the service itself set it', () => {
    expect(faults(order())).toEqual([])
    expect(faults(order({ address: null }))).toEqual([])
  })

  test('R-BODY-7: everything named must be there, also what a request may leave out', () => {
    const { total: _, address: __, ...rest } = order({ lines: [{ sku: 'A1', price: 1 }] })
    expect(faults(rest)).toEqual(['lines[0].note is required', 'address is required', 'total is required'])
  })

  test('R-BODY-7: null stands only where the contract allows it', () => {
    expect(faults(order({ lines: [line({ sku: null })], total: null, placedAt: null }))).toEqual([
      'lines[0].sku must be a string',
      'total must be a number',
    ])
  })

  test('R-BODY-3: a sum that was made with floats is a fault, not an answer', () => {
    expect(faults(order({ total: 0.1 + 0.2 }))).toEqual(['total must have at most 2 decimals'])
  })

  test('R-BODY-7: a member too many is a fault', () => {
    expect(faults(order({ lines: [line({ cost: 1 })] }))).toEqual(['lines[0].cost is not a field of this request'])
  })
})

import { expect, expectTypeOf, test } from 'vitest'
import { t } from '../contract/index.ts'
import { readObject } from './read-object.ts'

const Payment = {
  id: t.text({ min: 1 }),
  from: t.email(),
  amount: t.integer({ min: 1 }),
  lines: t.list(t.object({ sku: t.text() }), { max: 2 }).default([]),
  note: t.text().optional(),
}
const given = { id: 'p1', from: 'ann@example.com', amount: 5 }

test('R-BODY-4: it is read as a body is, with defaults, and null for what was left out', () => {
  const read = readObject(Payment, given)
  expectTypeOf(read.note).toEqualTypeOf<string | null>()
  expect(read).toEqual({ ...given, lines: [], note: null })
})

test('what no field names is left out, inside of lists and objects too', () => {
  const read = readObject(Payment, { ...given, extra: 1, lines: [{ sku: 'a', extra: 2 }], __proto__: { note: 'x' } })
  expect(read).toEqual({ ...given, lines: [{ sku: 'a' }], note: null })
})

test('R-BODY-4: every faulty field is named; what is no object is refused', () => {
  const faultsOf = (value: unknown) => {
    try {
      return readObject(Payment, value)
    } catch (error) {
      return error
    }
  }
  expect(faultsOf({ id: '', from: 1, amount: 0.5, lines: [{}, 'x'] })).toMatchObject({
    code: 'VALIDATION_ERROR',
    details: ['id', 'from', 'amount', 'lines[0].sku', 'lines[1]'].map((field) => ({ field })),
  })
  expect(faultsOf({ ...given, lines: [{}, {}, {}] })).toMatchObject({
    details: [{ field: 'lines', message: 'must have at most 2 members' }],
  })
  for (const value of [null, 'text', [], undefined]) expect(faultsOf(value)).toMatchObject({ code: 'VALIDATION_ERROR' })
})

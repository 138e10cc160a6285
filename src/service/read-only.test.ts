import { expect, test } from 'vitest'
import { type FieldFault, MAX_FAULTS } from '../base/errors.ts'
import { newId } from '../base/ids.ts'
import { specsOf, t } from '../contract/fields.ts'
import { givesReadOnly, withoutReadOnly } from './read-only.ts'

const line = t.object({ id: t.id('lin').server(), name: t.text() })
const specs = specsOf({ lines: t.list(line, { max: 100 }), rows: t.list(t.list(line, { max: 100 }), { max: 100 }) })

function faultsOf(body: Record<string, unknown>, faults: FieldFault[] = []): FieldFault[] {
  withoutReadOnly(specs, body, {}, faults)
  return faults
}

const lines = (count: number) => Array.from({ length: count }, () => ({ id: newId('lin'), name: 'x' }))

test('FC-13, FC-92: of read-only fields with another value no more are told than of all faults', () => {
  expect(faultsOf({ lines: lines(3) }).map(({ field }) => field)).toEqual(['lines[0].id', 'lines[1].id', 'lines[2].id'])
  expect(faultsOf({ rows: Array.from({ length: 100 }, () => lines(100)) })).toHaveLength(MAX_FAULTS)
  const before = Array.from({ length: MAX_FAULTS - 1 }, (_, i) => ({ field: `x${i}`, message: 'is wrong' }))
  expect(faultsOf({ lines: lines(100) }, before)).toHaveLength(MAX_FAULTS)
})

test('FC-13, FC-92: a list that is too long is not looked into', () => {
  for (const body of [{ lines: lines(101) }, { rows: [lines(101)] }, { rows: Array(101).fill(lines(1)) }]) {
    expect(givesReadOnly(specs, body)).toBe(false)
    expect(faultsOf(body)).toEqual([])
  }
  expect(givesReadOnly(specs, { rows: [lines(1)] })).toBe(true)
})

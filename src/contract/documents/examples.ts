import type { FieldFault } from '../../base/errors.ts'
import { checkOf } from '../check.ts'
import type { FieldSpec } from '../fields.ts'
import { capital, wordsOf } from './schema-names.ts'

/**
 * What documents show of a field: the example that its contract gives, else its default, else one that its kind makes, else none. An
 * object has none: its members have. Always valid for the field.
 */
export function exampleOf(name: string, spec: FieldSpec): unknown {
  if (spec.example !== undefined) return spec.example
  const made = kinds[spec.kind](name, spec)
  if (made === undefined) return undefined
  const candidates = isEmpty(spec.default) ? [made] : [spec.default, made]
  return candidates.find((one) => isValid(spec, one))
}

const kinds: Record<FieldSpec['kind'], (name: string, spec: FieldSpec) => unknown> = {
  text: (name) => capital(wordsOf(name)),
  email: () => 'ada@example.com',
  integer: (_, spec) => within(spec, 1),
  decimal: (_, spec) => within(spec, spec.scale === 0 ? 1 : 0.5),
  money: (_, spec) => within(spec, 19.99),
  // What has few values needs no example.
  boolean: () => undefined,
  time: () => '2026-01-31T09:30:00.000Z',
  // The schema of the id has one.
  id: () => undefined,
  oneOf: () => undefined,
  list: (name, spec) => {
    const one = exampleOf(name, spec.of!) ?? spec.of!.values?.[0]
    return one === undefined ? undefined : [one]
  },
  object: () => undefined,
}

function within({ min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY }: FieldSpec, value: number): number {
  return Math.min(Math.max(value, min), max)
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
}

function isValid(spec: FieldSpec, value: unknown): boolean {
  const faults: FieldFault[] = []
  checkOf(spec)(value, '', faults)
  return faults.length === 0
}

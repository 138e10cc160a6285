import { Problem } from '../base/errors.ts'
import { type BodyCheck, bodyCheck, withDefaults } from '../contract/check.ts'
import { type CheckedInput, type FieldSpec, type Fields, type Flat, specsOf } from '../contract/fields.ts'

/**
 * Reads a value from outside, such as the JSON of a webhook or of another API, as an operation reads its body: defaults are filled in,
 * and what was left out is null. Members that no field names are left out, since others add to what they send. Throws
 * VALIDATION_ERROR with every faulty field.
 *
 *     const { id, amount } = readObject({ id: t.text(), amount: t.integer() }, json())
 */
export function readObject<F extends Fields>(fields: F, value: unknown): Flat<CheckedInput<F>>
export function readObject(fields: Fields, value: unknown): object {
  let known = readers.get(fields)
  if (known === undefined) {
    const specs = specsOf(fields)
    known = { specs, check: bodyCheck(specs) }
    readers.set(fields, known)
  }
  const { specs, check } = known
  const given = isObject(value) ? named(specs, value) : value
  const faults = check(given, false)
  if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults })
  return withDefaults(specs, given as object)
}

type Specs = Readonly<Record<string, FieldSpec>>

/** Compiled once for fields that a module holds. */
const readers = new WeakMap<Fields, { readonly specs: Specs; readonly check: BodyCheck }>()

function named(specs: Specs, value: object): Record<string, unknown> {
  const given = value as Record<string, unknown>
  const names = Object.keys(specs).filter((name) => Object.hasOwn(given, name))
  return Object.fromEntries(names.map((name) => [name, namedIn(specs[name]!, given[name])]))
}

/** What is of another kind than its field stays as it is, for the check to find. */
function namedIn(spec: FieldSpec, value: unknown): unknown {
  if (spec.kind === 'object' && isObject(value)) return named(spec.fields!, value)
  // Of a list that is too long nothing is looked at.
  if (spec.kind === 'list' && Array.isArray(value) && value.length <= spec.max!)
    return value.map((item) => namedIn(spec.of!, item))
  return value
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

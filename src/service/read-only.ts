import { type FieldFault, MAX_FAULTS } from '../base/errors.ts'
import { READ_ONLY, readTime } from '../contract/check.ts'
import type { FieldSpec } from '../contract/fields.ts'

type Specs = Readonly<Record<string, FieldSpec>>
type Values = Readonly<Record<string, unknown>>

/** Whether a body gives a read-only field, at any depth. Here and below it may be any JSON: its own check may have refused it. */
export function givesReadOnly(specs: Specs, body: unknown): boolean {
  if (!isObject(body)) return false
  for (const name in specs) {
    const value = body[name]
    if (value !== undefined && givesWithin(specs[name]!, value)) return true
  }
  return false
}

function givesWithin(spec: FieldSpec, value: unknown): boolean {
  if (spec.server) return true
  if (spec.kind === 'object') return givesReadOnly(spec.fields!, value)
  return isLookedInto(spec, value) && value.some((item) => givesWithin(spec.of!, item))
}

/** Of lists, those that may hold a read-only field and that the check has not refused as too long: as there, nothing of them is looked at. */
function isLookedInto(spec: FieldSpec, value: unknown): value is unknown[] {
  return mayHold(spec) && Array.isArray(value) && value.length <= spec.max!
}

function mayHold({ kind, of }: FieldSpec): boolean {
  return kind === 'object' || (kind === 'list' && mayHold(of!))
}

/**
 * The body without its read-only fields. Each may stand with the value that it has, so that what was read can be edited and
 * sent back as a whole (R-BODY-4); another value is a fault, as long as there are no more than are told. `current` is the thing
 * as this caller reads it.
 */
export function withoutReadOnly(
  specs: Specs,
  body: Values,
  current: unknown,
  faults: FieldFault[],
  path = '',
): Record<string, unknown> {
  const rest: Record<string, unknown> = {}
  for (const name in body) {
    const spec = Object.hasOwn(specs, name) ? specs[name]! : undefined
    const field = path === '' ? name : `${path}.${name}`
    const stands = isObject(current) ? current[name] : undefined
    if (!spec?.server) rest[name] = spec ? within(spec, body[name], stands, faults, field) : body[name]
    else if (faults.length < MAX_FAULTS && !isSame(spec, body[name], stands ?? null))
      faults.push({ field, message: `${READ_ONLY} and differs from the current value` })
  }
  return rest
}

function within(spec: FieldSpec, value: unknown, current: unknown, faults: FieldFault[], path: string): unknown {
  if (spec.kind === 'object' && isObject(value)) return withoutReadOnly(spec.fields!, value, current, faults, path)
  if (!isLookedInto(spec, value)) return value
  const items = Array.isArray(current) ? current : []
  return value.map((item, i) => within(spec.of!, item, items[i], faults, `${path}[${i}]`))
}

/** As values: 10 is 10.0, and two spellings of one instant are the same. */
function isSame(spec: FieldSpec, given: unknown, current: unknown): boolean {
  if (given === current) return true
  if (spec.kind === 'time')
    return typeof given === 'string' && typeof current === 'string' && readTime(given) === readTime(current)
  if (spec.kind === 'list') {
    if (!Array.isArray(given) || !Array.isArray(current) || given.length !== current.length) return false
    return given.every((item, i) => isSame(spec.of!, item, current[i]))
  }
  if (spec.kind !== 'object' || !isObject(given) || !isObject(current)) return false
  if (!Object.keys(given).every((name) => Object.hasOwn(spec.fields!, name))) return false
  return Object.entries(spec.fields!).every(([name, inner]) =>
    isSame(inner, given[name] ?? null, current[name] ?? null),
  )
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

import { type FieldFault, MAX_FAULTS, Problem } from '../base/errors.ts'
import type { FieldSpec } from '../contract/fields.ts'

type Specs = Readonly<Record<string, FieldSpec>>
type Values = Readonly<Record<string, unknown>>

/** Those fields whose objects, or objects in lists, have members that only the service sets. */
export function holdingServerSet(specs: Specs): Specs {
  return Object.fromEntries(Object.entries(specs).filter(([, spec]) => !spec.server && holds(spec)))
}

function holds({ kind, of, fields }: FieldSpec): boolean {
  if (kind === 'list') return holds(of!)
  return kind === 'object' && Object.values(fields!).some((spec) => spec.server || holds(spec))
}

/**
 * The body with those members as they stand. A column of JSON is written whole, and no body has them: they would be lost.
 * Items of a list are told apart by their place. What is new has their defaults, or null; a member that has neither keeps it
 * from being made: a Problem UNPROCESSABLE.
 */
export function withServerSet(specs: Specs, body: Values, current: (name: string) => unknown): Record<string, unknown> {
  const faults: FieldFault[] = []
  const whole = { ...body }
  for (const name in specs)
    if (body[name] !== undefined) whole[name] = completed(specs[name]!, body[name], current(name), name, faults)
  if (faults.length > 0) throw new Problem('UNPROCESSABLE', undefined, { details: faults })
  return whole
}

function completed(spec: FieldSpec, value: unknown, current: unknown, path: string, faults: FieldFault[]): unknown {
  if (Array.isArray(value)) {
    if (!holds(spec)) return value
    const items = Array.isArray(current) ? current : []
    return value.map((item, i) => completed(spec.of!, item, items[i], `${path}[${i}]`, faults))
  }
  if (spec.kind !== 'object' || !isObject(value)) return value
  const isNew = !isObject(current)
  const whole: Record<string, unknown> = { ...value }
  for (const name in spec.fields) {
    const inner = spec.fields[name]!
    const standing = isNew ? undefined : current[name]
    if (!inner.server) whole[name] = completed(inner, value[name], standing, `${path}.${name}`, faults)
    else {
      whole[name] = standing ?? inner.default ?? null
      if (isNew && whole[name] === null && !inner.nullable && faults.length < MAX_FAULTS)
        faults.push({ field: `${path}.${name}`, message: 'is set by the service and cannot be given here' })
    }
  }
  return whole
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

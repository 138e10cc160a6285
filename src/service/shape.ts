import type { FieldFault } from '../base/errors.ts'
import { checkOf } from '../contract/check.ts'
import type { FieldSpec } from '../contract/fields.ts'

type Specs = Readonly<Record<string, FieldSpec>>

/** A value with just the members that a contract names: whatever else it holds never leaves (R-BODY-7). */
export function shaped(specs: Specs, value: object): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const name in specs) out[name] = pick(specs[name]!, (value as Record<string, unknown>)[name])
  return out
}

function pick(spec: FieldSpec, value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (spec.kind === 'object' && typeof value === 'object') return shaped(spec.fields!, value)
  if (spec.kind === 'list' && spec.of?.kind === 'object' && Array.isArray(value))
    return value.map((item) => pick(spec.of!, item))
  return value
}

/** Compiles the check of what a service sends: everything named is there, and is what the contract says. */
export function outputCheck(specs: Specs): (value: object) => FieldFault[] {
  const check = checkOf({ kind: 'object', fields: required(specs) })
  return (value) => {
    const faults: FieldFault[] = []
    check(value, '', faults)
    return faults
  }
}

/** Marks for requests mean nothing on the way out: every member is there, null where the contract allows it. */
function required(specs: Specs): Record<string, FieldSpec> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, unmarked(spec)]))
}

function unmarked(spec: FieldSpec): FieldSpec {
  return {
    ...spec,
    optional: false,
    server: false,
    ...(spec.of ? { of: unmarked(spec.of) } : {}),
    ...(spec.fields ? { fields: required(spec.fields) } : {}),
  }
}

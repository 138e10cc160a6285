import type { FieldSpec } from './fields.ts'

/** A value with just the members that a contract names: whatever else it holds never leaves (R-BODY-7). */
export function shaped(specs: Readonly<Record<string, FieldSpec>>, value: object): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const name in specs) out[name] = shapedValue(specs[name]!, (value as Record<string, unknown>)[name])
  return out
}

/** The same of one value. What is of another kind than the field stays as it is, for a check to find. */
export function shapedValue(spec: FieldSpec, value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (spec.kind === 'object' && typeof value === 'object') return shaped(spec.fields!, value)
  if (spec.kind === 'list' && holdsObjects(spec.of!) && Array.isArray(value))
    return value.map((item) => shapedValue(spec.of!, item))
  return value
}

function holdsObjects(spec: FieldSpec): boolean {
  return spec.kind === 'object' || (spec.kind === 'list' && holdsObjects(spec.of!))
}

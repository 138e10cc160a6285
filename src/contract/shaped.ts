import type { FieldSpec } from './fields.ts'

/** A value with just the members that a contract names: whatever else it holds never leaves (R-BODY-7). */
export function shaped(specs: Readonly<Record<string, FieldSpec>>, value: object): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const name in specs) out[name] = shapedValue(specs[name]!, (value as Record<string, unknown>)[name], name)
  return out
}

/**
 * The same of one value. A value of another kind than the field stays as it is, for a check to find; but not an object or a
 * list, whose members no contract names, nor a number that JSON does not have, which would be sent as null: an Error.
 */
export function shapedValue(spec: FieldSpec, value: unknown, name?: string): unknown {
  if (value === undefined || value === null) return null
  if (typeof value === 'object') {
    if (Array.isArray(value) ? spec.kind === 'list' : spec.kind === 'object')
      return spec.kind === 'list'
        ? (value as unknown[]).map((item) => shapedValue(spec.of!, item, name))
        : shaped(spec.fields!, value)
    throw new Error(
      `has ${Array.isArray(value) ? 'a list' : 'an object'}${at(name)} where the contract expects ${spec.kind}`,
    )
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new Error(`has ${value}${at(name)}, which JSON cannot represent`)
  return value
}

function at(name: string | undefined): string {
  return name === undefined ? '' : ` in "${name}"`
}

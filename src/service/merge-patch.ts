import type { FieldSpec } from '../contract/fields.ts'

/**
 * JSON Merge Patch (RFC 7396, section 2): null removes a member, objects merge, everything else replaces. Of `fields` those
 * that may be null have it as a value, which is how every answer shows what is missing.
 */
export function mergePatch(
  target: unknown,
  patch: unknown,
  fields?: Readonly<Record<string, FieldSpec>> | undefined,
): unknown {
  if (!isObject(patch)) return patch
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    const spec = fields && Object.hasOwn(fields, name) ? fields[name] : undefined
    if (value !== null) result[name] = mergePatch(result[name], value, spec?.fields)
    else if (spec?.nullable) result[name] = null
    else delete result[name]
  }
  return result
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

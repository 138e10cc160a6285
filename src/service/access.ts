import { type Caller, hasRole } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Access } from '../contract/access.ts'
import type { FieldSpec } from '../contract/fields.ts'

/** How far a caller is let in: to everything, or to what is their own. Throws 401 or 403 otherwise (R-AUTH-8). */
export function admit(access: Access, caller: Caller): 'all' | 'own' {
  if (access.public || access.roles.some((role) => hasRole(caller, role))) return 'all'
  if (caller.kind === 'anonymous') throw new Problem('UNAUTHENTICATED')
  if (caller.kind === 'user' && access.authenticated) return 'all'
  if (caller.kind === 'user' && access.owner) return 'own'
  throw new Problem('FORBIDDEN')
}

/** Refuses with 403 what only some roles may give: a value other than the field's default. */
export function admitFields(specs: Readonly<Record<string, FieldSpec>>, body: object, caller: Caller, path = ''): void {
  const given = body as Record<string, unknown>
  for (const name in specs) {
    const value = given[name]
    if (value === undefined || value === null) continue
    const spec = specs[name]!
    const field = path + name
    if (spec.only && !spec.only.some((role) => hasRole(caller, role)) && !isDefault(spec, value))
      throw new Problem('FORBIDDEN', undefined, {
        details: [{ field, message: `may be given only by ${spec.only.join(' or ')}` }],
      })
    if (spec.kind === 'object') admitFields(spec.fields!, value, caller, `${field}.`)
    if (spec.kind === 'list' && spec.of?.kind === 'object')
      (value as object[]).forEach((item, i) => {
        admitFields(spec.of!.fields!, item, caller, `${field}[${i}].`)
      })
  }
}

function isDefault(spec: FieldSpec, value: unknown): boolean {
  return spec.default !== undefined && JSON.stringify(value) === JSON.stringify(spec.default)
}

import { isDeepStrictEqual } from 'node:util'
import { type Caller, hasRole } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Access, Reach } from '../contract/access.ts'
import type { FieldSpec } from '../contract/fields.ts'
import type { Facts } from '../contract/operation.ts'
import { type Row, readField } from '../data/row.ts'

/**
 * Decides access as far as the caller and the path tell (R-AUTH-8). The gateway decides before it reads a body (FC-7), the
 * pipeline for calls that come another way. Throws UNAUTHENTICATED. `none` is not thrown here: a 404 goes before the 403
 * (R-REST-2).
 */
export function reachOf(
  { access, facts }: { readonly access: Access; readonly facts: Pick<Facts, 'ownerParam'> },
  caller: Caller,
  params: readonly string[],
): Reach {
  if (access.public || access.roles.some((role) => hasRole(caller, role))) return 'all'
  if (caller.kind === 'anonymous') throw new Problem('UNAUTHENTICATED')
  if (caller.kind === 'service') return 'none'
  if (access.authenticated) return 'all'
  return access.owner && mayBeOwner(caller.id, params[facts.ownerParam]) ? 'own' : 'none'
}

/** Where the path does not name the owner, the row decides. */
function mayBeOwner(callerId: string, named: string | undefined): boolean {
  return named === undefined || named === 'me' || named === callerId
}

/** Whether a rule admits a caller to one thing, which says whose it is. */
export function admitsFor(access: Access, row: Row, caller: Caller): boolean {
  if (access.public || access.roles.some((role) => hasRole(caller, role))) return true
  if (caller.kind !== 'user') return false
  const { owner } = row.table.resource
  return access.authenticated || (access.owner && owner !== undefined && readField(row, owner) === caller.id)
}

/**
 * Rejects with 403 a field that only some roles may set. On create the default or null is accepted from anyone. On update the
 * current value (`current`) is accepted from anyone but not applied, so that a stale copy does not undo an admin's change.
 */
export function requireFieldAccess(
  specs: Readonly<Record<string, FieldSpec>>,
  body: object,
  caller: Caller,
  current?: Members,
  path = '',
): Record<string, unknown> {
  const given = body as Record<string, unknown>
  const settable = { ...given }
  for (const name in specs) {
    const value = given[name]
    if (value === undefined || (value === null && !current)) continue
    const spec = specs[name]!
    const field = path + name
    if (spec.only && !spec.only.some((role) => hasRole(caller, role))) {
      if (!(current ? isDeepStrictEqual(value, current[name]) : isDefault(spec, value)))
        throw new Problem('FORBIDDEN', undefined, {
          details: [{ field, message: `may only be set by ${spec.only.join(' or ')}` }],
        })
      if (current) delete settable[name]
    }
    requireAccessInside(spec, value, caller, current && (current[name] ?? {}), field)
  }
  return settable
}

/** The same of what is inside an object, or inside the objects of a list; any of them may be null. */
function requireAccessInside(spec: FieldSpec, value: unknown, caller: Caller, current: unknown, path: string): void {
  if (value === null) return
  if (spec.kind === 'object') requireFieldAccess(spec.fields!, value as object, caller, current as Members, `${path}.`)
  if (spec.kind !== 'list' || (spec.of!.kind !== 'object' && spec.of!.kind !== 'list')) return
  for (const [i, item] of (value as unknown[]).entries())
    requireAccessInside(spec.of!, item, caller, current && ((current as Members)[i] ?? {}), `${path}[${i}]`)
}

type Members = Readonly<Record<string, unknown>>

function isDefault(spec: FieldSpec, value: unknown): boolean {
  return spec.default !== undefined && JSON.stringify(value) === JSON.stringify(spec.default)
}

import { nearestName } from '../base/known-names.ts'
import { parseAccess } from '../contract/access.ts'
import type { Contract } from '../contract/contract.ts'
import type { FieldSpec } from '../contract/fields.ts'
import type { AnyResource } from '../contract/resource.ts'

/** The first role that a contract names and no caller can have, with where it stands and what may be meant; undefined where all are known. */
export function unknownRole(contracts: readonly Contract[], known: readonly string[]): string | undefined {
  for (const { where, role } of contracts.flatMap(rolesOf)) {
    if (role === 'service' || known.includes(role)) continue
    const nearest = nearestName(role, known)
    const hint = nearest === undefined ? `roles are ${known.join(', ')}` : `did you mean "${nearest}"?`
    return `${where} names the role "${role}", which no token of this system carries: ${hint}`
  }
  return undefined
}

interface NamedRole {
  readonly where: string
  readonly role: string
}

function rolesOf({ name, served, resources }: Contract): NamedRole[] {
  return [
    ...served.flatMap(({ id, access }) => access.roles.map((role) => ({ where: id, role }))),
    ...Object.entries<AnyResource>(resources).flatMap(([key, { fields }]) =>
      Object.entries<{ readonly spec: FieldSpec }>(fields).flatMap(([field, { spec }]) =>
        rolesOfField(spec).map((role) => ({ where: `${name}.${key}.${field}`, role })),
      ),
    ),
  ]
}

function rolesOfField({ only = [], transitions = {} }: FieldSpec): readonly string[] {
  const rules = Object.values(transitions).flatMap((next) => Object.values(next))
  return [...only, ...rules.flatMap((rule) => parseAccess(rule).roles)]
}

import type { Contract } from '../contract/contract.ts'
import type { AnyResource } from '../contract/resource.ts'

/** The first rule that names an owner whom no token of an identity provider can be: its subjects are texts, and no ids of ours. */
export function foreignOwner(contracts: readonly Contract[]): string | undefined {
  for (const { id, access, resource, on } of contracts.flatMap(({ served }) => served)) {
    const owned = resource ?? on?.resource
    if (!access.owner || owned === undefined) continue
    const holder = ownerField(owned)
    if (holder !== undefined)
      return `${id} is open to the owner, whom ${holder} names by an id: subjects of an identity provider are texts, so make it t.text({ max: 255 }).server()`
  }
  return undefined
}

/** The field that says whose it is, if that holds an id. */
function ownerField({ name, owner, stored, parent }: AnyResource): string | undefined {
  if (owner === undefined) return parent && ownerField(parent.of)
  return owner === 'id' || stored[owner]?.kind === 'id' ? `${name}.${owner}` : undefined
}

import type { DescribedOperation } from './operation.ts'

/**
 * Place among `operation.params` of the one that names the owner, where `me` stands for the caller (R-USER-3):
 * the user's own id, or the id of the user under which a collection lies. -1 without one.
 */
export function ownerParam({ resource, params, access }: DescribedOperation): number {
  if (!resource || !access.owner) return -1
  if (resource.owner === 'id') return params.findIndex((param) => param.name === 'id')
  const { parent, owner } = resource
  if (parent?.of.owner !== 'id' || (owner !== undefined && owner !== parent.field)) return -1
  return params.findIndex((param) => param.name === parent.field)
}

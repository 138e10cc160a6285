import type { DescribedOperation } from './operation.ts'
import type { AnyResource } from './resource.ts'

/**
 * Index in `operation.params` of the owner's id, the parameter that accepts `me` (R-USER-3): the user's own id, or the id of the
 * user below whom a collection lies; -1 if there is none.
 */
export function ownerParam({ resource: own, on, params, access }: DescribedOperation): number {
  const resource = own ?? on?.resource
  if (!resource || !access.owner) return -1
  if (resource.owner === 'id') return params.findIndex((param) => param.name === (on?.param ?? 'id'))
  const { parent, owner } = resource
  if (parent?.of.owner !== 'id' || (owner !== undefined && owner !== parent.field)) return -1
  return params.findIndex((param) => param.name === parent.field)
}

/** The field that CRUD sets to the caller who makes a thing, as nothing else says whose it is: no parent, and no request. */
export function makersField({ owner, parent, stored }: AnyResource): string | undefined {
  return owner !== undefined && owner !== 'id' && !parent && stored[owner]?.server ? owner : undefined
}

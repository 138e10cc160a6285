import { Problem } from '../base/errors.ts'
import { matchesETag, satisfiesIfMatch } from '../base/etag.ts'
import type { Call } from '../call/call.ts'
import type { Operation } from '../contract/operation.ts'
import { type ExpectedVersion, lockVersion } from '../data/rows.ts'
import type { Unit } from './handler.ts'

/**
 * After the work, which is undone if they do not hold: whether there is such a thing only its handler knows, and what fails
 * without them fails as it did (RFC 9110 13.2.1). Versions are held to `ExpectedVersion`, in the statement that writes.
 */
export function assertPreconditions({ method, resource, on }: Operation, { ifMatch, ifNoneMatch }: Call): void {
  if ((method === 'POST' && !on) || (ifMatch === undefined && ifNoneMatch === undefined)) return
  const hasTag = (resource ?? on?.resource)?.versioned === true
  if (ifMatch !== undefined && !hasTag && !satisfiesIfMatch(ifMatch, undefined))
    throw new Problem('PRECONDITION_FAILED')
  if (ifNoneMatch !== undefined && matchesETag(ifNoneMatch, undefined)) throw new Problem('PRECONDITION_FAILED')
}

/**
 * Of the thing that an operation is about: it has the version that `If-Match` names, and keeps it until the handler has ended,
 * whether or not the handler changes it by `expected`: of several writers with one version one wins (R-LOCK-2).
 */
export async function assertVersion(
  { tx }: Unit,
  { resource, param }: NonNullable<Operation['on']>,
  params: Readonly<Record<string, string>>,
  expected: ExpectedVersion,
): Promise<void> {
  if (!resource.versioned) return
  await lockVersion(tx, resource, params[param]!, expected)
}

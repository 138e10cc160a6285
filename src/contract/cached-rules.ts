import { accessFault, parseAccess } from './access.ts'
import { isTag, TAG_IN_WORDS } from './cached.ts'
import { inWords } from './known-members.ts'
import type { AnyResource } from './resource.ts'
import type { Report } from './violation.ts'

const LONGEST_S = 7 * 86_400

/** What one caller may see must never be served to another (R-CACHE-4): where that is in doubt, it is not cached. */
export function checkCached(key: string, resource: AnyResource, report: Report): void {
  const { cached, owner, access, derived, nested, parent } = resource
  if (cached === undefined) return
  const at = `${key}.cached`
  if (!isSeconds(cached.ttlS, LONGEST_S))
    report('R-CACHE-1', at, `has the ttlS ${inWords(cached.ttlS)}`, 'Give a whole number of seconds, at most 7 days')
  if (cached.maxAgeS !== undefined && !isSeconds(cached.maxAgeS, LONGEST_S))
    report(
      'R-CACHE-1',
      at,
      `has the maxAgeS ${inWords(cached.maxAgeS)}`,
      'Give a whole number of seconds, at most 7 days',
    )
  for (const tag of cached.tags)
    if (!isTag(tag)) report('R-CACHE-1', at, `has the tag ${inWords(tag)}`, `A tag is ${TAG_IN_WORDS}`)
  if (derived)
    report(
      'R-CACHE-2',
      at,
      'shows a view of other rows, whose changes would not be noticed',
      'Remove `cached`, and cache the costly part in a handler, with tags of your own',
    )
  if (cached.get && access.get === undefined)
    report('R-CACHE-1', at, 'caches `get`, which has no access rule', 'Set `get: false`, or add the rule')
  if (cached.list && access.list === undefined)
    report('R-CACHE-1', at, 'caches `list`, which has no access rule', 'Remove `list: true`, or add the rule')
  if (cached.get && nested)
    report(
      'R-CACHE-4',
      at,
      'lies below its parent, which has to be read before each answer',
      'Set `get: false`: a cache would save nothing',
    )
  else if (cached.get && isOwners(access.get) && owner !== 'id')
    report(
      'R-CACHE-4',
      at,
      'has an owner, who stands in the row, which has to be read before each answer',
      'Set `get: false`: a cache would save nothing',
    )
  if (cached.list && (isOwners(access.list) || parent))
    report(
      'R-CACHE-4',
      at,
      'lists what belongs to one caller or parent',
      'Remove `list: true`: only lists that are the same for everybody who may see them are cached',
    )
}

function isOwners(rule: string | undefined): boolean {
  return rule !== undefined && accessFault(rule) === undefined && parseAccess(rule).owner
}

function isSeconds(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max
}

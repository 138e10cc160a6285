import type { ApiOperation } from '../../openapi/document.ts'
import { below, children, fieldsOf, textOf } from '../../openapi/spot.ts'
import { changed } from '../changed.ts'
import type { RestComparison } from './rest-comparison.ts'

/** A way to be let in: schemes with their scopes, all of which are asked for. */
type Way = ReadonlyMap<string, readonly string[]>

/** Whoever was let in by one of the ways has to be let in by one of the new ones. */
export function compareSecurity(old: ApiOperation, now: ApiOperation, { report }: RestComparison): void {
  const before = waysOf(old)
  const after = waysOf(now)
  const spot = now.security ?? now.spot
  const shut = before.find((way) => !after.some((one) => isEnough(way, one)))
  if (shut)
    report(
      'security-narrowed',
      now.label,
      `does not let in ${inWords(shut)} any more: it asks for ${after.map(inWords).join(', or ')}`,
      spot,
      'new',
    )
  else {
    const more = after.find((way) => !before.some((one) => isEnough(way, one)))
    if (more) report('security-widened', now.label, `lets in ${inWords(more)} too`, spot, 'new')
  }
}

/** Nothing said: open to everyone. */
function waysOf({ security }: ApiOperation): Way[] {
  const ways = security === undefined ? [] : children(security).map(([, one]) => one)
  if (ways.length === 0) return [new Map()]
  return ways.map(
    (way) =>
      new Map(
        Object.entries(fieldsOf(way)).map(([name, scopes]) => [name, Array.isArray(scopes) ? scopes.map(String) : []]),
      ),
  )
}

function isEnough(has: Way, asked: Way): boolean {
  return [...asked].every(([scheme, scopes]) => {
    const own = has.get(scheme)
    return own !== undefined && scopes.every((scope) => own.includes(scope))
  })
}

function inWords(way: Way): string {
  if (way.size === 0) return 'everyone'
  return [...way]
    .map(([name, scopes]) => (scopes.length === 0 ? name : `${name} with ${scopes.join(', ')}`))
    .join(' and ')
}

/** Schemes of one name in both. */
export function compareSchemes({ old, now, report }: RestComparison): void {
  const at = ['components', 'securitySchemes']
  const after = new Map(children(below(now.top, ...at)))
  for (const [name, one] of children(below(old.top, ...at))) {
    const same = after.get(name)
    if (!same) continue
    const before = fieldsOf(old.references.resolve(one))
    const fields = fieldsOf(now.references.resolve(same))
    for (const member of ['type', 'in', 'name', 'scheme', 'openIdConnectUrl'])
      if (lower(before[member]) !== lower(fields[member]))
        report(
          'security-scheme',
          `scheme ${name}`,
          changed(member, textOf(before[member]), textOf(fields[member])),
          same,
          'new',
        )
  }
}

function lower(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value
}

/** Who may, as our own documents say it: `owner | admin`. */
export function compareAccess(old: ApiOperation, now: ApiOperation, { report }: RestComparison): void {
  const before = textOf(fieldsOf(old.spot)['x-lintel-access'])
  const after = textOf(fieldsOf(now.spot)['x-lintel-access'])
  if (before === undefined || after === undefined || before === after) return
  const isIn = (term: string, rule: readonly string[]) =>
    rule.includes(term) || rule.includes('public') || (term !== 'public' && rule.includes('authenticated'))
  const [was, is] = [before.split(/\s*\|\s*/), after.split(/\s*\|\s*/)]
  const kind = was.every((term) => isIn(term, is)) ? 'access-widened' : 'access-narrowed'
  report(kind, now.label, `is open to ${after} now, not to ${before}`, now.spot, 'new')
}

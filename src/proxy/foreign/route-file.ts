import type { ServedMethod } from '../../contract/operation.ts'
import {
  type ForeignRoute,
  isObject,
  METHODS,
  pathFault,
  placeOf,
  type Report,
  readTerms,
  TERMS,
  unknownKeys,
} from './foreign-route.ts'

/**
 * Reads a route file: `{ "routes": [{ "method": "GET", "path": "/products/{id}", "upstream": "shop", "access": "public" }] }`.
 * `report` is called for every fault; with one, the result is of no use. A route without `access` admits nobody.
 */
export function readRouteFile(file: unknown, upstreams: readonly string[], report: Report): ForeignRoute[] {
  if (!isObject(file) || !Array.isArray(file.routes)) {
    report('routes', 'is missing: give {"routes": [{"method", "path", "upstream", "access"}, …]}')
    return []
  }
  unknownKeys(file, ['routes'], 'the file', report)
  const seen = new Set<string>()
  return file.routes.flatMap((route: unknown, i) => {
    const where = `routes[${i}]`
    if (!isObject(route)) {
      report(where, 'must be an object')
      return []
    }
    unknownKeys(route, ['method', 'path', 'upstream', ...TERMS], where, report)
    const entry = readRoute(route, where, upstreams, report)
    const place = placeOf(entry)
    if (seen.has(place)) report(where, `is ${entry.method} ${entry.path}, which stands there already`)
    seen.add(place)
    return entry
  })
}

function readRoute(
  route: Readonly<Record<string, unknown>>,
  where: string,
  upstreams: readonly string[],
  report: Report,
): ForeignRoute {
  const { method, path, upstream = upstreams.length === 1 ? upstreams[0] : undefined } = route
  if (!METHODS.includes(method as ServedMethod))
    report(`${where}.method`, `is ${JSON.stringify(method)}: give one of ${METHODS.join(', ')}`)
  const fault = pathFault(path)
  if (fault !== undefined) report(`${where}.path`, fault)
  if (!upstreams.includes(upstream as string))
    report(`${where}.upstream`, `is ${JSON.stringify(upstream)}: give one of ${upstreams.join(', ')}`)
  return {
    method: method as ServedMethod,
    path: String(path),
    upstream: upstream as string,
    ...readTerms(route, where, report),
  }
}

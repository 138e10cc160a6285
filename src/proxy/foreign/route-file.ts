import type { ServedMethod } from '../../contract/operation.ts'
import {
  type Complain,
  type Entry,
  isObject,
  METHODS,
  pathFault,
  placeOf,
  readTerms,
  strangers,
  TERMS,
} from './entry.ts'

/**
 * Reads a route file: `{ "routes": [{ "method": "GET", "path": "/products/{id}", "upstream": "shop", "access": "public" }] }`.
 * `complain` is told of every fault; what comes then is of no use. A route without `access` admits nobody.
 */
export function readRouteFile(file: unknown, upstreams: readonly string[], complain: Complain): Entry[] {
  if (!isObject(file) || !Array.isArray(file.routes)) {
    complain('routes', 'is missing: give {"routes": [{"method", "path", "upstream", "access"}, …]}')
    return []
  }
  strangers(file, ['routes'], 'the file', complain)
  const seen = new Set<string>()
  return file.routes.flatMap((route: unknown, i) => {
    const where = `routes[${i}]`
    if (!isObject(route)) {
      complain(where, 'must be an object')
      return []
    }
    strangers(route, ['method', 'path', 'upstream', ...TERMS], where, complain)
    const entry = readRoute(route, where, upstreams, complain)
    const place = placeOf(entry)
    if (seen.has(place)) complain(where, `is ${entry.method} ${entry.path}, which stands there already`)
    seen.add(place)
    return entry
  })
}

function readRoute(
  route: Readonly<Record<string, unknown>>,
  where: string,
  upstreams: readonly string[],
  complain: Complain,
): Entry {
  const { method, path, upstream = upstreams.length === 1 ? upstreams[0] : undefined } = route
  if (!METHODS.includes(method as ServedMethod))
    complain(`${where}.method`, `is ${JSON.stringify(method)}: give one of ${METHODS.join(', ')}`)
  const fault = pathFault(path)
  if (fault !== undefined) complain(`${where}.path`, fault)
  if (!upstreams.includes(upstream as string))
    complain(`${where}.upstream`, `is ${JSON.stringify(upstream)}: give one of ${upstreams.join(', ')}`)
  return {
    method: method as ServedMethod,
    path: String(path),
    upstream: upstream as string,
    ...readTerms(route, where, complain),
  }
}

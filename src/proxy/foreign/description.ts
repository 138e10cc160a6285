import type { Operation } from '../../contract/operation.ts'
import { isOwn, ownPaths, ownPathsIn } from '../../gateway/own-paths.ts'
import type { RoutedContract } from '../../gateway/router.ts'
import type { Bounds } from '../forward/remote-upstream.ts'
import { FOREIGN, type ForeignRoute, NOBODY, operationOf } from './foreign-route.ts'

/** The routes of one upstream, as a file describes them: what a contract is for a service of ours. */
export interface Description {
  readonly contract: RoutedContract
  readonly bounds: ReadonlyMap<Operation, Bounds>
}

/** A gateway of files has no documents of its own to show: those of its upstreams may be routed. */
const OWN = ownPaths({ documents: false })

/**
 * Makes the routes of one upstream of what files say of it. `notice` is told of what is not served as one might think: an
 * operator should know.
 */
export function describe(
  upstream: string,
  routes: readonly ForeignRoute[],
  notice: (text: string) => void,
): Description {
  const bounds = new Map<Operation, Bounds>()
  const served: Operation[] = []
  const told = new Set<string>()
  for (const route of routes) {
    if (isOwn(route.path, OWN)) {
      notice(`${route.method} ${route.path} is answered by the gateway itself, not by ${upstream}`)
      continue
    }
    const own = ownPathsIn(route.path, OWN)
    if (own.length > 0 && !told.has(route.path)) {
      told.add(route.path)
      notice(`${route.path} does not lead to ${own.join(', ')}: the gateway itself answers there`)
    }
    if (route.access === NOBODY) notice(`${route.method} ${route.path} has no \`access\`: every request is rejected`)
    const operation = operationOf(upstream, route)
    served.push(operation)
    bounds.set(operation, { timeoutMs: route.timeoutMs, maxBodyBytes: route.maxBodyBytes })
  }
  return { contract: { ...FOREIGN, name: upstream, served }, bounds }
}

import type { Operation } from '../../contract/operation.ts'
import { isOwn, ownPaths, ownPathsIn } from '../../gateway/own-paths.ts'
import type { Surface } from '../../gateway/router.ts'
import type { Bounds } from '../forward/remote-upstream.ts'
import { type Entry, FOREIGN, NOBODY, operationOf } from './entry.ts'

/** The routes of one upstream, as a file describes them: what a contract is for a service of ours. */
export interface Description {
  readonly surface: Surface
  readonly bounds: ReadonlyMap<Operation, Bounds>
}

/** A gateway of files has no documents of its own to show: those of its upstreams may be routed. */
const OWN = ownPaths({ documents: false })

/**
 * Makes the routes of one upstream of what files say of it. `notice` is told of what is not served as one might think: an
 * operator should know.
 */
export function describe(upstream: string, entries: readonly Entry[], notice: (text: string) => void): Description {
  const bounds = new Map<Operation, Bounds>()
  const served: Operation[] = []
  const told = new Set<string>()
  for (const entry of entries) {
    if (isOwn(entry.path, OWN)) {
      notice(`${entry.method} ${entry.path} is answered by the gateway itself, not by ${upstream}`)
      continue
    }
    const own = ownPathsIn(entry.path, OWN)
    if (own.length > 0 && !told.has(entry.path)) {
      told.add(entry.path)
      notice(`${entry.path} does not lead to ${own.join(', ')}: the gateway itself answers there`)
    }
    if (entry.access === NOBODY) notice(`${entry.method} ${entry.path} has no \`access\`: every request is rejected`)
    const operation = operationOf(upstream, entry)
    served.push(operation)
    bounds.set(operation, { timeoutMs: entry.timeoutMs, maxBodyBytes: entry.maxBodyBytes })
  }
  return { surface: { ...FOREIGN, name: upstream, served }, bounds }
}

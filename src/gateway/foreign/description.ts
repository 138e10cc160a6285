import type { Operation } from '../../contract/operation.ts'
import { PROBLEMS } from '../../contract/problem.ts'
import type { Bounds } from '../forward/remote-upstream.ts'
import type { Surface } from '../router.ts'
import { type Entry, NOBODY, operationOf } from './entry.ts'

/** The routes of one upstream, as a file describes them: what a contract is for a service of ours. */
export interface Description {
  readonly surface: Surface
  readonly bounds: ReadonlyMap<Operation, Bounds>
}

/** Where the gateway itself answers: no upstream is asked. */
const OWN = new Set(['/health', '/health/live', '/health/ready'])

/**
 * Makes the routes of one upstream of what files say of it. `notice` is told of what is not served as one might think: an
 * operator should know.
 */
export function describe(upstream: string, entries: readonly Entry[], notice: (text: string) => void): Description {
  const bounds = new Map<Operation, Bounds>()
  const served: Operation[] = []
  for (const entry of entries) {
    if (OWN.has(entry.path)) {
      notice(`${entry.method} ${entry.path} is answered by the gateway itself, not by ${upstream}`)
      continue
    }
    if (entry.access === NOBODY) notice(`${entry.method} ${entry.path} has no \`access\`: nobody is let in`)
    const operation = operationOf(upstream, entry)
    served.push(operation)
    bounds.set(operation, { timeoutMs: entry.timeoutMs, maxBodyBytes: entry.maxBodyBytes })
  }
  return { surface: { name: upstream, served, problems: PROBLEMS, latest: 1, older: {} }, bounds }
}

import { deepStrictEqual } from 'node:assert'
import type { Visitor } from './load-process.ts'
import type { Side } from './options.ts'
import type { ServerProcess } from './processes.ts'
import type { Workloads } from './workloads.ts'

/** What is compared does the same: both sides answer the same to the same question, but for cursors, ids and times. */
export async function confirmAlike(servers: ReadonlyMap<Side, ServerProcess>, workloads: Workloads): Promise<void> {
  const [reference, lintel] = [servers.get('reference'), servers.get('lintel')]
  if (!reference || !lintel) return
  for (const [name, { reference: theirs, lintel: ours }] of Object.entries(workloads)) {
    if (!theirs[0]?.requests[0]) continue
    const expected = await first(reference.url, theirs[0])
    const actual = await first(lintel.url, ours[0]!)
    deepStrictEqual(comparable(actual), comparable(expected), `${name}: Lintel and the reference answer differently`)
  }
}

async function first(url: string, { token, requests }: Visitor) {
  const { method, path, body } = requests[0]!
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body } : {}),
  })
  return { status: response.status, body: (await response.json()) as unknown }
}

const TIMES = new Set(['createdAt', 'updatedAt', 'placedAt'])

/** A new order's id and times, its lines' ids, and a cursor are each side's own. */
function comparable(answer: { status: number; body: unknown }): unknown {
  const created = answer.status === 201
  return JSON.parse(
    JSON.stringify(answer, (key, value) =>
      key === 'nextCursor' || (created && (key === 'id' || TIMES.has(key))) ? typeof value : value,
    ),
  )
}

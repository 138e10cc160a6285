import { deepStrictEqual } from 'node:assert'
import type { Visitor } from './load-job.ts'
import type { Stage } from './stage.ts'

/** What is compared does the same: both sides answer the same to the same question, but for cursors, ids and times. */
export async function assertAlike({ servers, workloads, compared }: Stage): Promise<void> {
  const [reference, lintel] = [servers.get('reference'), servers.get('lintel')]
  if (!reference || !lintel) return
  for (const [name, { reference: theirs, lintel: ours }] of Object.entries(workloads)) {
    if (!theirs[0]?.requests[0]) continue
    const expected = await first(reference.url, theirs[0])
    const actual = await first(lintel.url, ours[0]!)
    const pair = compared === 'answers' ? [actual, expected] : [actual.answer, expected.answer]
    deepStrictEqual(...(pair as [unknown, unknown]), `${name}: Lintel and the reference answer differently`)
  }
}

async function first(url: string, { token, requests }: Visitor) {
  const { method, path, body } = requests[0]!
  const response = await fetch(url + path, {
    method,
    // As the load asks: with nothing that would have the answer compressed.
    headers: {
      'accept-encoding': 'identity',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body } : {}),
  })
  const { status } = response
  const answer = comparable((await response.json()) as object, status === 201)
  const headers = [...response.headers].map(([name, value]) => [name, OWN[name]?.(value) ?? value])
  return { status, answer, headers: Object.fromEntries(headers) }
}

const TIMES = new Set(['createdAt', 'updatedAt', 'placedAt'])

/** A new order's id and times, its lines' ids, and a cursor are each side's own. */
function comparable(answer: object, created: boolean): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value) =>
      key === 'nextCursor' || (created && (key === 'id' || TIMES.has(key))) ? typeof value : value,
    ),
  )
}

const length = (text: string) => `${text.length} characters`
const withoutFigures = (text: string) => text.replace(/\d+/g, 'N')

/** What of a header may differ: moments, what is left in a bucket, ids and cursors, and with these the length. */
const OWN: Readonly<Record<string, (value: string) => string>> = {
  date: length,
  'x-request-id': length,
  'x-ratelimit-remaining': withoutFigures,
  'x-ratelimit-reset': length,
  ratelimit: withoutFigures,
  location: length,
  link: (value) => value.replace(/cursor=[^>]+/, 'cursor=…'),
  'content-length': withoutFigures,
}

import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { boundedCache } from '../base/bounded-cache.ts'
import { Problem } from '../base/errors.ts'

/** Characters of the signature in front: 128 bits of an HMAC-SHA-256 in base64url. */
const MAC = 22

/** So many cursors that were written lately are known when they come back, as those of a client that walks do. */
const KEPT = 2_000
const LONGEST_KEPT = 1_000

/**
 * Cursors of a list: the sort values of the last row seen, null where it has none, signed together with `binding`, which
 * names the list, its sort and its filters. Altered, or sent to another list, they are refused (R-PAGE-5).
 */
export function cursorsOf(key: KeyObject) {
  /** Bindings by cursor: a signature costs as much as three rows, and need not be made again for what was written here. */
  const kept = boundedCache<string>(KEPT)

  return {
    write(binding: string, values: readonly (string | null)[]): string {
      const payload = Buffer.from(JSON.stringify(values)).toString('base64url')
      const cursor = sign(key, binding, payload) + payload
      if (cursor.length + binding.length <= LONGEST_KEPT) kept.set(cursor, binding)
      return cursor
    },
    /** The sort values inside, or a Problem `INVALID_CURSOR`. */
    read(binding: string, cursor: string): (string | null)[] {
      const payload = cursor.slice(MAC)
      if (kept.get(cursor) !== binding) assertSignature(cursor.slice(0, MAC), sign(key, binding, payload))
      return JSON.parse(Buffer.from(payload, 'base64url').toString()) as (string | null)[]
    },
  }
}

function assertSignature(given: string, right: string): void {
  const [a, b] = [Buffer.from(given), Buffer.from(right)]
  if (a.length !== b.length || !timingSafeEqual(a, b))
    throw new Problem('INVALID_CURSOR', undefined, {
      details: [{ field: 'cursor', message: 'was altered, or belongs to another list, sort or filter' }],
    })
}

function sign(key: KeyObject, binding: string, payload: string): string {
  return createHmac('sha256', key).update(binding).update('\0').update(payload).digest('base64url').slice(0, MAC)
}

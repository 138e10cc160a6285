import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { Problem } from '../base/errors.ts'

/** Characters of the signature in front: 128 bits of an HMAC-SHA-256 in base64url. */
const MAC = 22

/**
 * A cursor: the sort values of the last row seen, null where it has none, signed together with `binding`, which names the list, its sort and
 * its filters. Altered, or sent to another list, it is refused (R-PAGE-5).
 */
export function writeCursor(key: KeyObject, binding: string, values: readonly (string | null)[]): string {
  const payload = Buffer.from(JSON.stringify(values)).toString('base64url')
  return sign(key, binding, payload) + payload
}

/** The sort values inside, or a Problem `INVALID_CURSOR`. */
export function readCursor(key: KeyObject, binding: string, cursor: string): (string | null)[] {
  const payload = cursor.slice(MAC)
  const given = Buffer.from(cursor.slice(0, MAC))
  const right = Buffer.from(sign(key, binding, payload))
  if (given.length !== right.length || !timingSafeEqual(given, right))
    throw new Problem('INVALID_CURSOR', undefined, {
      details: [{ field: 'cursor', message: 'was altered, or belongs to another list, sort or filter' }],
    })
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as (string | null)[]
}

function sign(key: KeyObject, binding: string, payload: string): string {
  return createHmac('sha256', key).update(binding).update('\0').update(payload).digest('base64url').slice(0, MAC)
}

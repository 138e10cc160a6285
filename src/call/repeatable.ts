import { isRepeatable } from '../client/repeatable.ts'
import type { Call } from './call.ts'

/** Whether a call may be sent again once bytes of it were. No answer of a route is kept for a key. */
export function isRepeatableCall({ method, idempotencyKey, raw }: Call): boolean {
  return isRepeatable(method, raw === undefined ? idempotencyKey : undefined)
}

/** Whether a server says that it could not, or could not in time, get at what it would have to ask. */
export function isFailing(status: number): boolean {
  return status >= 502 && status <= 504
}

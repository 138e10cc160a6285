import type { Call } from './call.ts'

/**
 * Whether a request may be sent again once bytes of it were; a POST is made so by its key. PUT and DELETE have the same effect twice
 * (RFC 9110 9.2.2), but not the same answer: what the first one did makes a 412 or 404 of the second (FC-79).
 */
export function isRepeatable(method: string, idempotencyKey: string | undefined): boolean {
  return SAFE.has(method) || (method === 'POST' && idempotencyKey !== undefined)
}

/** The same of a call. No answer of a route is kept for a key. */
export function isRepeatableCall({ method, idempotencyKey, raw }: Call): boolean {
  return isRepeatable(method, raw === undefined ? idempotencyKey : undefined)
}

/** Whether a server says that it could not, or could not in time, get at what it would have to ask. */
export function isFailing(status: number): boolean {
  return status >= 502 && status <= 504
}

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

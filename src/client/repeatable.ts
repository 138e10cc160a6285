import type { CallProblem } from './call-problem.ts'

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether a request may be sent again once bytes of it were; a POST is made so by its key. PUT and DELETE have the same effect twice
 * (RFC 9110 9.2.2), but not the same answer: what the first one did makes a 412 or 404 of the second (FC-79).
 */
export function isRepeatable(method: string, idempotencyKey: string | undefined): boolean {
  return SAFE.has(method) || (method === 'POST' && idempotencyKey !== undefined)
}

/** Whether sending it again may help: it was not sent, its answer was lost, or the answer says that it will go through later. */
export function mayPass({ stage, status, code }: CallProblem, repeatable: boolean): boolean {
  if (stage === 'unsent') return true
  if (!repeatable) return false
  return stage === 'lost' || status === 429 || status === 503 || code === 'IDEMPOTENCY_IN_PROGRESS'
}

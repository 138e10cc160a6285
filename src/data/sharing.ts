import { RefusedTogether } from './grouping.ts'

/**
 * How long statements may wait and take, in milliseconds; a connection keeps it until it is used otherwise. On one that is shared what
 * stands behind must not wait for somebody's lock, nor for a trigger.
 */
export const BOUNDS = {
  own: ['reset lock_timeout', 'reset statement_timeout'],
  shared: ['set lock_timeout = 50', 'set statement_timeout = 1000'],
} as const

/** By `BOUNDS.shared` (lock_not_available, query_canceled): it waited for something. */
export function isBlocked(error: unknown): boolean {
  const code = codeOf(error)
  return code === '55P03' || code === '57014'
}

/** Whether it may be sent again on a connection of its own. The one before it may have failed where it was to prepare a statement (26000). */
export function isOfSharing(error: unknown): boolean {
  return isBlocked(error) || codeOf(error) === '26000' || error instanceof RefusedTogether
}

const codeOf = (error: unknown) => (error as { code?: unknown }).code

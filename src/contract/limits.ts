import type { Say } from './breach.ts'
import type { FieldSpec } from './fields.ts'

/**
 * A bucket that an operation takes from, instead of the system's usual one (R-RATE-1): `maxRequests` at once, refilled evenly
 * over `windowMs`. Each user, address or value has a bucket of its own: `user` is the user, else the client's address; `ip`
 * the address (of IPv6 the /64); `body.email` that field of the body, compared without case.
 */
export interface Limit {
  readonly by: 'user' | 'ip' | `body.${string}`
  readonly maxRequests: number
  readonly windowMs: number
}

export interface Limited {
  readonly limits: readonly Limit[] | undefined
  readonly cost: number
  readonly body: Readonly<Record<string, FieldSpec>> | undefined
}

/** The field of the body that a limit goes by, if it goes by one. */
export function limitedField({ by }: Limit): string | undefined {
  return by.startsWith('body.') ? by.slice('body.'.length) : undefined
}

const MAX_WINDOW_MS = 86_400_000

/** What an operation may not say of its limits and cost. */
export function checkLimits(id: string, { limits, cost, body }: Limited, say: Say): void {
  if (!isWhole(cost, 1_000_000)) say('R-RATE-1', id, `costs ${cost}`, 'A cost is a whole number from 1')
  if (limits === undefined) return
  if (limits.length === 0) say('R-RATE-1', id, 'has no limit in `limits`', 'Leave it out: the usual limit holds then')
  const all = new Set<string>()
  for (const limit of limits) {
    const { by, maxRequests, windowMs } = limit
    const at = `${id}.limits`
    const field = limitedField(limit)
    if (all.has(by)) say('R-RATE-1', at, `has two limits by ${by}`, 'Keep one of them')
    all.add(by)
    if (field === undefined) {
      if (by !== 'user' && by !== 'ip')
        say('R-RATE-1', at, `goes by "${by}"`, 'Say `user`, `ip` or a field such as `body.email`')
    } else if (!body || !Object.hasOwn(body, field) || !['text', 'email', 'id'].includes(body[field]!.kind))
      say(
        'R-RATE-1',
        at,
        `goes by "${by}", which is no text of the body`,
        `Fields: ${Object.keys(body ?? {}).join(', ')}`,
      )
    if (!isWhole(maxRequests, 1_000_000_000))
      say('R-RATE-1', at, `lets ${maxRequests} requests pass`, '`maxRequests` is a whole number from 1')
    else if (cost > maxRequests)
      say(
        'R-RATE-1',
        at,
        `never lets it pass: it costs ${cost} of ${maxRequests}`,
        'Let the cost be at most `maxRequests`',
      )
    if (!isWhole(windowMs, MAX_WINDOW_MS))
      say('R-RATE-1', at, `has the window ${windowMs}`, '`windowMs` is in milliseconds, at most a day')
  }
}

function isWhole(value: unknown, max: number): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max
}

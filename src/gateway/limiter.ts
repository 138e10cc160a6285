import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { BlockList } from 'node:net'
import { Fault, Problem } from '../base/errors.ts'
import { decodeUtf8, parseJson } from '../base/json.ts'
import { isCounted } from '../contract/documents/problem-codes.ts'
import { type Limit, limitedField } from '../contract/limits.ts'
import { listCostReader } from '../contract/list-cost.ts'
import type { Pairs } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'
import type { Buckets } from '../limits/buckets.ts'
import { clientAddress, limitKey } from '../limits/client-address.ts'
import { type Policy, policyOf, retryInMs } from '../limits/headers.ts'
import type { Taken } from '../limits/token-bucket.ts'
import type { Exchange } from './exchange.ts'
import type { Surface } from './router.ts'

export interface LimiterOptions {
  readonly buckets: Buckets
  /** Per user, else per client address: what is let through at once; 100. */
  readonly maxRequests?: number
  /** In how long it flows back; 60,000. */
  readonly windowMs?: number
  /** Instead of what contracts say, and of the usual 10, for each bucket of `/auth/*`. */
  readonly authMaxRequests?: number | undefined
  /** Whose `X-Forwarded-For` is believed; nobody's without it. */
  readonly trusted?: BlockList | undefined
}

/** Counts requests (R-RATE). Both throw, or reject with, the Problem RATE_LIMITED when one is over. */
export interface Limiter {
  /** Takes from the buckets of the user or the address; once for each request, whatever comes of it. */
  count(exchange: Exchange): Promise<void> | undefined
  /** Takes from those that go by a field of the body, which has arrived. */
  countBody(exchange: Exchange): Promise<void> | undefined
}

/** Throws the Fault WRONG_SETTING when a limit is below what an operation costs: it would never pass. */
export function createLimiter(contracts: readonly Surface[], options: LimiterOptions): Limiter {
  const { buckets, maxRequests = 100, windowMs = 60_000, authMaxRequests, trusted } = options
  const usual: Plan = {
    cost: 1,
    more: undefined,
    before: [{ by: 'user', policy: policyOf('default', maxRequests, windowMs) }],
    body: NONE,
  }
  const auth: Plan = {
    cost: 1,
    more: undefined,
    before: [{ by: 'ip', policy: policyOf('auth', authMaxRequests ?? 10, 60_000) }],
    body: NONE,
  }
  const plans = new Map<Operation, Plan>()
  for (const contract of contracts) for (const operation of contract.served) plans.set(operation, planOf(operation))

  function planOf(operation: Operation): Plan {
    if (!isCounted(operation)) return UNCOUNTED
    const { limits, cost, verb, resource } = operation
    const more = verb === 'list' && resource ? listCostReader(resource) : undefined
    const inAuth = operation.segments[0] === 'auth'
    const other = inAuth ? auth : usual
    const all = limits?.map((limit) => bucketOf(operation, limit, inAuth ? authMaxRequests : undefined))
    const plan = all
      ? { cost, more, before: all.filter(({ by }) => by !== 'body'), body: all.filter(({ by }) => by === 'body') }
      : { ...other, cost, more }
    for (const { policy } of [...plan.before, ...plan.body])
      if (policy.maxRequests < cost)
        throw new Fault(
          'WRONG_SETTING',
          `${inAuth ? 'RATE_LIMIT_AUTH_MAX' : 'RATE_LIMIT_MAX'} is ${policy.maxRequests}: give ${cost} or more, which ${operation.id} costs`,
        )
    return plan
  }

  function countFrom(
    exchange: Exchange,
    cost: number,
    all: readonly BucketOf[],
    from: number,
  ): Promise<void> | undefined {
    for (let i = from; i < all.length; i++) {
      const bucket = all[i]!
      const value = subjectOf(exchange, bucket)
      if (value === undefined) continue
      // A query that costs more than the bucket holds takes all of it, rather than never to pass.
      const taken = buckets.take(bucket.policy, value, Math.min(cost, bucket.policy.maxRequests))
      if (taken instanceof Promise)
        return taken.then((later) => {
          note(exchange, cost, bucket, later)
          return countFrom(exchange, cost, all, i + 1)
        })
      note(exchange, cost, bucket, taken)
    }
    return undefined
  }

  function subjectOf({ caller, req, body }: Exchange, { by, field }: BucketOf): string | undefined {
    if (by === 'user' && caller.kind === 'user') return caller.id
    return by === 'body' ? textIn(body, field!) : addressOf(req, trusted)
  }

  return {
    count(exchange) {
      // Without an operation: a path that is nowhere, a method that is not offered, something that can hardly be read.
      const { operation, target } = exchange
      const plan = operation ? plans.get(operation)! : target?.segments[0] === 'auth' ? auth : usual
      exchange.told = []
      const cost = plan.more === undefined ? plan.cost : plan.cost + plan.more(exchange.query)
      return countFrom(exchange, cost, plan.before, 0)
    },
    countBody(exchange) {
      const plan = plans.get(exchange.operation)!
      return plan.body.length === 0 ? undefined : countFrom(exchange, plan.cost, plan.body, 0)
    },
  }
}

/** What a request of an operation takes from. */
interface Plan {
  readonly cost: number
  /** What a list takes besides, by what is asked of it. */
  readonly more: ((query: Pairs) => number) | undefined
  readonly before: readonly BucketOf[]
  readonly body: readonly BucketOf[]
}

interface BucketOf {
  readonly by: 'user' | 'ip' | 'body'
  readonly field?: string | undefined
  readonly policy: Policy
}

const NONE: readonly never[] = []
const UNCOUNTED: Plan = { cost: 1, more: undefined, before: NONE, body: NONE }

function bucketOf({ service, key, verb, name }: Operation, limit: Limit, maxRequests: number | undefined): BucketOf {
  const field = limitedField(limit)
  // One for all the places where a verb of a resource stands.
  const id = key === undefined ? `${service}.${name}` : `${service}.${key}.${verb}`
  const policy = policyOf(`${id}.${limit.by}`, maxRequests ?? limit.maxRequests, limit.windowMs)
  return { by: field === undefined ? (limit.by as 'user' | 'ip') : 'body', field, policy }
}

function note(exchange: Exchange, cost: number, { policy }: BucketOf, taken: Taken): void {
  const told = exchange.told!
  told.push({ policy, taken })
  if (!taken.allowed) throw new Problem('RATE_LIMITED', undefined, { retryAfterS: retryInMs(told, cost) / 1000 })
}

function addressOf({ socket, headers }: IncomingMessage, trusted: BlockList | undefined): string {
  // Node joins several lines of it, by commas.
  return limitKey(clientAddress(socket.remoteAddress ?? '', headers['x-forwarded-for'] as string | undefined, trusted))
}

/** Undefined where the body has no such text: the service will say what is wrong with it. */
function textIn(body: Uint8Array | undefined, field: string): string | undefined {
  let value: unknown
  try {
    value = body && parseJson(decodeUtf8(body))
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, field)) return undefined
  const text = (value as Record<string, unknown>)[field]
  if (typeof text !== 'string') return undefined
  const key = text.toLowerCase()
  // Buckets are bounded in number: so they must be in size.
  return key.length <= 255 ? key : createHash('sha256').update(key).digest('base64url')
}

import type { BlockList } from 'node:net'
import { Fault } from '../base/errors.ts'
import { isInternal } from '../contract/access.ts'
import { listCostReader } from '../contract/list-cost.ts'
import type { Pairs } from '../contract/list-query.ts'
import type { Facts, Operation } from '../contract/operation.ts'
import type { Buckets } from '../limits/buckets.ts'
import { addResult, type Policy, policyOf, type RateLimitResult } from '../limits/headers.ts'
import type { TakeResult } from '../limits/token-bucket.ts'
import type { Exchange } from './exchange.ts'
import type { RoutedContract } from './router.ts'

export interface LimiterOptions {
  readonly buckets: Buckets
  /** Per user, else per client address: what is let through at once; 100. */
  readonly maxRequests?: number
  /** In how long it flows back; 60,000. */
  readonly windowMs?: number
  /** For each bucket of operations with credentials of their own, instead of what contracts say and of the usual 10. */
  readonly authMaxRequests?: number | undefined
  /** Whose `X-Forwarded-For` is believed; nobody's without it. */
  readonly trusted?: BlockList | undefined
}

/** Counts requests (R-RATE). */
export interface Limiter {
  /**
   * Takes from the buckets of the user or the address; once for each request, whatever comes of it. Throws, or rejects with,
   * the Problem RATE_LIMITED when one is over.
   */
  count(exchange: Exchange): Promise<void> | undefined
  /** Rejects with RATE_LIMITED while the usual bucket of the address is empty; takes nothing from it otherwise. */
  requireAddressBudget(exchange: Exchange): Promise<void>
  /** Takes from the usual bucket of the address for a token that is not good, instead of what the operation takes. */
  countUnverified(exchange: Exchange): Promise<void>
}

/**
 * Throws the Fault WRONG_SETTING when a limit is below what an operation costs: it would never pass. `rejected` is called for
 * each request that a bucket rejects, with the bucket's name.
 */
export function createLimiter(
  contracts: readonly RoutedContract[],
  options: LimiterOptions,
  rejected?: ((exchange: Exchange, bucket: string) => void) | undefined,
): Limiter {
  const { buckets, maxRequests = 100, windowMs = 60_000, authMaxRequests } = options
  const usual: Charge = {
    cost: 1,
    more: undefined,
    buckets: [{ by: 'user', policy: policyOf('default', maxRequests, windowMs) }],
  }
  const auth: Charge = {
    cost: 1,
    more: undefined,
    buckets: [{ by: 'ip', policy: policyOf('auth', authMaxRequests ?? 10, 60_000) }],
  }
  const signIn = signInFolders(contracts)
  const charges = new Map<Operation, Charge>()
  for (const contract of contracts) for (const operation of contract.served) charges.set(operation, chargeOf(operation))

  function chargeOf(operation: Operation): Charge {
    const { cost, verb, resource, facts } = operation
    if (facts.buckets === 'none') return UNCOUNTED
    const more = verb === 'list' && resource ? listCostReader(resource) : undefined
    const forSignIn = facts.signsIn
    const charge = { cost, more, buckets: bucketsOf(facts.buckets, forSignIn ? authMaxRequests : undefined) }
    for (const { policy } of charge.buckets)
      if (policy.maxRequests < cost)
        throw new Fault(
          'WRONG_SETTING',
          `${forSignIn ? 'RATE_LIMIT_AUTH_MAX' : 'RATE_LIMIT_MAX'} is ${policy.maxRequests}: give ${cost} or more, which ${operation.id} costs`,
        )
    return charge
  }

  function bucketsOf(buckets: Exclude<Facts['buckets'], 'none'>, maxRequests: number | undefined): readonly BucketOf[] {
    if (buckets === 'default') return usual.buckets
    if (buckets === 'auth') return auth.buckets
    return buckets.map(({ name, by, windowMs, ...said }) => ({
      by,
      policy: policyOf(name, maxRequests ?? said.maxRequests, windowMs),
    }))
  }

  function takeFrom(exchange: Exchange, cost: number, all: readonly BucketOf[]): Promise<void> | undefined {
    if (all.length > 1) return takeFromEach(exchange, cost, all)
    const [only] = all
    if (only === undefined) return undefined
    const { policy } = only
    const most = costIn(only, cost)
    const taken = buckets.take(policy, whose(only, exchange), most)
    if (taken instanceof Promise) return taken.then((later) => note(exchange, { policy, cost: most, taken: later }))
    note(exchange, { policy, cost: most, taken })
    return undefined
  }

  function takeFromEach(exchange: Exchange, cost: number, all: readonly BucketOf[]): Promise<void> | undefined {
    const draws = all.map((one) => ({ kind: one.policy, whose: whose(one, exchange), cost: costIn(one, cost) }))
    const noteEach = (results: readonly TakeResult[]) => {
      results.forEach((taken, i) => {
        note(exchange, { policy: all[i]!.policy, cost: draws[i]!.cost, taken })
      })
    }
    const results = buckets.takeEach(draws)
    if (results instanceof Promise) return results.then(noteEach)
    noteEach(results)
    return undefined
  }

  function note(exchange: Exchange, result: RateLimitResult): void {
    if (!result.taken.allowed) rejected?.(exchange, result.policy.name)
    addResult(exchange.rateLimits!, result)
  }

  async function countUnverified(exchange: Exchange): Promise<void> {
    exchange.rateLimits = []
    await takeFrom(exchange, 1, usual.buckets)
  }

  return {
    async requireAddressBudget(exchange) {
      const { remaining } = await buckets.take(usual.buckets[0]!.policy, exchange.address, 0)
      if (remaining < 1) await countUnverified(exchange)
    },
    countUnverified,
    count(exchange) {
      // Without an operation: a path that is nowhere, a method that is not offered, something that can hardly be read.
      const { route, target } = exchange
      const charge = route ? charges.get(route.operation)! : signIn.has(target?.segments[0]) ? auth : usual
      exchange.rateLimits = []
      const cost = charge.more === undefined ? charge.cost : charge.cost + charge.more(exchange.query)
      return takeFrom(exchange, cost, charge.buckets)
    },
  }
}

/** What a request of an operation takes from. */
interface Charge {
  readonly cost: number
  /** What a list takes besides, by what is asked of it. */
  readonly more: ((query: Pairs) => number) | undefined
  readonly buckets: readonly BucketOf[]
}

interface BucketOf {
  readonly by: 'user' | 'ip'
  readonly policy: Policy
}

/** A request that costs more than the bucket holds takes all of it, rather than never to pass. */
function costIn({ policy }: BucketOf, cost: number): number {
  return Math.min(cost, policy.maxRequests)
}

function whose({ by }: BucketOf, { caller, address }: Exchange): string {
  return by === 'user' && caller.kind === 'user' ? caller.id : address
}

const UNCOUNTED: Charge = { cost: 1, more: undefined, buckets: [] }

/**
 * First segments of paths below which all that is offered has credentials of its own: `auth` of `/auth/login`. What is asked
 * for there and is not to be found draws from the bucket for signing in too (R-RATE-5).
 */
function signInFolders(contracts: readonly RoutedContract[]): ReadonlySet<string | undefined> {
  const folders = new Set<string | undefined>()
  const others = new Set<string | undefined>()
  for (const { served } of contracts)
    for (const { segments, access, facts } of served)
      if (!isInternal(access)) (facts.signsIn ? folders : others).add(segments[0])
  for (const other of others) folders.delete(other)
  return folders
}

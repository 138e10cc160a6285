import { createHash } from 'node:crypto'
import { Fault } from '../base/errors.ts'
import type { Contract } from '../contract/contract.ts'
import { type Buckets, memoryBuckets } from '../limits/buckets.ts'
import { policyOf, type RateLimitResult } from '../limits/headers.ts'

export interface BucketOptions {
  readonly buckets: Buckets
  /** For those that limit signing in, instead of what the contract says. */
  readonly authMaxRequests?: number | undefined
}

/** The buckets that a contract names for its handlers (R-RATE-6). */
export function createBuckets(
  contract: Contract,
  { buckets, authMaxRequests }: BucketOptions = { buckets: memoryBuckets() },
) {
  const policies = new Map(
    Object.entries(contract.buckets).map(([name, { maxRequests, windowMs, auth = false }]) => [
      name,
      policyOf(`${contract.name}.${name}`, auth ? (authMaxRequests ?? maxRequests) : maxRequests, windowMs),
    ]),
  )
  return {
    /** Takes one from the bucket of this name and key. */
    async take(name: string, key: string): Promise<RateLimitResult> {
      const policy = policies.get(name)
      if (!policy) throw new Fault('UNKNOWN_BUCKET', `The contract "${contract.name}" has no bucket "${name}"`)
      return { policy, cost: 1, taken: await buckets.take(policy, bounded(key), 1) }
    },
  }
}

/** Buckets are bounded in number: so they must be in size. */
function bounded(key: string): string {
  return key.length <= 255 ? key : createHash('sha256').update(key).digest('base64url')
}

import { type Bucket, type BucketRule, type Taken, take } from './token-bucket.ts'

/** Where buckets are kept: in this process, or where all replicas see them. */
export interface Buckets {
  take(key: string, rule: BucketRule, cost: number): Taken | Promise<Taken>
}

export interface MemoryBucketsOptions {
  /** Most buckets kept; 100,000 (about 20 MB). Beyond it the one untouched longest goes. */
  readonly capacity?: number
  /** Milliseconds from any fixed moment, never back; whole or not. */
  readonly now?: () => number
}

/** Buckets of this process. */
export function memoryBuckets({
  capacity = 100_000,
  now = () => performance.now(),
}: MemoryBucketsOptions = {}): Buckets & {
  readonly size: number
} {
  const buckets = new Map<string, Bucket>()
  return {
    take(key, rule, cost) {
      const { bucket, taken } = take(buckets.get(key), rule, cost, Math.floor(now()))
      // Taken out and put in again: the map's order is then the order of last use.
      buckets.delete(key)
      buckets.set(key, bucket)
      if (buckets.size > capacity) buckets.delete(buckets.keys().next().value!)
      return taken
    },
    get size() {
      return buckets.size
    },
  }
}

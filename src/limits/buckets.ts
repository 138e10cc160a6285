import { type Bucket, type BucketRule, debtAt, hold, settle, type TakeResult, take } from './token-bucket.ts'

/** Where buckets are kept: in this process, or where all replicas see them. */
export interface Buckets {
  /** Takes from the bucket of this kind that is of a user, an address, or the like. No promise where there is nothing to wait for. */
  take(kind: NamedRule, whose: string, cost: number): TakeResult | Promise<TakeResult>
  /** Takes from one after the other until one rejects, as one step. The results end with that one. */
  takeEach(draws: readonly Draw[]): readonly TakeResult[] | Promise<readonly TakeResult[]>
}

/** One `take` of several. */
export interface Draw {
  readonly kind: NamedRule
  readonly whose: string
  readonly cost: number
}

export interface NamedRule extends BucketRule {
  /** Kinds of one name share their buckets. */
  readonly name: string
}

export interface MemoryBucketsOptions {
  /** Most buckets kept; 100,000 (about 20 MB). Beyond it the fullest of those untouched longest go. */
  readonly capacity?: number
  /** Milliseconds from any fixed moment, never back; whole or not. */
  readonly now?: () => number
}

export interface MemoryBuckets extends Buckets {
  take(kind: NamedRule, whose: string, cost: number): TakeResult
  takeEach(draws: readonly Draw[]): readonly TakeResult[]
  /** Sets aside tokens of a bucket that has them, and returns what was missing from it before, in requests × windowMs. */
  hold(kind: NamedRule, whose: string, tokens: number): number
  /** Ends a hold: `unused` of its tokens are there again. */
  settle(kind: NamedRule, whose: string, tokens: { readonly tokens: number; readonly unused: number }): void
  readonly size: number
}

/**
 * Buckets of this process, in two generations: what is touched comes into the young one, and when that has no room left, the
 * old one goes and it takes its place. An order of last use in one Map (take out, put in again) leaves a gap with each touch,
 * over which every look for the first has to step: 118 µs for each new address of a flood, measured at capacity, against 3.
 *
 * Of the generation that goes, the emptiest buckets come along, as many as a quarter of the capacity: a bucket that is dropped
 * is a full one when it is asked again, and a flood of other keys must not be a way to that.
 *
 * Each kind has a Map of its own: a user's id is one and the same string for as long as the token is kept, and V8 hashes it
 * once. Joined with the kind's name it was hashed anew each time, at half the cost of a take.
 */
export function memoryBuckets({
  capacity = 100_000,
  now = () => performance.now(),
}: MemoryBucketsOptions = {}): MemoryBuckets {
  let young = newGeneration()
  let old = newGeneration()

  /** Takes a bucket out of the old generation, and makes room in the young one. */
  function rejuvenate(name: string, whose: string, nowMs: number): Bucket | undefined {
    const kept = old.kinds.get(name)?.buckets
    const known = kept?.get(whose)
    if (known !== undefined) {
      kept!.delete(whose)
      old.size--
    }
    if (young.size >= capacity / 2) {
      const carried = emptiestOf(old, Math.floor(capacity / 4), nowMs)
      old = young
      young = carried
    }
    return known
  }

  function find(name: string, whose: string, nowMs: number): Bucket | undefined {
    return young.kinds.get(name)?.buckets.get(whose) ?? rejuvenate(name, whose, nowMs)
  }

  function takeFrom(kind: NamedRule, whose: string, cost: number): TakeResult {
    const nowMs = Math.floor(now())
    const { bucket, taken } = take(find(kind.name, whose, nowMs), kind, cost, nowMs)
    put(young, kind, whose, bucket)
    return taken
  }

  return {
    take: takeFrom,
    takeEach(draws) {
      const results: TakeResult[] = []
      for (const { kind, whose, cost } of draws) {
        const taken = takeFrom(kind, whose, cost)
        results.push(taken)
        if (!taken.allowed) break
      }
      return results
    },
    hold(kind, whose, tokens) {
      const nowMs = Math.floor(now())
      const bucket = find(kind.name, whose, nowMs) ?? { debt: 0, atMs: nowMs }
      put(young, kind, whose, hold(bucket, kind, tokens))
      return debtAt(bucket, kind, nowMs)
    },
    settle(kind, whose, tokens) {
      const nowMs = Math.floor(now())
      const bucket = find(kind.name, whose, nowMs)
      if (bucket !== undefined) put(young, kind, whose, settle(bucket, kind, tokens, nowMs))
    },
    get size() {
      return young.size + old.size
    },
  }
}

interface Generation {
  size: number
  /** By the name of the kind, then by whose it is. */
  readonly kinds: Map<string, { readonly rule: NamedRule; readonly buckets: Map<string, Bucket> }>
}

function newGeneration(): Generation {
  return { size: 0, kinds: new Map() }
}

function put(generation: Generation, rule: NamedRule, whose: string, bucket: Bucket): void {
  let kind = generation.kinds.get(rule.name)
  if (kind === undefined) {
    kind = { rule, buckets: new Map() }
    generation.kinds.set(rule.name, kind)
  }
  const { buckets } = kind
  const before = buckets.size
  buckets.set(whose, bucket)
  generation.size += buckets.size - before
}

const SHARES = 64

/**
 * At most `most` buckets of a generation, those of which the largest share is taken; none that is full again. Sorted by
 * counting, as the generation may be large and its end is the pause of one request: 5 to 10 ms for 50,000 buckets.
 */
function emptiestOf({ kinds }: Generation, most: number, nowMs: number): Generation {
  const counts = new Array<number>(SHARES + 1).fill(0)
  for (const { rule, buckets } of kinds.values())
    for (const bucket of buckets.values()) counts[shareOf(bucket, rule, nowMs)]!++
  let least = SHARES + 1
  let room = most
  while (least > 1 && counts[least - 1]! <= room) room -= counts[--least]!
  const kept = newGeneration()
  for (const { rule, buckets } of kinds.values())
    for (const [whose, bucket] of buckets) {
      const share = shareOf(bucket, rule, nowMs)
      if (share >= least) put(kept, rule, whose, bucket)
      else if (share === least - 1 && share > 0 && room > 0) {
        room--
        put(kept, rule, whose, bucket)
      }
    }
  return kept
}

/** How much of a bucket is taken, in parts of SHARES, rounded up; 0 when it is full. */
function shareOf(bucket: Bucket, rule: NamedRule, nowMs: number): number {
  return Math.min(SHARES, Math.ceil((debtAt(bucket, rule, nowMs) * SHARES) / (rule.maxRequests * rule.windowMs)))
}

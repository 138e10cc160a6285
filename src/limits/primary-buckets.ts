import { type Buckets, type Draw, memoryBuckets, type NamedRule } from './buckets.ts'
import { type Bucket, type TakeResult, take } from './token-bucket.ts'

/** What one worker has to say to the process that keeps the buckets of a machine. Flat, as that is half the JSON. */
export interface DrawBatch {
  readonly batch: number
  /** Kinds that are new to this worker, numbered on from those before. */
  readonly kinds: readonly NamedRule[]
  /** For each `takeEach`, three for each of its draws: number of the kind, whose, cost. */
  readonly groups: readonly (readonly (number | string)[])[]
  /** Two for each lease that has ended: its number, and how many of its tokens were not used. They come before the draws. */
  readonly returned: readonly number[]
  /** Two for each bucket of which another lease is wanted: number of the kind, whose. Nothing is drawn from it. */
  readonly renewed: readonly (number | string)[]
}

export interface DrawnBatch {
  readonly batch: number
  /** For each group four numbers for each of its results: allowed or not, remaining, fullInMs, and retryInMs or -1 for never. */
  readonly results: readonly (readonly number[])[]
  /**
   * Five for each lease: the group and the draw whose bucket it is of, its number, its tokens, and the debt of the bucket without it.
   * The group after the last is that of the renewed.
   */
  readonly leases: readonly number[]
}

export interface PrimaryBuckets extends Buckets {
  /** Takes what the primary has answered. */
  drawn(answer: DrawnBatch): void
  /** Draws since the start that this worker decided by itself, as the primary did not answer. */
  readonly fallbacks: number
}

export interface PrimaryBucketsOptions {
  /** How long the primary may take; 500. Then this worker decides by itself: no request waits for a process that hangs. */
  readonly timeoutMs?: number
  /** Its own, for that. */
  readonly own?: Buckets
}

interface Waiting {
  readonly draws: readonly Draw[]
  readonly resolve: (results: readonly TakeResult[] | Promise<readonly TakeResult[]>) => void
}

interface UnderWay {
  readonly batch: number
  readonly waiting: readonly Waiting[]
  readonly renewed: readonly BucketName[]
  readonly sentAtMs: number
  readonly timer: NodeJS.Timeout
}

type BucketName = Pick<Draw, 'kind' | 'whose'>

/** Tokens that the primary has set aside for draws of this worker. */
interface Lease {
  readonly id: number
  readonly untilMs: number
  /** What it had at first. */
  readonly lent: number
  tokens: number
  /** The primary's, and what was drawn here since. */
  bucket: Bucket
}

/** For so long tokens of a lease are used here: the others should not miss them for longer. */
const LEASE_MS = 100
/** Between two messages that tell what was used of leases, and ask for others before they end. */
const RENEW_MS = LEASE_MS / 2

/**
 * Buckets that the workers of a machine share, kept by their primary. With the answer to a draw comes a lease of some more tokens,
 * as long as there are plenty: draws from it are decided here. It is taken from the bucket already, so that all workers together
 * never admit more than one bucket does; and only the primary rejects.
 *
 * Leases that are used are renewed together, while they last: a draw of a client who comes again and again waits for nobody, and
 * however many such clients there are, a worker sends some twenty messages a second for them.
 *
 * One message is under way at a time, and carries what came meanwhile: on an idle machine a draw waits for one trip, and on a
 * busy one tens of draws share the price of a message.
 */
export function primaryBuckets(
  send: (batch: DrawBatch) => void,
  { timeoutMs = 500, own = memoryBuckets() }: PrimaryBucketsOptions = {},
): PrimaryBuckets {
  const kinds = new Map<NamedRule, { readonly number: number; readonly leases: Map<string, Lease> }>()
  let newKinds: NamedRule[] = []
  let returned: number[] = []
  let gathered: Waiting[] = []
  let underWay: UnderWay | undefined
  let scheduled = false
  let sweeping = false
  let sweepIsDue = false
  let batches = 0
  let fallbacks = 0

  /** From leases, where they suffice for all draws. */
  function takeHere(draws: readonly Draw[]): readonly TakeResult[] | undefined {
    const nowMs = Math.floor(performance.now())
    const leases: Lease[] = []
    for (const { kind, whose, cost } of draws) {
      const lease = kinds.get(kind)?.leases.get(whose)
      if (lease === undefined || lease.untilMs <= nowMs || lease.tokens < cost || leases.includes(lease))
        return undefined
      leases.push(lease)
    }
    return draws.map(({ kind, whose, cost }, i) => {
      const lease = leases[i]!
      const { bucket, taken } = take(lease.bucket, kind, cost, nowMs)
      lease.bucket = bucket
      lease.tokens -= cost
      if (lease.tokens === 0) endLease(kind, whose)
      return taken
    })
  }

  function endLease(kind: NamedRule, whose: string): void {
    const leases = kinds.get(kind)?.leases
    const lease = leases?.get(whose)
    if (lease === undefined) return
    leases!.delete(whose)
    returned.push(lease.id, lease.tokens)
  }

  function ask(draws: readonly Draw[]): Promise<readonly TakeResult[]> {
    return new Promise((resolve) => {
      gathered.push({ draws, resolve })
      if (scheduled || underWay !== undefined) return
      scheduled = true
      // Once all requests of this turn of the event loop have been read.
      setImmediate(flush)
    })
  }

  function flush(): void {
    scheduled = false
    if (underWay !== undefined) return
    const waiting = gathered.filter(({ draws, resolve }) => {
      const results = takeHere(draws)
      if (results !== undefined) resolve(results)
      return results === undefined
    })
    gathered = []
    // The primary decides by all that there is.
    for (const { draws } of waiting) for (const { kind, whose } of draws) endLease(kind, whose)
    const sweeps = sweepIsDue
    const renewed = sweeps ? sweep() : []
    if (waiting.length > 0 || renewed.length > 0) {
      const timer = setTimeout(giveUp, timeoutMs)
      underWay = { batch: batches + 1, waiting, renewed, sentAtMs: performance.now(), timer }
    } else if (!sweeps || returned.length === 0) return
    const groups = waiting.map(({ draws }) => draws.flatMap(({ kind, whose, cost }) => [numberOf(kind), whose, cost]))
    const names = renewed.flatMap(({ kind, whose }) => [numberOf(kind), whose])
    send({ batch: ++batches, kinds: newKinds, groups, returned, renewed: names })
    newKinds = []
    returned = []
  }

  function numberOf(kind: NamedRule): number {
    let known = kinds.get(kind)
    if (known === undefined) {
      known = { number: kinds.size, leases: new Map() }
      kinds.set(kind, known)
      const { name, maxRequests, windowMs } = kind
      newKinds.push({ name, maxRequests, windowMs })
    }
    return known.number
  }

  function giveUp(): void {
    const { waiting } = underWay!
    underWay = undefined
    for (const { draws, resolve } of waiting) {
      fallbacks += draws.length
      resolve(own.takeEach(draws))
    }
    flush()
  }

  function keepLeases(leases: readonly number[], { waiting, renewed, sentAtMs }: UnderWay): void {
    const atMs = Math.floor(performance.now())
    for (let i = 0; i < leases.length; i += 5) {
      const [group, draw, id, lent, debt] = leases.slice(i, i + 5) as [number, number, number, number, number]
      const { kind, whose } = (waiting[group]?.draws ?? renewed)[draw]!
      const untilMs = sentAtMs + LEASE_MS
      kinds.get(kind)!.leases.set(whose, { id, lent, tokens: lent, untilMs, bucket: { debt, atMs } })
    }
    if (leases.length > 0) sweepLater()
  }

  function sweepLater(): void {
    if (sweeping) return
    sweeping = true
    setTimeout(() => {
      sweeping = false
      sweepIsDue = true
      flush()
    }, RENEW_MS).unref()
  }

  /** Ends the leases that were used, or whose time is over; returns the former. */
  function sweep(): BucketName[] {
    sweepIsDue = false
    const used: BucketName[] = []
    const nowMs = performance.now()
    for (const [kind, { leases }] of kinds) {
      for (const [whose, { lent, tokens, untilMs }] of leases) {
        if (tokens < lent) used.push({ kind, whose })
        else if (untilMs > nowMs) continue
        endLease(kind, whose)
      }
      if (leases.size > 0) sweepLater()
    }
    return used
  }

  return {
    take(kind, whose, cost) {
      const draws = [{ kind, whose, cost }]
      return takeHere(draws)?.[0] ?? ask(draws).then(first)
    },
    takeEach: (draws) => takeHere(draws) ?? ask(draws),
    drawn({ batch, results, leases }) {
      // What was given up is decided.
      if (underWay?.batch !== batch) return
      const answered = underWay
      underWay = undefined
      clearTimeout(answered.timer)
      keepLeases(leases, answered)
      answered.waiting.forEach(({ resolve }, i) => {
        resolve(readResults(results[i]!))
      })
      flush()
    },
    get fallbacks() {
      return fallbacks
    },
  }
}

function readResults(numbers: readonly number[]): TakeResult[] {
  const results: TakeResult[] = []
  for (let i = 0; i < numbers.length; i += 4)
    results.push({
      allowed: numbers[i] === 1,
      remaining: numbers[i + 1]!,
      fullInMs: numbers[i + 2]!,
      retryInMs: numbers[i + 3] === -1 ? Number.POSITIVE_INFINITY : numbers[i + 3]!,
    })
  return results
}

function first(results: readonly TakeResult[]): TakeResult {
  return results[0]!
}

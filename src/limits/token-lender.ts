import type { Draw, MemoryBuckets, NamedRule } from './buckets.ts'
import type { DrawBatch, DrawnBatch } from './primary-buckets.ts'
import type { TakeResult } from './token-bucket.ts'

/** Keeps the buckets of a machine in its primary process, and lends tokens of them to the workers. */
export interface TokenLender {
  /** For one worker: answers its messages; undefined where a message asks for nothing. */
  answers(): (batch: DrawBatch) => DrawnBatch | undefined
}

export interface TokenLenderOptions {
  /** How many workers share the buckets. */
  readonly workers: number
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number
}

interface Lease {
  readonly kind: NamedRule
  readonly whose: string
  readonly tokens: number
  readonly atMs: number
}

/** All workers together hold at most this part of what is left in a bucket. */
const SHARE = 1 / 100
/** More are hardly used before the lease ends. */
const MOST_TOKENS = 64
/** All leases of a machine; beyond it draws go to the primary one by one. About 2 MB. */
const MOST_LEASES = 10_000
/**
 * A worker uses a lease for 100 ms and then says what is left. One that does not has ended or hangs: then all of it counts as
 * used, and flows back with time. What it says later is ignored.
 */
const LAPSE_MS = 1_000

export function tokenLender(
  buckets: MemoryBuckets,
  { workers, now = () => performance.now() }: TokenLenderOptions,
): TokenLender {
  /** By a number of their own, the oldest first. */
  const leases = new Map<number, Lease>()
  let numbers = 0
  let lapsesAtMs = 0

  function settle(id: number, unused: number): void {
    const lease = leases.get(id)
    if (lease === undefined) return
    leases.delete(id)
    buckets.settle(lease.kind, lease.whose, { tokens: lease.tokens, unused })
  }

  function settleLapsed(): void {
    const nowMs = now()
    // Not with each message: the way to the oldest leads over all that were settled before it.
    if (nowMs < lapsesAtMs) return
    lapsesAtMs = nowMs + LAPSE_MS / 4
    for (const [id, { atMs }] of leases) {
      if (nowMs - atMs < LAPSE_MS) break
      settle(id, 0)
    }
  }

  function tokensOf(remaining: number): number {
    return Math.min(MOST_TOKENS, Math.floor((remaining * SHARE) / workers))
  }

  /** Once all draws of a message are decided: some more tokens of each bucket that it drew from or renews, and has plenty. */
  function lendEach(groups: readonly (readonly Lendable[])[]): number[] {
    const lent: number[] = []
    const seen = new Set<string>()
    groups.forEach((draws, group) => {
      draws.forEach(({ kind, whose, cost }, draw) => {
        if (cost === 0 || tokensOf(kind.maxRequests) === 0 || leases.size >= MOST_LEASES) return
        const bucket = `${kind.name} ${whose}`
        if (seen.has(bucket)) return
        seen.add(bucket)
        const tokens = tokensOf(buckets.take(kind, whose, 0).remaining)
        if (tokens === 0) return
        const id = ++numbers
        leases.set(id, { kind, whose, tokens, atMs: now() })
        lent.push(group, draw, id, tokens, buckets.hold(kind, whose, tokens))
      })
    })
    return lent
  }

  return {
    answers() {
      const known: NamedRule[] = []
      return ({ batch, kinds, groups, returned, renewed }) => {
        known.push(...kinds)
        settleLapsed()
        for (let i = 0; i < returned.length; i += 2) settle(returned[i]!, returned[i + 1]!)
        if (groups.length === 0 && renewed.length === 0) return undefined
        const draws = groups.map((group) => drawsOf(group, known))
        const results = draws.map((group) => writeResults(buckets.takeEach(group)))
        return { batch, results, leases: lendEach([...draws, namesOf(renewed, known)]) }
      }
    },
  }
}

function drawsOf(group: readonly (number | string)[], kinds: readonly NamedRule[]): Draw[] {
  const draws: Draw[] = []
  for (let i = 0; i < group.length; i += 3)
    draws.push({ kind: kinds[group[i] as number]!, whose: group[i + 1] as string, cost: group[i + 2] as number })
  return draws
}

type Lendable = Pick<Draw, 'kind' | 'whose'> & { readonly cost?: number }

function namesOf(renewed: readonly (number | string)[], kinds: readonly NamedRule[]): Lendable[] {
  const names: Lendable[] = []
  for (let i = 0; i < renewed.length; i += 2)
    names.push({ kind: kinds[renewed[i] as number]!, whose: renewed[i + 1] as string })
  return names
}

function writeResults(results: readonly TakeResult[]): number[] {
  return results.flatMap(({ allowed, remaining, fullInMs, retryInMs }) => [
    allowed ? 1 : 0,
    remaining,
    fullInMs,
    Number.isFinite(retryInMs) ? retryInMs : -1,
  ])
}

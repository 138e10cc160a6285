import type { Problem } from '../base/errors.ts'
import { addResult, policyOf, type RateLimitResult } from '../limits/headers.ts'
import type { Reply } from './call.ts'
import { asciiJson } from './call-head.ts'

/** A reply as it goes from one process to another, all but its status and body: one line of JSON in ASCII. */
export interface ReplyHead {
  readonly headers?: Reply['headers'] | undefined
  readonly cookies?: Reply['cookies']
  /** The body is made as it is read: there is no telling how long it takes. */
  readonly streams?: true | undefined
  /** The body is a `WireProblem`. */
  readonly problem?: true | undefined
  /** The body is a `Greeting` (door/greeting.ts): another contract is served than was expected, and nothing was done. */
  readonly greeting?: true | undefined
  /** What the handler took from buckets of its own. */
  readonly limits?: readonly WireLimit[] | undefined
}

type WireLimit = readonly [
  name: string,
  maxRequests: number,
  windowMs: number,
  cost: number,
  allowed: boolean,
  remaining: number,
  fullInMs: number,
  retryInMs: number,
]

export function writeReplyHead(head: Omit<ReplyHead, 'limits'>, limits: readonly RateLimitResult[] = []): string {
  return asciiJson(limits.length === 0 ? head : { ...head, limits: limits.map(wireLimit) })
}

/** A problem as it goes to the caller: JSON, the body of its reply. */
export type WireProblem = Pick<Problem, 'code' | 'message' | 'details' | 'retryAfterS' | 'headers'>

export function writeProblem({ code, message, details, retryAfterS, headers }: Problem): string {
  return JSON.stringify({ code, message, details, retryAfterS, headers } satisfies WireProblem)
}

/** Undefined where the text is none. */
export function readProblem(text: string | undefined): WireProblem | undefined {
  try {
    const problem = JSON.parse(text ?? '') as Partial<WireProblem> | null
    return typeof problem?.code === 'string' ? (problem as WireProblem) : undefined
  } catch {
    return undefined
  }
}

/** Undefined where the line is none: something else than Lintel has answered. */
export function readReplyHead(line: unknown): ReplyHead | undefined {
  if (typeof line !== 'string') return undefined
  try {
    const head = JSON.parse(line) as ReplyHead | null
    return typeof head === 'object' && head !== null ? head : undefined
  } catch {
    return undefined
  }
}

/**
 * Adds what the handler took to what was taken before it. Throws RATE_LIMITED where a bucket rejected the call, with the time
 * after which all of them let it pass, as it would in one process.
 */
export function addLimits(to: RateLimitResult[], { limits = [] }: ReplyHead): void {
  for (const [name, maxRequests, windowMs, cost, allowed, remaining, fullInMs, retryInMs] of limits)
    addResult(to, {
      policy: policyOf(name, maxRequests, windowMs),
      cost,
      taken: { allowed, remaining, fullInMs, retryInMs },
    })
}

function wireLimit({ policy, cost, taken }: RateLimitResult): WireLimit {
  const { allowed, remaining, fullInMs, retryInMs } = taken
  return [policy.name, policy.maxRequests, policy.windowMs, cost, allowed, remaining, fullInMs, retryInMs]
}

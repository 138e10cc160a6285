import { STATUS_CODES } from 'node:http'
import { Problem } from '../base/errors.ts'
import { logFailure } from '../call/failure-log.ts'
import { PROBLEMS, type ProblemSpec } from '../contract/problem.ts'
import { readAccept } from './accept.ts'
import type { Log } from './log.ts'
import { REFUSALS } from './refusals.ts'

export interface ProblemContext {
  readonly requestId: string
  /** Id of the operation, for the log; undefined where nothing was routed. */
  readonly operation?: string | undefined
  /** The caller's `Accept`. */
  readonly accept: string | undefined
  /** The problems of the operation's contract; else those that every system knows. */
  readonly problems: Readonly<Record<string, ProblemSpec>> | undefined
  /** Methods of the place, for 405. */
  readonly allow: string | undefined
  /** Its lines carry the request's ids. Undefined where the failure has its line elsewhere. */
  readonly log: Log | undefined
}

export interface ProblemAnswer {
  readonly status: number
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: string
}

/**
 * What went wrong, as the caller may see it (R-BODY-5). A Problem says what it is; anything else is a 500 that tells the
 * caller its request id and the log the rest.
 */
export function problemAnswer(error: unknown, context: ProblemContext): ProblemAnswer {
  const { requestId, accept } = context
  const { problem, spec } = shownProblem(error, context)
  const asRfc9457 = wantsProblemJson(accept)
  const headers = ['content-type', asRfc9457 ? 'application/problem+json' : 'application/json; charset=utf-8']
  headers.push('cache-control', 'no-store', 'vary', 'accept')
  if (spec.status === 401) headers.push('www-authenticate', challenge(problem.code))
  if (spec.status === 405 && context.allow !== undefined) headers.push('allow', context.allow)
  for (const name in problem.headers) headers.push(name, problem.headers[name]!)
  const retryAfterS = retryAfter(problem, spec.status)
  if (retryAfterS !== undefined) headers.push('retry-after', String(retryAfterS))
  return {
    status: spec.status,
    headers,
    body: asRfc9457 ? rfc9457(problem, spec, requestId) : envelope(problem, spec, requestId),
  }
}

/**
 * The problem that may leave the process: the error itself where it is one that the contract declares; INTERNAL_ERROR else, and
 * the log has the rest.
 */
export function shownProblem(
  error: unknown,
  { operation, problems, log }: Pick<ProblemContext, 'operation' | 'problems' | 'log'>,
): { readonly problem: Problem; readonly spec: ProblemSpec } {
  const problem = error instanceof Problem ? error : undefined
  const spec = problem && specOf(problem.code, problems)
  if (log !== undefined) logFailure(log, operation, error, spec)
  if (problem === undefined || spec === undefined)
    return { problem: new Problem('INTERNAL_ERROR'), spec: PROBLEMS.INTERNAL_ERROR! }
  return { problem, spec }
}

/** `{"error":{"code","message","details","requestId"}}` (R-BODY-5). */
export function envelope(problem: Problem, spec: ProblemSpec, requestId: string): string {
  const { code, message, details } = problem
  return JSON.stringify({ error: { code, message: message || spec.message, details, requestId } })
}

/** `title` is the code's own, `detail` this occurrence's (RFC 9457 3.1); the rest are extension members. */
function rfc9457({ code, message, details }: Problem, spec: ProblemSpec, requestId: string): string {
  return JSON.stringify({
    type: `urn:problem-type:lintel:${code}`,
    title: spec.message || STATUS_CODES[spec.status],
    status: spec.status,
    detail: message || spec.message,
    code,
    details,
    requestId,
  })
}

function specOf(code: string, own: ProblemContext['problems']): ProblemSpec | undefined {
  for (const table of [own, PROBLEMS, REFUSALS]) if (table && Object.hasOwn(table, code)) return table[code]
  return undefined
}

/** RFC 6750 3: the error is named only where a token was shown. */
function challenge(code: string): string {
  return code === 'INVALID_TOKEN' || code === 'TOKEN_EXPIRED' ? 'Bearer error="invalid_token"' : 'Bearer'
}

/** 503 and 429 always say when to come back (R-REST-4); a second is the least that the header can. */
function retryAfter({ code, retryAfterS }: Problem, status: number): number | undefined {
  if (retryAfterS !== undefined) return Math.max(1, Math.ceil(retryAfterS))
  return status === 503 || status === 429 || code === 'IDEMPOTENCY_IN_PROGRESS' ? 1 : undefined
}

/** Only where it is asked for by name, and not less gladly than plain JSON. */
function wantsProblemJson(accept: string | undefined): boolean {
  if (accept === undefined || !/problem\+json/i.test(accept)) return false
  const asked = quality(accept, 'application/problem+json')
  if (asked === undefined || asked === 0) return false
  const plain = quality(accept, 'application/json') ?? quality(accept, 'application/*') ?? quality(accept, '*/*') ?? 0
  return asked >= plain
}

/** The best of a range's entries; undefined where it is not named. */
function quality(accept: string, range: string): number | undefined {
  const named = readAccept(accept).filter(({ name }) => name === range)
  return named.length === 0 ? undefined : Math.max(...named.map(({ q }) => q))
}

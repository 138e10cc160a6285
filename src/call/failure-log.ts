import { Problem } from '../base/errors.ts'
import { failureOf } from '../base/failure.ts'
import { CallProblem } from '../client/call-problem.ts'
import type { ProblemSpec } from '../contract/problem.ts'
import type { Log } from './call.ts'

/**
 * Writes the line about a failed operation (R-OPS-3), where it failed and whoever called it. `spec` is what the contract says of the
 * error; undefined for one that the contract does not know. What a caller is meant to see, and nothing more is known of, has no
 * line. The lines of `log` carry the ids of the request.
 */
export function logFailure(
  log: Pick<Log, 'warn' | 'error'>,
  operation: string | undefined,
  error: unknown,
  spec: ProblemSpec | undefined,
): void {
  if (!(error instanceof Problem) || spec === undefined) {
    const failure = failureOf(error)
    log.error({ operation, ...failure, err: error }, whatToDo(error, failure.statement))
  } else if (isLate(error)) logLate(log, operation, 'in time', error)
  else if (error.cause !== undefined && spec.status >= 500)
    log.warn({ operation, ...failureOf(error), err: error.cause, code: error.code }, spec.message)
}

/**
 * Writes the line about an operation that was not done by its deadline: `within` is `within 300 ms`. The error is what ended its work;
 * undefined where the work was done, too late.
 */
export function logLate(log: Pick<Log, 'warn'>, operation: string | undefined, within: string, error: unknown): void {
  const failure = failureOf(error)
  // What says no more than that the time was over needs no stack.
  const isKnown = error === undefined || (error instanceof Problem && error.code === 'GATEWAY_TIMEOUT')
  const err = isKnown ? callIn(error) : error
  log.warn(
    { operation, ...failure, ...(err !== undefined && { err }), code: 'GATEWAY_TIMEOUT' },
    `${operation} did not finish ${within}`,
  )
}

/** By its own statement, not by a service that it called. */
function isLate(error: Problem): boolean {
  return error.code === 'GATEWAY_TIMEOUT' && failureOf(error).statement !== undefined
}

function callIn(error: unknown): unknown {
  return error instanceof Problem && error.cause instanceof CallProblem ? error.cause : undefined
}

function whatToDo(error: unknown, statement: string | undefined): string {
  if (error instanceof Problem)
    return `The problem ${error.code} is in no contract: declare it among the problems of the service`
  return statement === undefined
    ? 'Request failed'
    : 'Request failed in an SQL statement: correct the statement, or the tables by a migration'
}

import type { Caller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import { CallProblem } from '../client/call-problem.ts'
import type { Contract } from '../contract/contract.ts'
import type { Call, Context, Port } from './call.ts'
import { CalledContext, idOf, withContext } from './context.ts'
import { logFailure } from './failure-log.ts'

export interface InProcessOptions {
  /** As whom the calls are made. */
  readonly caller: Caller
}

/**
 * Calls a service that runs in this process. What is true between processes is true here: bodies and answers are copies,
 * and a handler's bug is an INTERNAL_ERROR that says no more. A `guard` around it gives it a deadline.
 *
 *     const api = client(users, guard(inProcess(port, users, { caller: serviceCaller('orders') })))
 */
export function inProcess(port: Port, contract: Pick<Contract, 'problems'>, { caller }: InProcessOptions): Port {
  return async (call) => {
    const { body, context } = call
    // By way of text, as every other carrier does: nothing is shared, a Date is a string, undefined is left out.
    const copy = body === undefined || body instanceof Uint8Array ? body : { value: copied(body.value) }
    try {
      return await port(withContext(call, new CalledContext(context, { caller }), copy))
    } catch (error) {
      throw problemFrom(contract, call, error)
    }
  }
}

function copied<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

/**
 * What the edge would have answered: only what the contract declares is told. The rest is in the log, as it is where the service runs
 * elsewhere; a call that belongs to no request has none, so there the error keeps its `cause`.
 */
function problemFrom(contract: Pick<Contract, 'problems'>, { operation, context }: Call, cause: unknown): CallProblem {
  const declared = cause instanceof Problem && contract.problems[cause.code] ? cause : undefined
  const requestId = context.requestId
  const ownLog = idOf(context) !== undefined
  // Work that was ended because its caller is gone has not failed.
  if (ownLog && !isLeft(context))
    logFailure(context.log, operation, cause, declared && contract.problems[declared.code])
  const code = declared?.code ?? 'INTERNAL_ERROR'
  const { status, message } = contract.problems[code]!
  return new CallProblem(operation, status, code, declared?.message || message, {
    ...(declared?.details && { details: copied(declared.details) }),
    ...(declared?.retryAfterS !== undefined && { retryAfterS: Math.ceil(declared.retryAfterS) }),
    requestId,
    ...(!ownLog && { cause }),
  })
}

function isLeft({ bound, deadline }: Context): boolean {
  return bound?.isOver === true && deadline.remainingMs() > 0
}

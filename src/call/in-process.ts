import type { Caller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Contract } from '../contract/service.ts'
import { Deadline } from '../resilience/deadline.ts'
import { within } from '../resilience/within.ts'
import type { Call, Context, Port } from './call.ts'
import { CallProblem } from './call-problem.ts'
import { CalledContext } from './context.ts'

export interface InProcessOptions {
  /** As whom the calls are made. */
  readonly caller: Caller
  /** How long a call may take; 1,000 ms by default (R-CALL-3). */
  readonly deadlineMs?: number
}

const DEADLINE_MS = 1_000

/**
 * Calls a service that runs in this process. What is true between processes is true here: bodies and answers are copies,
 * a call that takes too long ends with GATEWAY_TIMEOUT, and a handler's bug is an INTERNAL_ERROR that says no more.
 *
 *     const api = client(users, inProcess(port, users, { caller: serviceCaller('orders') }))
 */
export function inProcess(port: Port, contract: Pick<Contract, 'problems'>, options: InProcessOptions): Port {
  const { caller, deadlineMs = DEADLINE_MS } = options
  return async (call) => {
    const { operation, context } = call
    const late = () =>
      new CallProblem(operation, 504, 'GATEWAY_TIMEOUT', `${operation} did not respond within ${deadlineMs} ms`, {
        stage: 'lost',
        requestId: context.requestId,
      })
    return within(deadlineMs, late, context.signal, async (signal) => {
      const deadline = Deadline.after(deadlineMs)
      try {
        return await port(copyOf(call, new CalledContext(context, { caller, deadline, signal })))
      } catch (error) {
        throw problemFrom(contract, call, error)
      }
    })
  }
}

/** Its body is copied by way of text, as every other carrier does: nothing is shared, a Date is a string, undefined is left out. */
function copyOf(call: Call, context: Context): Call {
  const { operation, method, version, params, query, path, body, contentType } = call
  const { ifMatch, ifNoneMatch, idempotencyKey } = call
  const copy = body === undefined || body instanceof Uint8Array ? body : { value: copied(body.value) }
  const input = { params, query, path, body: copy, contentType, ifMatch, ifNoneMatch, idempotencyKey }
  return { operation, method, version, ...input, context }
}

function copied<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

/** What the edge would have answered. Only what the contract declares is told; the rest stays in `cause`. */
function problemFrom(
  contract: Pick<Contract, 'problems'>,
  { operation, context: { requestId } }: Call,
  cause: unknown,
): CallProblem {
  const declared = cause instanceof Problem && contract.problems[cause.code] ? cause : undefined
  const code = declared?.code ?? 'INTERNAL_ERROR'
  const { status, message } = contract.problems[code]!
  return new CallProblem(operation, status, code, declared?.message || message, {
    ...(declared?.details && { details: copied(declared.details) }),
    ...(declared?.retryAfterS !== undefined && { retryAfterS: Math.ceil(declared.retryAfterS) }),
    requestId,
    cause,
  })
}

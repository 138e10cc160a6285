import type { Caller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import type { Contract } from '../contract/service.ts'
import { Deadline } from '../resilience/deadline.ts'
import { within } from '../resilience/within.ts'
import type { Call, Log, Port } from './call.ts'
import { CallProblem } from './call-problem.ts'
import { type CallAnswer, type CallRequest, pathOf, type Transport } from './transport.ts'

export interface InProcessOptions {
  /** As whom the calls are made. */
  readonly caller: Caller
  /** How long a call may take; 1,000 ms by default (R-CALL-3). */
  readonly deadlineMs?: number
  /** The id of the request that a call is part of; one of its own by default. */
  readonly requestId?: () => string | undefined
}

const DEADLINE_MS = 1_000

/**
 * Calls a service that runs in this process. What is true between processes is true here: bodies and answers are copies,
 * a call that takes too long ends with GATEWAY_TIMEOUT, and a handler's bug is an INTERNAL_ERROR that says no more.
 *
 *     const api = client(users, inProcess(port, users, { caller: serviceCaller('orders') }))
 */
export function inProcess(port: Port, contract: Pick<Contract, 'problems'>, options: InProcessOptions): Transport {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS
  return {
    async send(request) {
      const { operation } = request
      const requestId = options.requestId?.() ?? globalThis.crypto.randomUUID()
      const late = () =>
        new CallProblem(operation, 504, 'GATEWAY_TIMEOUT', `${operation.id} did not respond within ${deadlineMs} ms`, {
          requestId,
        })
      return within(deadlineMs, late, request.signal, async (signal) => {
        const asked = callOf(request, options.caller, requestId, signal, Deadline.after(deadlineMs))
        try {
          const answer = await port(asked)
          return { ...answer, body: answer.body === undefined ? undefined : JSON.parse(answer.body) }
        } catch (error) {
          return failed(contract, requestId, error)
        }
      })
    },
  }
}

function callOf(
  request: CallRequest,
  caller: Caller,
  requestId: string,
  signal: AbortSignal,
  deadline: Deadline,
): Call {
  const { operation, version, params, query, body, ifMatch, idempotencyKey } = request
  return {
    operation: operation.id,
    method: operation.method,
    params: operation.params.map(({ name }) => params[name]!),
    query,
    path: pathOf(request),
    version,
    // A copy by way of text, as every other carrier makes it: nothing is shared, a Date is a string, undefined is left out.
    body: body === undefined ? undefined : { value: JSON.parse(JSON.stringify(body)) as unknown },
    contentType: body === undefined ? undefined : 'application/json',
    ifMatch,
    ifNoneMatch: undefined,
    idempotencyKey,
    context: { requestId, trace: undefined, caller, deadline, signal, log: SILENT },
  }
}

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** What the edge would have answered. Only what the contract declares is told; the rest stays in `cause`. */
function failed(contract: Pick<Contract, 'problems'>, requestId: string, cause: unknown): CallAnswer {
  const declared = cause instanceof Problem && contract.problems[cause.code] ? cause : undefined
  const code = declared?.code ?? 'INTERNAL_ERROR'
  const { status, message } = contract.problems[code]!
  const error = { code, message: declared?.message || message, details: declared?.details, requestId }
  return {
    status,
    headers: declared?.retryAfterS === undefined ? {} : { 'retry-after': String(Math.ceil(declared.retryAfterS)) },
    body: JSON.parse(JSON.stringify({ error })),
    cause,
  }
}

import type { Pairs } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'

/** A call, ready to be carried: which operation, and what is asked. */
export interface CallRequest {
  readonly operation: Operation
  /** Of the API: the contract's newest. */
  readonly version: number
  /** Every path parameter of the operation by name, not yet encoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: Pairs
  /** A JSON value; undefined where none is sent. */
  readonly body: unknown
  /** An entity tag with its quotes, as the header has it. */
  readonly ifMatch: string | undefined
  readonly idempotencyKey: string | undefined
  readonly signal: AbortSignal | undefined
}

/** What came back, whatever its status. */
export interface CallAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** What the JSON text means; undefined where there was none, or it was no JSON. */
  readonly body: unknown
  /** What was thrown, where the service runs in this process. */
  readonly cause?: unknown
}

/**
 * Carries calls to wherever the service is. An answer of any status is returned; what stands in for an answer that never
 * came is thrown as a CallProblem: SERVICE_UNAVAILABLE, BAD_GATEWAY or GATEWAY_TIMEOUT. A call that its own `signal`
 * ended rejects with the signal's reason.
 */
export interface Transport {
  send(request: CallRequest): Promise<CallAnswer>
}

/** The path of a call, its parameters filled in: `/v2/users/usr_01h455vb4pex5vsknk084sn02q`. */
export function pathOf({ operation, version, params }: CallRequest): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name]!))
  // Well-known addresses are rooted at the top of a host (RFC 8615, 3): they have no version.
  return path.startsWith('/.well-known/') ? path : `/v${version}${path}`
}

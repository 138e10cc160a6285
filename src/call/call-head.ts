import { ANONYMOUS, type Caller } from '../auth/caller.ts'
import { readTrace, type Trace, writeTraceparent } from '../observe/trace.ts'
import type { Call, CallMembers, RawRequest } from './call.ts'

/**
 * A call as it goes from one process to another, all but its body: one line of JSON in ASCII, which an HTTP header and gRPC
 * metadata can hold alike. A proof is made over this line, so whatever is not in it is not proven.
 */
export interface CallHead extends CallMembers {
  /** The service that is called, with its system: `lintel/orders`. */
  readonly to: string
  /** Who has made the proof: the name of a service, or `gateway`. */
  readonly from: string
  /** Hash of the contract that is expected there; undefined for a client that expects none. */
  readonly contract?: string | undefined
  /** When, by the clock of the day. */
  readonly atMs: number
  /** SHA-256 of the body, base64url; undefined without one. */
  readonly digest?: string | undefined
  readonly requestId: string
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
  /** Undefined for nobody. */
  readonly caller?: Caller | undefined
  readonly actor?: string | undefined
  readonly address?: string | undefined
  /** Of a route; without its stream, which is the body. */
  readonly raw?: Pick<RawRequest, 'url' | 'headers'> | undefined
  /** Until its deadline; undefined where it has none. */
  readonly remainingMs?: number | undefined
}

/** The name of the gateway among those who make proofs: the one that may say which user asks. No service is called so. */
export const GATEWAY = 'gateway'

/** Names of the two headers that carry a call, and of the one that comes back with its reply. */
export const CALL_HEADER = 'lintel-call'
export const PROOF_HEADER = 'lintel-proof'
export const REPLY_HEADER = 'lintel-reply'

/** Where a call goes, who sends it, and what is expected there. */
export type Passage = Pick<CallHead, 'to' | 'from' | 'contract'>

export function writeCallHead(call: Call, { to, from, contract }: Passage, digest: string | undefined): string {
  const { context } = call
  const { caller, trace } = context
  const remainingMs = context.deadline.remainingMs()
  const head: CallHead = {
    to,
    from,
    contract,
    atMs: Date.now(),
    digest,
    operation: call.operation,
    method: call.method,
    version: call.version || 1,
    params: call.params,
    query: call.query,
    path: call.path,
    contentType: call.contentType,
    ifMatch: call.ifMatch,
    ifNoneMatch: call.ifNoneMatch,
    idempotencyKey: call.idempotencyKey,
    noCache: call.noCache || undefined,
    raw: call.raw && { url: call.raw.url, headers: call.raw.headers },
    requestId: context.requestId,
    traceparent: trace && writeTraceparent(trace),
    tracestate: trace?.state,
    caller: caller.kind === 'anonymous' ? undefined : caller,
    actor: context.actor,
    address: context.address,
    remainingMs: remainingMs === Number.POSITIVE_INFINITY ? undefined : Math.ceil(remainingMs),
  }
  return asciiJson(head)
}

export function callerOf({ caller }: Pick<CallHead, 'caller'>): Caller {
  return caller ?? ANONYMOUS
}

export function traceIn({ traceparent, tracestate }: CallHead): Trace | undefined {
  return readTrace(traceparent, tracestate)
}

const BEYOND_ASCII = /[\x7f-\uffff]/
const EACH_BEYOND_ASCII = /[\x7f-\uffff]/g

/** JSON that a header can hold. */
export function asciiJson(value: unknown): string {
  const json = JSON.stringify(value)
  if (!BEYOND_ASCII.test(json)) return json
  return json.replace(EACH_BEYOND_ASCII, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

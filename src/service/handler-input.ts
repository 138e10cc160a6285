import type { Caller } from '../auth/caller.ts'
import type { Call } from '../call/call.ts'
import type { ExpectedVersion } from '../data/rows.ts'

/** A validated and authorised request. */
export class HandlerInput<P = unknown, B = unknown, Q = unknown> {
  readonly params: P
  readonly body: B
  /** Declared query parameters: defaults are filled in, what was left out is null. */
  readonly query: Q
  readonly caller: Caller
  /** Versions that the write may meet, from `version` in the body and `If-Match`. */
  readonly expected: ExpectedVersion | undefined
  readonly requestId: string
  readonly #call: Call

  constructor(call: Call, params: P, body: B, expected?: ExpectedVersion | undefined, query?: unknown) {
    this.params = params
    this.body = body
    this.caller = call.context.caller
    this.expected = expected
    this.query = query as Q
    this.requestId = call.context.requestId
    this.#call = call
  }

  /**
   * The client's: an IPv4 address, or the /64 of an IPv6 one. Undefined if another service calls. It is looked up when it is read,
   * since few handlers need it: a copy of the whole (`{ ...input }`) lacks it.
   */
  get address(): string | undefined {
    return this.#call.context.address
  }
}

/** Of a read: what it asks for, and what Lintel would answer. */
export class ReadInput<P = unknown, Q = unknown, U = unknown> extends HandlerInput<P, undefined, Q> {
  readonly usual: U

  constructor(call: Call, params: P, query: Q, usual: U) {
    super(call, params, undefined, undefined, query)
    this.usual = usual
  }
}

import type { Caller } from '../auth/caller.ts'
import type { Call } from '../call/call.ts'
import type { Expected } from '../data/rows.ts'
import type { Asked } from './handler.ts'

/** What a handler is given of a request. Whose address it came from costs something to find out, and few ask: it is a getter. */
export class HandlerInput<P, B> implements Asked<P, B> {
  readonly params: P
  readonly body: B
  readonly caller: Caller
  readonly expected: Expected | undefined
  readonly requestId: string
  readonly #call: Call

  constructor(call: Call, params: P, body: B, expected?: Expected | undefined) {
    this.params = params
    this.body = body
    this.caller = call.context.caller
    this.expected = expected
    this.requestId = call.context.requestId
    this.#call = call
  }

  get address(): string | undefined {
    return this.#call.context.address
  }
}

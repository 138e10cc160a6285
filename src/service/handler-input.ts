import type { Caller } from '../auth/caller.ts'
import type { Expected } from '../data/rows.ts'
import type { Asked } from './handler.ts'
import type { ServiceRequest } from './request.ts'

/** What a handler is given of a request. Whose address it came from costs something to find out, and few ask: it is a getter. */
export class HandlerInput<P, B> implements Asked<P, B> {
  readonly params: P
  readonly body: B
  readonly caller: Caller
  readonly expected: Expected | undefined
  readonly requestId: string
  readonly #request: ServiceRequest

  constructor(request: ServiceRequest, params: P, body: B, expected?: Expected | undefined) {
    this.params = params
    this.body = body
    this.caller = request.caller
    this.expected = expected
    this.requestId = request.requestId
    this.#request = request
  }

  get address(): string | undefined {
    return this.#request.address
  }
}

import type { Caller } from '../auth/caller.ts'
import { Problem } from '../base/errors.ts'
import { decodeUtf8, parseJson } from '../base/json.ts'
import type { Call, RawRequest } from '../call/call.ts'

/** A request as the handler of a route sees it: as it came, but access, limits and the bounds of its body have been seen to. */
export interface RouteRequest<P = Readonly<Record<string, string>>> {
  /** `GET` for a HEAD too, whose answer goes out without its body. */
  readonly method: string
  /** What stands in the path for its parameters, decoded. */
  readonly params: P
  /** Path and query as the client wrote them: `/payment-notifications?live=1`. */
  readonly url: string
  /** Any that the client likes. */
  readonly query: URLSearchParams
  /**
   * Names in lower case; several lines of one are joined by commas. Without what belongs to the connection, what names who asks
   * (anybody could say it: `caller` and `address` are known), and the access token.
   */
  readonly headers: Readonly<Record<string, string>>
  readonly caller: Caller
  /** The client's: an IPv4 address, or the /64 of an IPv6 one. */
  readonly address: string | undefined
  readonly requestId: string
}

/** With a body that has arrived: its bytes, as a signature over them is checked. */
export interface WholeRequest<P = Readonly<Record<string, string>>> extends RouteRequest<P> {
  /** Empty where there is no body. */
  readonly bytes: Uint8Array
  /** Problem VALIDATION_ERROR where it is no UTF-8. */
  readonly text: () => string
  /** As operations read it: Problem MALFORMED_JSON, also for duplicate keys. What it means, the handler checks. */
  readonly json: () => unknown
}

/** With a body that is arriving. */
export interface StreamedRequest<P = Readonly<Record<string, string>>> extends RouteRequest<P> {
  /**
   * Its pieces, once, as fast as they are asked for; nothing where there is no body. Throws PAYLOAD_TOO_LARGE beyond `maxBytes`,
   * VALIDATION_ERROR where the body breaks off, and SERVICE_UNAVAILABLE where it was read already: a handler is run again where its
   * transaction met another.
   */
  readonly stream: AsyncIterable<Uint8Array>
}

/** Both, as the route of a request says which. */
export class ReceivedRequest implements WholeRequest, StreamedRequest {
  readonly method: string
  readonly params: Readonly<Record<string, string>>
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly caller: Caller
  readonly requestId: string
  readonly #call: Call
  readonly #raw: RawRequest
  // Handlers take them out of it: `({ bytes, json })`.
  readonly text = () => textOf(this.bytes)
  readonly json = () => parseJson(decodeUtf8(this.bytes))
  #query: URLSearchParams | undefined = undefined

  constructor(call: Call, raw: RawRequest, params: Readonly<Record<string, string>>) {
    this.method = call.method === 'HEAD' ? 'GET' : call.method
    this.params = params
    this.url = raw.url
    this.headers = raw.headers
    this.caller = call.context.caller
    this.requestId = call.context.requestId
    this.#call = call
    this.#raw = raw
  }

  get query(): URLSearchParams {
    const { url } = this
    const start = url.indexOf('?')
    this.#query ??= new URLSearchParams(start < 0 ? '' : url.slice(start))
    return this.#query
  }

  get address(): string | undefined {
    return this.#call.context.address
  }

  get bytes(): Uint8Array {
    const { body } = this.#call
    return body instanceof Uint8Array ? body : EMPTY
  }

  get stream(): AsyncIterable<Uint8Array> {
    return this.#raw.stream ?? NOTHING
  }
}

function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes)
  } catch {
    throw new Problem('VALIDATION_ERROR', 'The body is not valid UTF-8')
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const EMPTY = new Uint8Array()
const NOTHING: AsyncIterable<Uint8Array> = {
  async *[Symbol.asyncIterator]() {},
}

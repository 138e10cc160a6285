import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Reply } from '../call/call.ts'
import type { Operation } from '../contract/operation.ts'
import { essenceOf, isOneOf } from '../contract/served-route.ts'

/** What the handler of a route returns. */
export interface RouteAnswer<Status extends number = number> {
  /** One of the route's `answers`; may be left out where there is one alone. */
  readonly status?: Status
  /** A list is several lines of one name. `content-type` may be left out where the status has one media type. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /**
   * Bytes, text (UTF-8), or pieces of either, which are asked for as fast as the client reads. What yields pieces is ended when the
   * client has gone or the service stops, and cuts the connection where it throws: the status is out by then.
   */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array> | undefined
}

/** What the gateway says itself, of every answer, and what belongs to a connection (RFC 9110, 7.6.1). */
const OURS =
  /^(?:content-length|date|x-request-id|api-version|(?:x-)?ratelimit.*|access-control-.*|lintel-.*|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/

/** The reply that an answer stands for. Throws where the route declares no such answer: that is the handler's mistake, and undoes its work. */
export function replyOfRoute(operation: Operation, given: RouteAnswer | undefined): Reply {
  const answer = given ?? {}
  const { id, route } = operation
  const declared = Object.keys(route!.answers)
  const status = answer.status ?? (declared.length === 1 ? Number(declared[0]) : undefined)
  const types = status === undefined ? undefined : route!.answers[status]
  if (status === undefined || types === undefined)
    throw wrong(id, `has the status ${status}, which is none of its answers: ${declared.join(', ')}`)
  const { headers, cookies } = readHeaders(id, answer.headers ?? {})
  const { body } = answer
  if (types.length === 0) {
    if (body !== undefined) throw wrong(id, `has a body, which its status ${status} does not`)
    return { status, headers, cookies, body: undefined }
  }
  if (body === undefined) throw wrong(id, `has no body: its status ${status} has one`)
  headers['content-type'] ??= typeOf(id, types)
  if (!isOneOf(headers['content-type'], types))
    throw wrong(id, `is ${essenceOf(headers['content-type'])}, and its status ${status} is ${types.join(' or ')}`)
  if (typeof body === 'string' || body instanceof Uint8Array) return { status, headers, cookies, body }
  if (typeof body?.[Symbol.asyncIterator] !== 'function')
    throw wrong(id, 'has a body that is no string, Uint8Array or AsyncIterable')
  return { status, headers, cookies, body: undefined, stream: body }
}

/** A text is written in UTF-8. */
function typeOf(id: string, types: readonly string[]): string {
  const [only] = types
  if (types.length !== 1 || only!.includes('*')) throw wrong(id, 'has no content-type, and may have several')
  return only!.startsWith('text/') ? `${only}; charset=utf-8` : only!
}

function readHeaders(id: string, given: NonNullable<RouteAnswer['headers']>) {
  const headers: Record<string, string> = {}
  let cookies: readonly string[] | undefined
  for (const [written, value] of Object.entries(given)) {
    const name = written.toLowerCase()
    const values = typeof value === 'string' ? [value] : value
    try {
      validateHeaderName(name)
      for (const one of values) validateHeaderValue(name, one)
    } catch (cause) {
      throw wrong(id, `has a header that cannot be sent: ${(cause as Error).message}`)
    }
    if (OURS.test(name)) throw wrong(id, `has the header ${name}, which the gateway sets`)
    // Its lines cannot be joined (RFC 9110, 5.3).
    if (name === 'set-cookie') cookies = values
    else headers[name] = values.join(', ')
  }
  return { headers, cookies }
}

function wrong(id: string, what: string): Error {
  return new Error(`the answer of ${id} breaks its contract: it ${what}`)
}

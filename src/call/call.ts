import type { Caller } from '../auth/caller.ts'
import type { Reach } from '../contract/access.ts'
import type { Pairs } from '../contract/list-query.ts'
import type { RateLimitResult } from '../limits/headers.ts'
import type { Span } from '../observe/span.ts'
import type { Trace } from '../observe/trace.ts'
import type { Deadline } from '../resilience/deadline.ts'
import type { Bound } from '../resilience/watch.ts'
import type { ServiceHealth } from './health.ts'

/** A call of an operation, whatever carries it: a request at the gateway, a call within the process, or one over HTTP. */
export interface Call {
  /** Id of the operation: `orders.orders.create`. */
  readonly operation: string
  /** HTTP method of the operation; `HEAD` where the client asked for a `GET` without its body. It decides what may be repeated. */
  readonly method: string
  /** Version of the API. A service that does not have it takes its newest one. */
  readonly version: number
  /** Path parameters in the order of the operation's path, decoded, not yet checked. */
  readonly params: readonly string[]
  /** Query parameters, decoded, without `version`. */
  readonly query: Pairs
  /** Path as the caller wrote it, for links: `/api/v1/orders`. */
  readonly path: string
  /** Bytes of the body, or its JSON value where no text lies between. Undefined without a body. */
  readonly body: Uint8Array | { readonly value: unknown } | undefined
  readonly contentType: string | undefined
  /** Entity tags with their quotes, as the headers have them. */
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly idempotencyKey: string | undefined
  /** The client asks for what the database has now: `Cache-Control: no-cache` (R-P-5). Looked at where an operation is cached. */
  readonly noCache?: boolean | undefined
  /** Of a route: what only its handler looks at. */
  readonly raw?: RawRequest | undefined
  /** Set where whoever carries the call, in this process, has decided access before it read the body. Never taken from outside. */
  readonly reach?: Reach | undefined
  readonly context: Context
}

/** A request as it came. */
export interface RawRequest {
  /** Path and query as the client wrote them. */
  readonly url: string
  /** Names in lower case; those that a handler may see. */
  readonly headers: Readonly<Record<string, string>>
  /** The body, where the route reads it as it comes: once, bounded. */
  readonly stream?: AsyncIterable<Uint8Array> | undefined
}

/** What is said of a call wherever it goes, all but its body and context. */
export type CallMembers = Pick<Call, 'operation' | 'method' | 'version' | 'params' | 'query' | 'path'> &
  Partial<Pick<Call, 'contentType' | 'ifMatch' | 'ifNoneMatch' | 'idempotencyKey' | 'noCache'>>

/**
 * What goes with a request wherever it goes, in one process and in ten (R-P-7). It is passed by hand and never read from
 * AsyncLocalStorage. Members that cost something are made when they are first read: don't copy it by spreading.
 */
export interface Context {
  /** 1 to 64 characters of `A-Z a-z 0-9 . _ -`: the client's own, or `req_…`. */
  readonly requestId: string
  /** W3C Trace Context; undefined where the request has none. */
  readonly trace: Trace | undefined
  /** What is being done for it now, where that is recorded; set by whoever carries a call, for as long as it takes. */
  span?: Span | undefined
  readonly caller: Caller
  /** Key of whoever caused it, where that is not the caller: of a call by a service, or the handling of an event. */
  readonly actor?: string | undefined
  /** When the answer must be there. */
  readonly deadline: Deadline
  /** Aborts when nobody waits for the answer any more. Made when it is first read. */
  readonly signal: AbortSignal
  /** Until when the work may take; it takes as long as it takes without one. */
  readonly bound?: Bound | undefined
  /** Its lines carry the request's id. Made when it is first read. */
  readonly log: Log
  /** Tells that it waits in a queue with a bound and shares of its own: it is none of those that the in-flight limit counts. */
  setAside?(): void
  /** The client's address, as limits count clients: an IPv4 address, or the /64 of an IPv6 one. Undefined where another service calls. */
  readonly address?: string | undefined
  /** Rate-limit results so far, for the headers of the response; a handler adds its own (`unit.limit`). */
  readonly rateLimits?: RateLimitResult[] | undefined
}

/** What handlers and the library need of a logger; pino has it. */
export interface Log {
  debug(about: object, message: string): void
  info(about: object, message: string): void
  warn(about: object, message: string): void
  error(about: object, message: string): void
}

/** The answer to a call. What is refused or fails is thrown as a Problem instead. */
export interface Reply {
  readonly status: number
  /** Names in lower case; `content-type` and `content-length` are added by what carries it. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON: text where it was written, or its bytes as they came from another process; undefined for 204 and 304. */
  readonly body: string | Uint8Array | undefined
  /** Of a route: a body that is made as it is read, instead of `body`. The headers of a route name its content type. */
  readonly stream?: AsyncIterable<string | Uint8Array> | undefined
  /** Of a route: lines of `set-cookie`, the one header whose lines cannot be joined. */
  readonly cookies?: readonly string[] | undefined
}

/** A reply as a service writes it. */
export interface TextReply extends Reply {
  readonly body: string | undefined
}

/** The body as text; in a browser too. */
export function textOf({ body }: Pick<Reply, 'body'>): string | undefined {
  return body instanceof Uint8Array ? new TextDecoder().decode(body) : body
}

/**
 * Takes calls of one service: its pipeline, or what carries calls to where that is. Whoever calls does not know which.
 * Rejects with a Problem when the call is refused, or no answer comes.
 */
export type Port = (call: Call) => Promise<Reply>

/** A service of the system, wherever it runs. */
export interface ServicePort {
  readonly name: string
  readonly port: Port
  health(): Promise<ServiceHealth>
}

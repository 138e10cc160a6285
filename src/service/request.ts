import type { Caller } from '../auth/caller.ts'
import type { Pairs } from '../contract/list-query.ts'
import type { Operation } from '../contract/operation.ts'
import type { Bound } from '../data/transaction.ts'
import type { Told } from '../limits/headers.ts'

/** A request as every carrier (HTTP, an in-process call) hands it to a service's pipeline. */
export interface ServiceRequest {
  readonly operation: Operation
  /** Path parameters in the order of `operation.params`, decoded, not yet checked. */
  readonly params: readonly string[]
  /** Query parameters, decoded, without `version`. */
  readonly query: Pairs
  /** Path as the caller wrote it, for links: `/api/v1/orders`. */
  readonly path: string
  readonly version: number
  readonly caller: Caller
  /** The body's bytes, or what they mean where no text lay between. Undefined without a body. */
  readonly body: Uint8Array | { readonly value: unknown } | undefined
  readonly contentType: string | undefined
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly idempotencyKey: string | undefined
  readonly requestId: string
  /** The client's, as limits count clients: an IPv4 address, or the /64 of an IPv6 one. Undefined where another service asks. */
  readonly address?: string | undefined
  /** What its buckets said, for the answer's headers; a handler's own are added (`unit.limit`). */
  readonly told?: Told[] | undefined
  /** Aborts when the caller is gone or the deadline has passed. */
  readonly signal: AbortSignal | undefined
  /** Until when it may take; without it, as long as it takes. */
  readonly bound?: Bound | undefined
}

/** What a service answers. Problems are thrown. */
export interface Answer {
  readonly status: number
  /** Names in lower case; `content-type` and `content-length` are the carrier's. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON text; undefined for 204 and 304. */
  readonly body: string | undefined
}

/** Anything that answers a service's requests: the service in this process, or one far away. */
export interface Upstream {
  readonly name: string
  handle(request: ServiceRequest): Promise<Answer>
  health(): Promise<ServiceHealth>
}

export interface ServiceHealth {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  readonly checks: Readonly<Record<string, HealthCheck>>
}

/** One thing that a service needs. Further figures, such as a queue's lag, are the check's own. */
export interface HealthCheck {
  readonly status: 'up' | 'down'
  /** Milliseconds. */
  readonly latency?: number
  readonly message?: string
  /** Of an upstream that is somewhere else: whether requests are let through to it. */
  readonly breaker?: 'closed' | 'open' | 'half-open'
  readonly [figure: string]: string | number | undefined
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Caller } from '../auth/caller.ts'
import type { ServiceHealth } from '../call/health.ts'
import type { Operation } from '../contract/operation.ts'
import type { Trace } from '../observe/trace.ts'
import type { BreakerState } from '../resilience/circuit-breaker.ts'
import type { Target } from './path.ts'

/** What a service in another process has to know of a request: an Exchange, as it has come by then. */
export interface ForwardedRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
  readonly caller: Caller
  readonly target: Target
  /** As the caller wrote it. */
  readonly path: string
  readonly route: { readonly operation: Operation } | undefined
  readonly idempotencyKey: string | undefined
  /** The trace that the request belongs to, which its line in the log names. */
  readonly trace: Trace
  /** Its client waits for less time than it could have had: that it is late then says nothing of who was to answer. */
  readonly hurried: boolean
  /** Returns for how long it may take: so long, or less if its client waits no longer (`hurried` then). */
  limitTime(timeoutMs: number): number
}

/** Names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/** The body of an upstream's response, while it is still arriving. It must be read to the end or dropped; otherwise its connection leaks. */
export interface AnswerBody {
  /** All of a body that is known to be small: at once, where it came with the head. Rejects when the body breaks off. */
  whole(): Uint8Array | Promise<Uint8Array>
  /** As it arrives, and as fast as it is read. */
  stream(): Readable
  drop(): void
  /** Registers what to call when nothing more of the body will come; at once, if that is so already. */
  whenOver(call: () => void): void
}

/** An upstream's response, on its way to the caller. */
export interface Forwarded {
  readonly status: number
  /** As they came, without those that Connection names; `pushAnswerHead` decides which of them are passed on. */
  readonly headers: AnswerHeaders
  readonly body: AnswerBody
}

export interface ReplicaState {
  readonly url: string
  readonly breaker: BreakerState['kind']
  /** Requests under way. */
  readonly pending: number
}

/** A service in another process. It is given the request itself, so that bodies pass through without being held (R-GW-3). */
export interface RemoteUpstream {
  readonly name: string
  /**
   * Rejects with SERVICE_UNAVAILABLE when the upstream is down, within milliseconds after the first time; with GATEWAY_TIMEOUT
   * when it is slow, BAD_GATEWAY when its response is invalid, PAYLOAD_TOO_LARGE when the request's body is over the bound.
   * `received` is called when all of the request is here: of a small one before anything is sent, and what it throws is what `forward`
   * rejects with; of one that is streamed (`sent`) when its last byte has come, which may be after the answer. Of those at most half
   * of a replica's connections are used at once; beyond it: SERVICE_UNAVAILABLE.
   */
  forward(exchange: ForwardedRequest, received: (sent: boolean) => void): Promise<Forwarded>
  health(): Promise<ServiceHealth>
  /** How each replica is doing, as far as requests have shown. */
  replicas(): readonly ReplicaState[]
  /** Cuts what is under way. */
  close(): Promise<void>
}

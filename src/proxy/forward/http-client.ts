import type { Readable } from 'node:stream'
import { sharedError } from '../../base/errors.ts'
import type { AnswerHeaders } from '../../gateway/remote.ts'
import { type Dispatcher, openPool, type PoolOptions } from '../../http/pool.ts'
import type { WatchedDeadline } from '../../resilience/watched-deadline.ts'
import { AnswerBody } from './answer-body.ts'
import { correctStatuses } from './interim-responses.ts'

/** A request as it goes to a replica. */
export interface Sent {
  readonly method: string
  /** With the query, as it stands in the request line. */
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: Readable | Uint8Array | undefined
  /** Of the answer's head. */
  readonly deadline: WatchedDeadline
}

/** What came of sending it once. */
export type Attempt =
  /** `body` must be read to the end or dropped; otherwise the connection leaks. */
  | { readonly kind: 'answered'; readonly status: number; readonly headers: AnswerHeaders; readonly body: AnswerBody }
  /** There was no connection: nothing was sent. */
  | { readonly kind: 'unreached'; readonly cause: unknown }
  /** The connection ended before the answer began. */
  | { readonly kind: 'reset'; readonly cause: unknown }
  /** The deadline is over: there is no time left, or nobody to answer. */
  | { readonly kind: 'late'; readonly cause: unknown }
  /** What came is not HTTP. */
  | { readonly kind: 'garbled'; readonly cause: unknown }

export interface HttpClient {
  /** Never rejects. */
  send(sent: Sent): Promise<Attempt>
  /** Cuts what is under way. */
  close(): Promise<void>
}

/** Connections to one origin, kept open between requests. The driver is loaded with the first of them. */
export async function createHttpClient(origin: string, options: PoolOptions): Promise<HttpClient> {
  const pool = await openPool(origin, options)
  correctStatuses(pool)
  return {
    send: ({ method, path, headers, body, deadline }) =>
      new Promise((resolve) => {
        const to = { method: method as Dispatcher.HttpMethod, path, headers, body: body ?? null }
        pool.dispatch(to, new AttemptHandler(deadline, resolve))
      }),
    close: () => pool.destroy(),
  }
}

/**
 * Hears of one attempt. Not `pool.request`: its stream, its signal and both forms of each header cost more than the rest of a
 * small answer.
 */
class AttemptHandler implements Dispatcher.DispatchHandler {
  #deadline: WatchedDeadline
  #resolve: (attempt: Attempt) => void
  #settled = false
  #controller: Dispatcher.DispatchController | undefined = undefined
  #body: AnswerBody | undefined = undefined
  #interim = 0

  constructor(deadline: WatchedDeadline, resolve: (attempt: Attempt) => void) {
    this.#deadline = deadline
    this.#resolve = resolve
    deadline.onOver(() => {
      const cause = deadline.passed ? LATE : LEFT
      this.#settle({ kind: 'late', cause })
      this.#controller?.abort(cause)
    })
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It waited for a connection for too long.
    if (this.#settled) controller.abort(LATE)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: AnswerHeaders): void {
    if (status < 200) {
      if (++this.#interim > MAX_INTERIM) this.#giveUp(controller, ENDLESS)
      return
    }
    // Of several codings only `chunked` was taken off; what is left is no body that the caller could read.
    const coding = headers['transfer-encoding']
    if (coding !== undefined && coding !== 'chunked' && !/^(?:chunked|identity)$/i.test(String(coding))) {
      this.#giveUp(controller, CODED)
      return
    }
    const body = new AnswerBody(controller)
    this.#body = body
    this.#settle({ kind: 'answered', status, headers, body })
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body!.take(chunk)
  }

  onResponseEnd(): void {
    this.#body!.end()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.#body !== undefined) this.#body.fail(error)
    else if (!this.#settled) this.#settle({ kind: kindOf(error), cause: error })
  }

  #giveUp(controller: Dispatcher.DispatchController, cause: Error): void {
    this.#settle({ kind: 'garbled', cause })
    controller.abort(cause)
  }

  #settle(attempt: Attempt): void {
    this.#settled = true
    this.#deadline.onOver(undefined)
    this.#resolve(attempt)
  }
}

/** Of one request: there is no end to what is skipped otherwise. */
const MAX_INTERIM = 100

const ENDLESS = sharedError(`more than ${MAX_INTERIM} interim responses`)
const CODED = sharedError('a Transfer-Encoding other than chunked')
const LATE = sharedError('the upstream did not answer in time')
const LEFT = sharedError('the client has gone')

function kindOf(cause: unknown): 'unreached' | 'reset' | 'garbled' {
  const { code = '', name, syscall } = cause as { code?: string; name?: string; syscall?: string }
  if (UNREACHED.has(code) || syscall === 'connect' || /CERT|TLS|SSL/.test(code)) return 'unreached'
  if (name === 'HTTPParserError' || GARBLED.has(code)) return 'garbled'
  return 'reset'
}

const UNREACHED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])
const GARBLED = new Set(['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_INVALID_ARG'])

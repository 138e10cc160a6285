import type { Dispatcher, Pool } from '../http/pool.ts'
import { type Answered, Awaited, ENDED, type Failed, MAX_ANSWER_BYTES, TOO_LARGE, type Waiting } from './awaited.ts'

export interface Sent extends Waiting {
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: Uint8Array | string | undefined
}

/** Sends a POST once, and reads the answer whole. Never rejects. */
export function send(pool: Pool, { path, headers, body, ...waiting }: Sent): Promise<Answered | Failed> {
  return new Promise((resolve) => {
    const sending = new Sending(resolve, waiting)
    pool.dispatch({ method: 'POST', path, headers, body: body ?? null }, sending)
  })
}

/** Not `pool.request`: its stream and its signal cost more than the rest of a small answer. */
export class Sending extends Awaited implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined = undefined
  #status = 0
  #headers: Answered['headers'] = {}
  #first: Buffer | undefined = undefined
  #more: Buffer[] | undefined = undefined
  #size = 0

  /** By the connection's end. */
  protected cancel(): void {
    this.#controller?.abort(ENDED)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It waited for a connection for too long.
    if (this.settled) controller.abort(ENDED)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Answered['headers']): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > MAX_ANSWER_BYTES) {
      this.settle({ kind: 'lost', cause: TOO_LARGE })
      controller.abort(TOO_LARGE)
    } else if (this.#first === undefined) this.#first = chunk
    else {
      this.#more ??= [this.#first]
      this.#more.push(chunk)
    }
  }

  onResponseEnd(): void {
    const body = this.#more === undefined ? this.#first : Buffer.concat(this.#more)
    this.settle({ kind: 'answered', status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_: Dispatcher.DispatchController, cause: Error): void {
    this.settle({ kind: isUnsent(cause) ? 'unsent' : 'lost', cause })
  }
}

/** There was no connection: nothing was sent. */
function isUnsent(cause: unknown): boolean {
  const { code = '', syscall } = cause as { code?: string; syscall?: string }
  return UNSENT.has(code) || syscall === 'connect' || /CERT|TLS|SSL|^UNABLE_TO_/.test(code)
}

const UNSENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
])

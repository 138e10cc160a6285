import { Readable } from 'node:stream'
import { REPLY_HEADER } from '../call/call-head.ts'
import { readReplyHead } from '../call/reply-head.ts'
import type { Dispatcher, Pool } from '../http/pool.ts'
import { type Answered, Awaited, ENDED, type Failed, MAX_ANSWER_BYTES, TOO_LARGE, type Waiting } from './awaited.ts'
import { isUnsent } from './http-call.ts'

export interface SentRoute extends Waiting {
  readonly path: string
  /** Names and values in turn. */
  readonly headers: string[]
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined
}

/**
 * Sends the call of a route once: as a request of its own, since its body may stream, and its answer. It is settled with the head of an
 * answer that streams, and with the whole of any other. Never rejects.
 */
export function sendRoute(pool: Pool, { path, headers, body, ...waiting }: SentRoute): Promise<Answered | Failed> {
  const sent = body === undefined || body instanceof Uint8Array ? body : Readable.from(body, { objectMode: false })
  return new Promise((resolve) => {
    const sending = new RouteSending(resolve, waiting)
    // How long nothing may come, whoever sends it on decides: events may be long in coming.
    pool.dispatch({ method: 'POST', path, headers, body: sent ?? null, bodyTimeout: 0 }, sending)
  })
}

class RouteSending extends Awaited implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined = undefined
  #status = 0
  #headers: Answered['headers'] = {}
  #stream: Readable | undefined = undefined
  #parts: Buffer[] = []
  #size = 0

  protected cancel(): void {
    this.#controller?.abort(ENDED)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.settled) controller.abort(ENDED)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: Answered['headers']): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    if (readReplyHead(headers[REPLY_HEADER])?.streams !== true) return
    const stream = new Readable({
      read: () => controller.resume(),
      destroy(error, done) {
        // Whoever read it has had enough.
        if (!stream.readableEnded) controller.abort(ENDED)
        done(error)
      },
    })
    // Where it broke off after its reader had left, there is nobody to hear of it.
    stream.on('error', () => {})
    this.#stream = stream
    this.settle({ kind: 'answered', status, headers, body: undefined, stream })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream !== undefined) {
      if (!this.#stream.push(chunk)) controller.pause()
      return
    }
    this.#size += chunk.length
    this.#parts.push(chunk)
    if (this.#size <= MAX_ANSWER_BYTES) return
    this.settle({ kind: 'lost', cause: TOO_LARGE })
    controller.abort(TOO_LARGE)
  }

  onResponseEnd(): void {
    if (this.#stream !== undefined) this.#stream.push(null)
    else {
      const body = this.#size === 0 ? undefined : Buffer.concat(this.#parts)
      this.settle({ kind: 'answered', status: this.#status, headers: this.#headers, body })
    }
  }

  onResponseError(_: Dispatcher.DispatchController, cause: Error): void {
    if (this.#stream !== undefined) this.#stream.destroy(cause)
    else this.settle({ kind: isUnsent(cause) ? 'unsent' : 'lost', cause })
  }
}

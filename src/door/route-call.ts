import { Readable } from 'node:stream'
import { REPLY_HEADER } from '../call/call-head.ts'
import { readReplyHead } from '../call/reply-head.ts'
import type { Dispatcher, Pool } from '../http/pool.ts'
import { type Answered, ENDED, type Failed, type Waiting } from './awaited.ts'
import { Sending } from './http-call.ts'

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

class RouteSending extends Sending {
  #stream: Readable | undefined = undefined

  override onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Answered['headers'],
  ): void {
    super.onResponseStart(controller, status, headers)
    if (status < 200 || readReplyHead(headers[REPLY_HEADER])?.streams !== true) return
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

  override onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream === undefined) super.onResponseData(controller, chunk)
    else if (!this.#stream.push(chunk)) controller.pause()
  }

  override onResponseEnd(): void {
    if (this.#stream === undefined) super.onResponseEnd()
    else this.#stream.push(null)
  }

  override onResponseError(controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#stream === undefined) super.onResponseError(controller, cause)
    else this.#stream.destroy(cause)
  }
}

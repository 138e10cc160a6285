import { Readable } from 'node:stream'
import type { AnswerBody as Body } from '../../gateway/remote.ts'

/** The connection that it comes by. */
interface Flow {
  pause(): void
  resume(): void
  abort(reason: Error): void
}

/** So much is held for whoever asks for it later. */
const HELD_BYTES = 64 * 1024

/**
 * An answer's body on its way. What comes before it is asked for is held, up to a bound; then the upstream waits. The driver
 * tells it by `take`, `end` and `fail`.
 */
export class AnswerBody implements Body {
  #flow: Flow
  #state: 'coming' | 'ended' | Error = 'coming'
  #held: Buffer[] = []
  #size = 0
  #reader: Readable | undefined = undefined
  #whole: { resolve: (whole: Uint8Array) => void; reject: (error: Error) => void } | undefined = undefined
  #calls: (() => void)[] = []

  constructor(flow: Flow) {
    this.#flow = flow
  }

  /** All of one that is known to be small: at once, where it came with the head. Rejects when it breaks off. */
  whole(): Uint8Array | Promise<Uint8Array> {
    const state = this.#state
    if (state === 'ended') return joined(this.#held)
    if (state !== 'coming') return Promise.reject(state)
    return new Promise((resolve, reject) => {
      this.#whole = { resolve, reject }
    })
  }

  /** As it comes, and as fast as it is read; to be read to its end, or destroyed. */
  stream(): Readable {
    const reader = new Readable({
      read: () => this.#flow.resume(),
      destroy: (error, done) => {
        // The driver says so to `fail`, which finds nothing left to destroy.
        if (this.#state === 'coming') this.#flow.abort(error ?? new Error('nobody reads it any more'))
        done(error)
      },
    })
    // Between now and whoever reads it, it may break with nobody listening.
    reader.on('error', () => {})
    this.#reader = reader
    for (const chunk of this.#held) reader.push(chunk)
    this.#held = []
    if (this.#state === 'ended') reader.push(null)
    else if (this.#state !== 'coming') reader.destroy(this.#state)
    return reader
  }

  /** Nobody wants it: the upstream is told. Whoever has the stream destroys that instead. */
  drop(): void {
    if (this.#state === 'coming' && this.#reader === undefined)
      this.#flow.abort(new Error('nobody waits for it any more'))
  }

  /** Calls when all has come, or nothing more will. */
  whenOver(call: () => void): void {
    if (this.#state === 'coming') this.#calls.push(call)
    else call()
  }

  take(chunk: Buffer): void {
    if (this.#reader !== undefined) {
      if (!this.#reader.push(chunk)) this.#flow.pause()
      return
    }
    this.#held.push(chunk)
    this.#size += chunk.length
    if (this.#size >= HELD_BYTES) this.#flow.pause()
  }

  end(): void {
    this.#settle('ended')
    this.#whole?.resolve(joined(this.#held))
    this.#reader?.push(null)
  }

  fail(error: Error): void {
    this.#settle(error)
    this.#whole?.reject(error)
    this.#reader?.destroy(error)
  }

  #settle(as: 'ended' | Error): void {
    this.#state = as
    for (const call of this.#calls) call()
  }
}

function joined(chunks: Buffer[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

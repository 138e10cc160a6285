import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'

/** An answer's body. What comes before it is asked for is held, up to a bound; then the upstream waits. */
export interface AnswerBody {
  /** All of one that is known to be small: at once, where it came with the head. Rejects when it breaks off. */
  whole(): Uint8Array | Promise<Uint8Array>
  /** As it comes, and as fast as it is read; to be read to its end, or destroyed. */
  stream(): Readable
  /** Nobody wants it: the upstream is told. Whoever has the stream destroys that instead. */
  drop(): void
  /** Calls when all has come, or nothing more will. */
  whenOver(done: () => void): void
}

/** The other side of it: what the driver says. */
export interface ArrivingBody extends AnswerBody {
  take(chunk: Buffer): void
  end(): void
  fail(error: Error): void
}

/** So much is held for whoever asks for it later. */
const HELD_BYTES = 64 * 1024

export function createAnswerBody(controller: Dispatcher.DispatchController): ArrivingBody {
  let held: Buffer[] = []
  let size = 0
  let state: 'coming' | 'ended' | Error = 'coming'
  let reader: Readable | undefined
  let waiting: { resolve: (whole: Uint8Array) => void; reject: (error: Error) => void } | undefined
  const done: (() => void)[] = []

  function settle(as: 'ended' | Error): void {
    state = as
    for (const one of done) one()
  }

  function joined(): Uint8Array {
    return held.length === 1 ? held[0]! : Buffer.concat(held)
  }

  return {
    whole() {
      if (state === 'ended') return joined()
      if (state !== 'coming') return Promise.reject(state)
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
      })
    },
    stream() {
      reader = new Readable({
        read: () => controller.resume(),
        destroy(error, done) {
          // The driver says so to `fail`, which has nothing left to destroy.
          if (state === 'coming') controller.abort(error ?? new Error('nobody reads it any more'))
          done(error)
        },
      })
      // Between now and whoever reads it, it may break with nobody listening.
      reader.on('error', () => {})
      for (const chunk of held) reader.push(chunk)
      held = []
      if (state === 'ended') reader.push(null)
      else if (state !== 'coming') reader.destroy(state)
      return reader
    },
    drop() {
      if (state === 'coming' && reader === undefined) controller.abort(new Error('nobody waits for it any more'))
    },
    whenOver(call) {
      if (state === 'coming') done.push(call)
      else call()
    },
    take(chunk) {
      if (reader !== undefined) {
        if (!reader.push(chunk)) controller.pause()
        return
      }
      held.push(chunk)
      size += chunk.length
      if (size >= HELD_BYTES) controller.pause()
    },
    end() {
      settle('ended')
      waiting?.resolve(joined())
      reader?.push(null)
    },
    fail(error) {
      settle(error)
      waiting?.reject(error)
      reader?.destroy(error)
    },
  }
}

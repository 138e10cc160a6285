import type { Readable } from 'node:stream'
import { sharedError } from '../base/errors.ts'
import type { Bound, UnderWay } from '../resilience/watch.ts'
import { watch } from '../resilience/watch.ts'

/** What came back of a call that was sent once. */
export interface Answered {
  readonly kind: 'answered'
  readonly status: number
  /** Of the answer, by their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array | undefined
  /** Of a route: the body, where that is made as it is read. */
  readonly stream?: Readable | undefined
}

/** `unsent`: there was no connection. `lost`: what became of it is not known. */
export interface Failed {
  readonly kind: 'unsent' | 'lost'
  readonly cause: unknown
}

/** Who waits for an answer, and how long. */
export interface Waiting {
  /** Ends the wait for it, where whoever asks is watched already. */
  readonly bound: Bound | undefined
  /** The same, where it is not. */
  readonly signal: AbortSignal | undefined
}

/** Why a call was given up: its deadline has passed, or its caller is gone. */
export const ENDED = sharedError('its caller no longer waits for it')

/** An answer is held whole: beyond it the call is given up. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024
export const TOO_LARGE = sharedError(`the answer is larger than ${MAX_ANSWER_BYTES} bytes`)

/** A call that was sent, whatever carries it: settled once, by its answer, a failure, or the end of the wait. */
export abstract class Awaited implements UnderWay {
  watchedAt = -1
  #settled = false
  readonly #resolve: (outcome: Answered | Failed) => void
  readonly #bound: Bound | undefined
  readonly #signal: AbortSignal | undefined
  readonly #abort: (() => void) | undefined

  constructor(resolve: (outcome: Answered | Failed) => void, { bound, signal }: Waiting) {
    this.#resolve = resolve
    this.#bound = bound
    if (bound !== undefined) watch.add(this)
    else if (signal !== undefined) {
      this.#signal = signal
      this.#abort = () => this.end()
      signal.addEventListener('abort', this.#abort, { once: true })
    }
  }

  /** Tells the other side that nobody waits any more. */
  protected abstract cancel(): void

  get isOver(): boolean {
    return this.#bound!.isOver
  }

  get settled(): boolean {
    return this.#settled
  }

  end(): void {
    this.settle({ kind: 'lost', cause: ENDED })
    this.cancel()
  }

  settle(outcome: Answered | Failed): void {
    if (this.#settled) return
    this.#settled = true
    if (this.#bound !== undefined) watch.delete(this)
    else this.#signal?.removeEventListener('abort', this.#abort!)
    this.#resolve(outcome)
  }
}

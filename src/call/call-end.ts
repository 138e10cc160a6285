import { type Bound, type UnderWay, watch } from '../resilience/watch.ts'
import type { Context } from './call.ts'
import { endingSignal, isOver } from './context.ts'

/**
 * When a call is over: at its deadline, or with the work that it is part of. A signal is made for the first who reads it, and that of the
 * work is listened to only where the watch does not look after the work: two signals and a listener would cost a call 5 µs.
 */
export class CallEnd implements Bound, UnderWay {
  committing = false
  watchedAt = -1
  readonly #work: Context
  #isOver = false
  #reason: unknown = undefined
  #abort: AbortController | undefined = undefined
  #reject: ((reason: unknown) => void) | undefined = undefined

  constructor(work: Context) {
    this.#work = work
  }

  get isOver(): boolean {
    return this.#isOver || isOver(this.#work)
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#isOver) this.#abort.abort(this.#reason)
    }
    return this.#abort.signal
  }

  /** Waits for the answer until then, whether whoever is called heeds it or not. Rejects with `late()`, or with why the work has ended. */
  async wait<T>(limitMs: number, late: () => Error, answer: () => Promise<T>): Promise<T> {
    const signal = endingSignal(this.#work) ?? (isOver(this.#work) ? this.#work.signal : undefined)
    signal?.throwIfAborted()
    const ended = () => this.#stop(signal!.reason)
    if (signal === undefined) watch.add(this)
    else signal.addEventListener('abort', ended, { once: true })
    const timer = setTimeout(() => this.#stop(late()), limitMs)
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#reject = reject
        answer().then(resolve, reject)
      })
    } finally {
      clearTimeout(timer)
      watch.delete(this)
      signal?.removeEventListener('abort', ended)
    }
  }

  /** The work is over. The watch may come to it after its calls; then it says why when it does. */
  end(): void {
    const { signal } = this.#work
    const ended = () => this.#stop(signal.reason)
    if (signal.aborted) ended()
    else signal.addEventListener('abort', ended, { once: true })
  }

  #stop(reason: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason = reason
    this.#reject?.(reason)
    this.#abort?.abort(reason)
  }
}

import { Deadline } from '../resilience/deadline.ts'
import { type UnderWay, watch } from '../resilience/watch.ts'

/** How long a handler may take. */
export interface Time {
  readonly deadline: Deadline
  /** Aborts when the deadline has passed, and when the service stops and waits no longer. */
  readonly signal: AbortSignal
}

/** A signal and a timer for each event would cost as much as its statements. */
export class HandlerTime implements Time, UnderWay {
  watchedAt = -1
  readonly deadline: Deadline
  /** Rejects when it is over. */
  readonly over: Promise<never>
  readonly #limitMs: number
  readonly #cut: AbortSignal
  #controller: AbortController | undefined = undefined
  #reject!: (reason: unknown) => void

  constructor(limitMs: number, cut: AbortSignal) {
    this.deadline = Deadline.after(limitMs)
    this.#limitMs = limitMs
    this.#cut = cut
    this.over = new Promise<never>((_, reject) => {
      this.#reject = reject
    })
    watch.add(this)
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.isOver) this.#controller.abort(this.#reason())
    }
    return this.#controller.signal
  }

  get isOver(): boolean {
    return this.#cut.aborted || this.deadline.remainingMs() === 0
  }

  throwIfOver(): void {
    if (this.isOver) throw this.#reason()
  }

  end(): void {
    const reason = this.#reason()
    this.#controller?.abort(reason)
    this.#reject(reason)
  }

  clear(): void {
    watch.delete(this)
  }

  #reason(): unknown {
    return this.#cut.aborted ? this.#cut.reason : new Error(`the handler took longer than ${this.#limitMs} ms`)
  }
}

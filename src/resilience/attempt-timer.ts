/**
 * The time that is left for something that may take several attempts. No signal, which costs 3 µs with its listeners; a class,
 * since one is made for each request.
 */
export class AttemptTimer {
  /** Nothing is to be waited for any more: the time has passed, or it was given up. */
  over = false
  /** The time has passed, which is another thing than a caller who is gone. */
  passed = false
  #limitMs: number
  #untilMs: number
  #timer: ReturnType<typeof setTimeout>
  #back: (() => void) | undefined = undefined

  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.#untilMs = performance.now() + limitMs
    this.#timer = setTimeout(expire, limitMs, this)
  }

  remainingMs(): number {
    return Math.max(0, this.#untilMs - performance.now())
  }

  /** Begins anew: the time of somebody else's making, such as a slow sender's, is not to count. */
  restart(): void {
    if (this.over) return
    this.#untilMs = performance.now() + this.#limitMs
    this.#timer.refresh()
  }

  giveUp(): void {
    clearTimeout(this.#timer)
    if (this.over) return
    this.over = true
    this.#back?.()
  }

  /** Nothing is waited for any more; it is not over by that. */
  end(): void {
    clearTimeout(this.#timer)
  }

  /** Whom it tells when it is over, one at a time: at once, if it is so already. */
  call(back: (() => void) | undefined): void {
    this.#back = back
    if (this.over) back?.()
  }

  /** Rests for so long, or until it is over. */
  rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(rested)
        this.#back = undefined
        resolve()
      }
      const rested = setTimeout(done, ms)
      this.call(done)
    })
  }
}

function expire(timer: AttemptTimer): void {
  timer.passed = true
  timer.giveUp()
}

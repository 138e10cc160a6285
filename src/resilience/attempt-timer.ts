/**
 * The time that is left for something that may take several attempts. No signal, which costs 3 µs with its listeners; a class,
 * since one is made for each request.
 */
export class AttemptTimer {
  /** The time has passed, or the attempt was given up. */
  over = false
  /** The time has passed; false if the attempt was given up because its caller has gone. */
  passed = false
  #limitMs: number
  #untilMs: number
  #timer: ReturnType<typeof setTimeout>
  #callback: (() => void) | undefined = undefined

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
    this.#callback?.()
  }

  /** Stops the timer without marking the attempt as over. */
  clear(): void {
    clearTimeout(this.#timer)
  }

  /** Registers the callback to run when the time passes or is given up; replaces the previous one; runs at once if already over. */
  onOver(callback: (() => void) | undefined): void {
    this.#callback = callback
    if (this.over) callback?.()
  }

  /** Rests for so long, or until it is over. */
  rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(rested)
        this.#callback = undefined
        resolve()
      }
      const rested = setTimeout(done, ms)
      this.onOver(done)
    })
  }
}

function expire(timer: AttemptTimer): void {
  timer.passed = true
  timer.giveUp()
}

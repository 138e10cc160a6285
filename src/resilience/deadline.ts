/**
 * Does work that must be over in time. When the deadline has passed, or `signal` aborts, the wait ends at once, whether the
 * work heeds its own signal or not, and rejects with `late()`, or with the signal's reason.
 *
 * Not AbortSignal.any: on Node 20 each call leaves a weak reference in a long-lived source signal.
 */
export async function within<T>(
  limitMs: number,
  late: () => Error,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let abort: (() => void) | undefined
  const stopped = new Promise<never>((_, reject) => {
    const stop = (reason: unknown) => {
      reject(reason)
      controller.abort(reason)
    }
    timer = setTimeout(() => stop(late()), limitMs)
    abort = () => stop(signal!.reason)
    signal?.addEventListener('abort', abort, { once: true })
  })
  try {
    return await Promise.race([work(controller.signal), stopped])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort!)
  }
}

/** Rests; rejects with the signal's reason when it aborts first. */
export function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal.addEventListener('abort', abort, { once: true })
  })
}

/**
 * The time that is left for something that may take several attempts. No signal, which costs 3 µs with its listeners; a class,
 * since one is made for each request.
 */
export class Deadline {
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

function expire(deadline: Deadline): void {
  deadline.passed = true
  deadline.giveUp()
}

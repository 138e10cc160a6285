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

/** The time that is left for something that may take several attempts. No signal: with its listeners it costs 3 µs. */
export interface Deadline {
  /** Nothing is to be waited for any more: the time has passed, or it was given up. */
  readonly over: boolean
  /** The time has passed, which is another thing than a caller who is gone. */
  readonly passed: boolean
  remainingMs(): number
  /** Begins anew: the time of somebody else's making, such as a slow sender's, is not to count. */
  restart(): void
  giveUp(): void
  /** Nothing is waited for any more; it is not over by that, and won't be. */
  end(): void
  /** Whom it tells when it is over, one at a time: at once, if it is so already. */
  call(back: (() => void) | undefined): void
  /** Rests for so long, or until it is over. */
  rest(ms: number): Promise<void>
}

export function createDeadline(limitMs: number): Deadline {
  let untilMs = performance.now() + limitMs
  let over = false
  let passed = false
  let back: (() => void) | undefined
  let timer = setTimeout(expire, limitMs)

  function expire(): void {
    passed = true
    become()
  }

  function become(): void {
    over = true
    back?.()
  }

  function call(next: (() => void) | undefined): void {
    back = next
    if (over) next?.()
  }

  return {
    get over() {
      return over
    },
    get passed() {
      return passed
    },
    remainingMs: () => Math.max(0, untilMs - performance.now()),
    restart() {
      if (over) return
      clearTimeout(timer)
      untilMs = performance.now() + limitMs
      timer = setTimeout(expire, limitMs)
    },
    giveUp() {
      clearTimeout(timer)
      if (!over) become()
    },
    end: () => clearTimeout(timer),
    call,
    rest: (ms) =>
      new Promise((resolve) => {
        const rested = setTimeout(done, ms)
        function done() {
          clearTimeout(rested)
          back = undefined
          resolve()
        }
        call(done)
      }),
  }
}

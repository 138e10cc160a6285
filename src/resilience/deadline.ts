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

/** The time that is left for something that may take several attempts. */
export interface Deadline {
  /** Aborts when the time is over, or with the signal that it was made with. */
  readonly signal: AbortSignal
  /** The time is over, which is another thing than a caller who is gone. */
  readonly passed: boolean
  remainingMs(): number
  /** Begins anew: the time of somebody else's making, such as a slow sender's, is not to count. */
  restart(): void
  /** Nothing is waited for any more; the signal stays as it is. */
  end(): void
}

export function createDeadline(limitMs: number, parent?: AbortSignal): Deadline {
  const controller = new AbortController()
  let untilMs = performance.now() + limitMs
  let passed = false
  let timer = setTimeout(expire, limitMs)
  function expire() {
    passed = true
    controller.abort(new Error(`not done within ${limitMs} ms`))
  }
  const abort = () => controller.abort(parent!.reason)
  if (parent?.aborted) abort()
  else parent?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    get passed() {
      return passed
    },
    remainingMs: () => Math.max(0, untilMs - performance.now()),
    restart() {
      if (passed) return
      clearTimeout(timer)
      untilMs = performance.now() + limitMs
      timer = setTimeout(expire, limitMs)
    },
    end() {
      clearTimeout(timer)
      parent?.removeEventListener('abort', abort)
    },
  }
}

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

/**
 * Does work with a signal that aborts when either of two does, and that neither of them knows of any more when it is done: one
 * of them may live as long as the process (FC-75).
 */
export async function either<T>(a: AbortSignal, b: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const abort = () => controller.abort(a.aborted ? a.reason : b.reason)
  if (a.aborted || b.aborted) abort()
  a.addEventListener('abort', abort, { once: true })
  b.addEventListener('abort', abort, { once: true })
  try {
    return await work(controller.signal)
  } finally {
    a.removeEventListener('abort', abort)
    b.removeEventListener('abort', abort)
  }
}

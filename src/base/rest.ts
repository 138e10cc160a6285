/** A rest that ends by itself, by a signal where it is given one, or when somebody ends it. */
export interface Rest {
  /** One rest at a time. Resolves, however it ends. */
  take(ms: number, signal?: AbortSignal): Promise<void>
  /** Ends the rest under way, if there is one. */
  end(): void
}

export function createRest(): Rest {
  let end: (() => void) | undefined
  return {
    take(ms, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted) return resolve()
        const timer = setTimeout(done, ms)
        signal?.addEventListener('abort', done, { once: true })
        end = done
        function done() {
          clearTimeout(timer)
          signal?.removeEventListener('abort', done)
          end = undefined
          resolve()
        }
      })
    },
    end: () => end?.(),
  }
}

/** Rests; rejects with the signal's reason when it aborts first. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await createRest().take(ms, signal)
  signal.throwIfAborted()
}

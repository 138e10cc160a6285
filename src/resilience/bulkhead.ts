import { Problem } from '../base/errors.ts'

/** Lets a bounded number of works run at once and a bounded number wait, first come first served. */
export interface Bulkhead {
  /** Rejects with SERVICE_UNAVAILABLE when as many wait as may, and with the signal's reason when it aborts the wait. */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>
  load(): BulkheadLoad
}

export interface BulkheadLoad {
  readonly running: number
  readonly waiting: number
}

export function createBulkhead({ parallel, waiting }: { parallel: number; waiting: number }): Bulkhead {
  const queue: (() => void)[] = []
  let running = 0

  return {
    async run(work, signal) {
      signal?.throwIfAborted()
      if (running < parallel) running += 1
      else if (queue.length < waiting) await turn(queue, signal)
      else throw new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: 1 })
      try {
        return await work()
      } finally {
        // The place is handed over, not freed: `running` dips at no moment, so nobody slips in before those who wait.
        const next = queue.shift()
        if (next === undefined) running -= 1
        else next()
      }
    },
    load: () => ({ running, waiting: queue.length }),
  }
}

function turn(queue: (() => void)[], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      queue.splice(queue.indexOf(enter), 1)
      reject(signal?.reason)
    }
    const enter = () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }
    queue.push(enter)
    signal?.addEventListener('abort', abort, { once: true })
  })
}

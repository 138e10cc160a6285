import { Problem } from '../base/errors.ts'
import type { Deadline } from './deadline.ts'

/** Lets a bounded number of works run at once and a bounded number wait, first come first served. */
export interface Bulkhead {
  /**
   * Rejects with SERVICE_UNAVAILABLE when as many wait as may, and as soon as it is plain that the work cannot be done by the
   * deadline; with the signal's reason when that aborts the wait. Work that has begun keeps its place until it ends, whether
   * anybody waits for it or not.
   */
  run<T>(work: () => Promise<T>, until?: Until): Promise<T>
  load(): BulkheadLoad
}

/** How long somebody waits. A unit of work is one. */
export interface Until {
  readonly signal?: AbortSignal | undefined
  readonly deadline?: Deadline | undefined
}

export interface BulkheadLoad {
  readonly running: number
  readonly waiting: number
}

interface Waiting {
  readonly deadline: Deadline | undefined
  enter(): void
  refuse(error: Problem): void
}

export function createBulkhead({ parallel, waiting }: { parallel: number; waiting: number }): Bulkhead {
  let queue: Waiting[] = []
  let running = 0
  /** How long a work has taken of late; 0 while nothing is known. */
  let usualMs = 0

  /** Until the work of one before whom so many wait would be done. */
  const doneInMs = (before: number) => (Math.floor(before / parallel) + 2) * usualMs

  function turn({ signal, deadline }: Until): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        queue.splice(queue.indexOf(one), 1)
        reject(signal?.reason)
      }
      const one: Waiting = {
        deadline,
        enter() {
          signal?.removeEventListener('abort', abort)
          resolve()
        },
        refuse(error) {
          signal?.removeEventListener('abort', abort)
          reject(error)
        },
      }
      queue.push(one)
      signal?.addEventListener('abort', abort, { once: true })
    })
  }

  /**
   * Whoever cannot be done by their deadline after those in front keeps no place in the queue. It is known only now of those who
   * came before the first work had shown how long it takes.
   */
  function dropLate(): void {
    const all = queue
    queue = []
    for (const one of all) {
      const neededMs = (Math.floor(queue.length / parallel) + 1) * usualMs
      if (one.deadline !== undefined && one.deadline.remainingMs() < neededMs) one.refuse(unavailable(neededMs))
      else queue.push(one)
    }
  }

  return {
    async run(work, until = {}) {
      until.signal?.throwIfAborted()
      if (running < parallel) running += 1
      else {
        const neededMs = doneInMs(queue.length)
        if (queue.length >= waiting) throw unavailable(neededMs)
        if (until.deadline !== undefined && until.deadline.remainingMs() < neededMs) throw unavailable(neededMs)
        await turn(until)
      }
      const startedMs = performance.now()
      try {
        return await work()
      } finally {
        const tookMs = performance.now() - startedMs
        usualMs = usualMs === 0 ? tookMs : usualMs + (tookMs - usualMs) / 8
        // The place is handed over, not freed: `running` dips at no moment, so nobody slips in before those who wait.
        if (queue.length > 0) dropLate()
        const next = queue.shift()
        if (next === undefined) running -= 1
        else next.enter()
      }
    },
    load: () => ({ running, waiting: queue.length }),
  }
}

function unavailable(inMs: number): Problem {
  return new Problem('SERVICE_UNAVAILABLE', undefined, { retryAfterS: Math.max(1, Math.ceil(inMs / 1000)) })
}

/**
 * Does `work` on every item, at most `limit` at a time. After the first failure, or when `stop` aborts, no more is begun;
 * what is in flight ends first, then the failure or the signal's reason is thrown.
 */
export async function inFlight<T>(
  items: Iterable<T>,
  limit: number,
  stop: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  let failed = false
  const worker = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      stop.throwIfAborted()
      await work(next.value)
      if (failed) return
    }
  }
  const workers = Array.from({ length: limit }, () =>
    worker().catch((error) => {
      failed = true
      throw error
    }),
  )
  for (const outcome of await Promise.allSettled(workers)) if (outcome.status === 'rejected') throw outcome.reason
}

import { dropStream } from '../base/streams.ts'

/** What `source` yields, until the signal aborts: at once, whatever it waits for then. It is told that no more is wanted. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]()
  let wake = () => {}
  const abort = () => wake()
  signal.addEventListener('abort', abort)
  try {
    while (!signal.aborted) {
      // One promise for all pieces would keep a reaction of each.
      const aborted = new Promise<undefined>((resolve) => {
        wake = () => resolve(undefined)
      })
      const next = await Promise.race([iterator.next(), aborted])
      if (next === undefined || next.done) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    // Not awaited: a generator that waits for something returns only after that.
    iterator.return?.().catch(() => {})
    dropStream(source)
  }
}

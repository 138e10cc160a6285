import { Readable } from 'node:stream'
import { ReadableStream } from 'node:stream/web'

/**
 * A stream of Node that nobody reads yet may fail meanwhile, as one of a file that is not there does: that would end the process. Whoever
 * reads it later is told all the same. One of the web, such as `fetch(…).body`, becomes one of Node, which can be ended while it waits.
 */
export function keepStream<T>(source: T): T | Readable {
  const kept = source instanceof ReadableStream && !source.locked ? Readable.fromWeb(source) : source
  if (kept instanceof Readable) kept.on('error', () => {})
  return kept
}

/** Nobody reads what is left of it: where it is a stream of Node, that goes on waiting for its source unless it is destroyed. */
export function dropStream(source: unknown): void {
  if (source instanceof Readable) source.on('error', () => {}).destroy()
}

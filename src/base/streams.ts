import { Readable } from 'node:stream'

/**
 * A stream of Node that nobody reads yet may fail meanwhile, as one of a file that is not there does: that would end the process. Whoever
 * reads it later is told all the same.
 */
export function keepStream(source: unknown): void {
  if (source instanceof Readable) source.on('error', () => {})
}

/** Nobody reads what is left of it: where it is a stream of Node, that goes on waiting for its source unless it is destroyed. */
export function dropStream(source: unknown): void {
  if (source instanceof Readable) source.on('error', () => {}).destroy()
}

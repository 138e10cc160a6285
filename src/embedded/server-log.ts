import { appendFileSync, closeSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs'

/** The file the server writes to. A file and not a pipe: a server that outlives us must not write into nothing. */
export interface ServerLog {
  readonly path: string
  /** For the `stdio` of the server; open for appending, so that the file may be cut while it writes. */
  readonly fd: number
  /** The last lines written since this log was opened. */
  lastLines(count?: number): string
  close(): void
}

/** Keeps the file below about `maxBytes` (8 MB) as long as it is open. */
export function openServerLog(path: string, maxBytes = 8 * 1024 * 1024): ServerLog {
  cut(path, maxBytes)
  const fd = openSync(path, 'a', 0o600)
  const begin = fstatSync(fd).size
  const trimming = setInterval(() => cut(path, maxBytes), 30_000).unref()
  return {
    path,
    fd,
    lastLines: (count = 15) => tail(path, begin).trim().split('\n').slice(-count).join('\n'),
    close: () => {
      clearInterval(trimming)
      closeSync(fd)
    },
  }
}

const tailBytes = 64 * 1024

/** A line written between the two calls is lost: the price of one plain file. */
function cut(path: string, maxBytes: number): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size <= maxBytes) return
  const kept = tail(path, 0)
  truncateSync(path)
  appendFileSync(path, kept)
}

function tail(path: string, begin: number): string {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return ''
  const from = Math.max(size < begin ? 0 : begin, size - tailBytes)
  const fd = openSync(path, 'r')
  try {
    const buffer = Buffer.alloc(size - from)
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, from))
  } finally {
    closeSync(fd)
  }
}

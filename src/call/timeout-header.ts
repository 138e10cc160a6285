/**
 * How many milliseconds are left for the answer: a deadline on its way over HTTP. Not a moment, since the clocks of two machines
 * differ.
 */
export const TIMEOUT_HEADER = 'lintel-timeout-ms'

/** Whole milliseconds, rounded up: what has begun has at least one. */
export function timeoutText(remainingMs: number): string {
  return String(Math.ceil(remainingMs))
}

/**
 * As long as whoever sent the header waits, but not less than 10 ms; infinity where there is none. One that is malformed is
 * ignored, as a request id or a traceparent is: the deadline is then the operation's own.
 */
export function readTimeoutMs(header: string | string[] | undefined): number {
  if (typeof header !== 'string' || !/^\d{1,9}$/.test(header)) return Number.POSITIVE_INFINITY
  return Math.max(SHORTEST_MS, Number(header))
}

/** As short as an operation's own may be: anybody may send the header, and what is begun and dropped at once only costs. */
const SHORTEST_MS = 10

/**
 * How many requests of one operation may be in flight at once: a limit that follows their latency (R-OPS-5, decision 0021).
 * It needs no timer: the requests that end adjust it.
 */
export interface InFlightLimit {
  readonly inFlight: number
  /** A whole number. */
  readonly limit: number
  /** Whether `enter` would return 0. */
  readonly isFull: boolean
  /** Whether any request has entered yet. */
  readonly isUsed: boolean
  /** How many requests were rejected. */
  readonly rejected: number
  /** Returns the request's place, from 1 on, to be given back by `leave`; 0 when as many as may are in flight. */
  enter(nowMs: number): number
  /** The same for a request that has cost too much already to be rejected: it has a place however many are in flight. */
  join(): number
  /** `tookMs` is undefined when it says nothing about load, such as for a request that was rejected. */
  leave(place: number, tookMs: number | undefined, nowMs: number): void
  /** Counts a request that was rejected because the limit is reached. */
  reject(): void
}

export interface InFlightLimitOptions {
  /** The limit of an operation that is idle; 300. */
  readonly start?: number
  /** The limit never falls below it; 20, twice the transactions that the usual pool runs at once. */
  readonly floor?: number
  /** Nor rises above it; 10,000. */
  readonly ceiling?: number
  /** A clock that never goes back, as `leave` is given it. */
  readonly nowMs?: number
}

/** A window of measurement ends after this time and this many requests, whichever is later. */
const WINDOW_MS = 100
const WINDOW_SIZE = 32
/** So many windows in a row must show a queue before the limit falls: a garbage collection is no overload. */
const QUEUED_WINDOWS = 2
/** After so many the work itself may have become slower: with no more than `floor` in flight, that is measured anew. */
const MISJUDGED_WINDOWS = 10
const GROWTH = 1.1
/** What a window is worth when the next one ends. */
const RATE_DECAY = 0.9
/** How long after the last queue an operation may count as idle. */
const CALM_MS = 1_000
/** How many requests the usual latency is averaged over. */
const MEMORY = 64
/** How long requests may be queued: as long as the work itself takes, within these bounds. */
const MIN_QUEUE_MS = 400
const MAX_QUEUE_MS = 1_000

export function createInFlightLimit(options: InFlightLimitOptions = {}): InFlightLimit {
  const { start = 300, floor = 20, ceiling = 10_000, nowMs: createdMs = performance.now() } = options
  let inFlight = 0
  let limit = start
  /** The usual latency when few are in flight, as a logarithm. */
  let logWork = 0
  let uncrowded = 0
  /** How many end in a millisecond, by the best of the last windows: in some of them the process may have got no CPU. */
  let perMs = 0
  let windowStartMs = createdMs
  let ended = 0
  /** Of `ended`, those that began when many were in flight, and the sum of the logarithms of their latencies. */
  let crowded = 0
  let sumOfLogs = 0
  let queuedWindows = 0
  let lastQueuedMs = Number.NEGATIVE_INFINITY
  let isUsed = false
  let rejected = 0

  function closeWindow(nowMs: number): void {
    perMs = Math.max(ended / (nowMs - windowStartMs), perMs * RATE_DECAY)
    const workMs = Math.exp(logWork)
    const allowedMs = Math.min(Math.max(workMs, MIN_QUEUE_MS), MAX_QUEUE_MS)
    const queueMs = crowded === 0 ? 0 : Math.exp(sumOfLogs / crowded) - workMs
    windowStartMs = nowMs
    ended = crowded = sumOfLogs = 0
    if (queueMs > allowedMs) {
      lastQueuedMs = nowMs
      if (++queuedWindows < QUEUED_WINDOWS) return
      // Little's law: so many in flight leave a queue of a quarter of the time allowed, at the rate at which requests end now. At most
      // halved at once: one window may have measured badly.
      limit =
        queuedWindows % MISJUDGED_WINDOWS === 0
          ? floor
          : Math.min(limit, Math.max(floor, limit / 2, perMs * (workMs + allowedMs / 4)))
      return
    }
    queuedWindows = 0
    const isWanted = limit < start || inFlight > limit / 2
    if (isWanted && queueMs <= allowedMs / 4) limit = Math.min(ceiling, limit * GROWTH)
  }

  return {
    get inFlight() {
      return inFlight
    },
    get limit() {
      return Math.floor(limit)
    },
    get isFull() {
      return inFlight >= Math.floor(limit)
    },
    get isUsed() {
      return isUsed
    },
    get rejected() {
      return rejected
    },
    enter(nowMs) {
      isUsed = true
      // Nothing in flight, nothing queued: the overload is over. Not at once: a process that got no CPU for a while finds everything
      // done, and the next crowd waiting.
      if (inFlight === 0 && limit < start && nowMs - lastQueuedMs > CALM_MS) limit = start
      return inFlight >= Math.floor(limit) ? 0 : ++inFlight
    },
    join() {
      isUsed = true
      return ++inFlight
    },
    leave(place, tookMs, nowMs) {
      inFlight--
      if (tookMs !== undefined) {
        const log = Math.log(Math.max(tookMs, 0.01))
        if (place > floor) {
          crowded++
          sumOfLogs += log
        } else {
          uncrowded = Math.min(uncrowded + 1, MEMORY)
          logWork += (log - logWork) / uncrowded
        }
        if (++ended >= WINDOW_SIZE && nowMs - windowStartMs >= WINDOW_MS) closeWindow(nowMs)
      }
    },
    reject() {
      rejected++
    },
  }
}

import { backoffMs } from './backoff.ts'
import { createRest } from './rest.ts'

/** Work in rounds, with rests that can be ended. */
export interface Loop {
  /** Ends the rest, or asks for one more round after the one under way. */
  wake(): void
  /** Whether a round is under way, or was asked for. */
  readonly isBusy: boolean
  /** Resolves when everything that `wake` was called for is done. */
  idle(): Promise<void>
  /** No round begins any more; the one under way has `graceMs` before its signal aborts. */
  stop(): Promise<void>
}

export interface LoopOptions {
  readonly graceMs: number
  failed(error: unknown): void
  /** Rest after a failure; doubles with each that follows, to 5,000. 5,000 unless told otherwise. */
  readonly afterFailureMs?: number
}

const LONGEST_REST_MS = 5_000

/** Runs rounds until it is stopped; `round` answers how long to rest. */
export function loop(
  round: (signal: AbortSignal) => Promise<number>,
  { graceMs, failed, afterFailureMs = LONGEST_REST_MS }: LoopOptions,
): Loop {
  const cut = new AbortController()
  let stopped = false
  let woken = false
  /** After a failure nobody's wake ends the rest: what is broken is not asked at the pace of the requests. */
  let failures = 0
  const rest = createRest()
  let resting = false
  let waiting: (() => void)[] = []

  async function run() {
    while (!stopped) {
      woken = false
      const restMs = await round(cut.signal).catch((error) => {
        failed(error)
        return undefined
      })
      failures = restMs === undefined ? failures + 1 : 0
      if (stopped || (woken && failures === 0)) continue
      settle()
      // Where it is 0, a millisecond in which more comes together: an order takes a sixth less of PostgreSQL with it.
      resting = true
      await rest.take(restMs ?? backoffMs(failures - 1, { baseMs: afterFailureMs, maxMs: LONGEST_REST_MS }))
      resting = false
    }
    settle()
  }

  function isBusy(): boolean {
    return !stopped && (!resting || woken)
  }

  function settle() {
    for (const resolve of waiting) resolve()
    waiting = []
  }

  const ended = run()

  return {
    wake() {
      woken = true
      if (failures === 0) rest.end()
    },
    get isBusy() {
      return isBusy()
    },
    idle() {
      if (!isBusy()) return Promise.resolve()
      return new Promise((resolve) => waiting.push(resolve))
    },
    async stop() {
      stopped = true
      rest.end()
      const timer = setTimeout(() => cut.abort(), graceMs)
      await ended
      clearTimeout(timer)
      // What a round has left under way.
      cut.abort()
    },
  }
}

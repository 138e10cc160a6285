/** Work in rounds, with rests that can be ended. */
export interface Loop {
  /** Ends the rest, or asks for one more round after the one under way. */
  wake(): void
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
  let endRest: (() => void) | undefined
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
      await rest(restMs ?? Math.min(afterFailureMs * 2 ** Math.min(failures - 1, 20), LONGEST_REST_MS))
    }
    settle()
  }

  async function rest(ms: number) {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      endRest = resolve
      timer = setTimeout(resolve, ms)
    })
    clearTimeout(timer)
    endRest = undefined
  }

  function settle() {
    for (const resolve of waiting) resolve()
    waiting = []
  }

  const ended = run()

  return {
    wake() {
      woken = true
      if (failures === 0) endRest?.()
    },
    idle() {
      if (stopped || (endRest && !woken)) return Promise.resolve()
      return new Promise((resolve) => waiting.push(resolve))
    },
    async stop() {
      stopped = true
      endRest?.()
      const timer = setTimeout(() => cut.abort(), graceMs)
      await ended
      clearTimeout(timer)
    },
  }
}

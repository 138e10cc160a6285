import type { Contract } from '../contract/service.ts'
import type { MailCarrier } from '../mail/mail.ts'
import type { Log } from '../observe/log.ts'
import type { Unit } from './handler.ts'

/**
 * What a service does of its own accord while it runs: does what is due, and answers for how many milliseconds it may
 * rest. A unit of work that calls `wake()` ends the rest. Every replica does it; one that throws is tried again.
 */
export type Background<C extends Contract<any, any, any>> = (context: BackgroundContext<C>) => Promise<number>

export interface BackgroundContext<C extends Contract<any, any, any>> {
  run<T>(work: (unit: Unit<C>) => Promise<T>): Promise<T>
  /** Undefined where mail cannot go out: in production without SMTP_URL. */
  readonly mail: MailCarrier | undefined
  /** Where the API is for those outside, without a slash at the end. */
  readonly publicUrl: string
  readonly log: Log
  /** Aborts when the service stops and waits no longer. */
  readonly signal: AbortSignal
}

export interface Loop {
  /** Ends the rest, or asks for one more round after the one under way. */
  wake(): void
  /** Resolves when everything that `wake` was called for is done. */
  idle(): Promise<void>
  /** No round begins any more; the one under way has `graceMs` before its signal aborts. */
  stop(): Promise<void>
}

const AFTER_FAILURE_MS = 5_000

/** Runs rounds until it is stopped; `round` answers how long to rest. */
export function loop(
  round: (signal: AbortSignal) => Promise<number>,
  { graceMs, failed }: { graceMs: number; failed: (error: unknown) => void },
): Loop {
  const cut = new AbortController()
  let stopped = false
  let woken = false
  /** After a failure nobody's wake ends the rest: what is broken is not asked at the pace of the requests. */
  let failing = false
  let endRest: (() => void) | undefined
  let waiting: (() => void)[] = []

  async function run() {
    while (!stopped) {
      woken = false
      const restMs = await round(cut.signal).catch((error) => {
        failed(error)
        return undefined
      })
      failing = restMs === undefined
      if (stopped || (woken && !failing)) continue
      settle()
      await rest(restMs ?? AFTER_FAILURE_MS)
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
      if (!failing) endRest?.()
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

export interface SweeperOptions {
  /** The pace, once begun; a tenth more or less, so that replicas that started together don't sweep together. */
  readonly everyMs: number
  /** The first sweep comes within this, and not before a sixth of it: a process that is restarted often sweeps too. 30,000. */
  readonly soonMs?: number
  failed(error: unknown): void
}

/** Removes what is old, soon after the start and then at its pace; one sweep at a time. Keeps no process alive. */
export function sweeper(
  sweep: () => Promise<unknown>,
  { everyMs, soonMs = 30_000, failed }: SweeperOptions,
): { stop(): void } {
  let stopped = false
  let timer = after(soonMs * (1 / 6 + (5 / 6) * Math.random()))

  function after(ms: number): NodeJS.Timeout {
    return setTimeout(run, ms).unref()
  }

  async function run() {
    try {
      await sweep()
    } catch (error) {
      // What was under way at the end loses its database.
      if (!stopped) failed(error)
    }
    if (!stopped) timer = after(everyMs * (0.9 + 0.2 * Math.random()))
  }

  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

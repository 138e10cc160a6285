import type { Running, StartOptions } from '../start/start.ts'
import { joinPrimary } from '../start/workers/join-primary.ts'
import { surviveRejections } from './run.ts'

/**
 * Runs what `begin` starts as a worker, forked by its primary, which alone is told by signals what to do: they come to the whole process
 * group of a terminal, and a worker that took one by itself would drain before the others.
 */
export async function runWorker(
  begin: (options: Required<Pick<StartOptions, 'worker' | 'signal'>>) => Promise<Running>,
): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {})
  const { worker, stopped, lameDuckMs, orphaned, ready, failed } = await joinPrimary()
  try {
    const running = await begin({ worker, signal: AbortSignal.any([stopped, orphaned]) })
    const { log, shutdownTimeoutMs } = running
    surviveRejections(log)
    const stop = (exitCode: number, lameDuckMs: number) => {
      setTimeout(() => process.exit(1), shutdownTimeoutMs).unref()
      running.stop({ lameDuckMs }).then(
        () => process.exit(exitCode),
        (error) => {
          log.fatal(error, 'while stopping')
          process.exit(1)
        },
      )
    }
    whenAborted(stopped, () => stop(0, lameDuckMs()))
    whenAborted(orphaned, () => {
      log.fatal('the primary has ended: draining')
      stop(1, 0)
    })
    await ready(running.url)
  } catch (error) {
    if (!stopped.aborted && !orphaned.aborted) await failed(error)
    process.exit(stopped.aborted ? 0 : 1)
  }
}

function whenAborted(signal: AbortSignal, listener: () => void): void {
  if (signal.aborted) listener()
  else signal.addEventListener('abort', listener)
}

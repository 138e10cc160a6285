import type { Running } from '../start/start.ts'
import { failWith } from './fail.ts'

/** One signal to a process group comes twice: to us, and to npm, which passes it on. */
const ECHO_MS = 1000

/**
 * Runs until SIGTERM or SIGINT, then drains and exits 0; a signal during the start gives it up. Another signal, later,
 * exits at once, and so does the end of SHUTDOWN_TIMEOUT (R-OPS-2).
 */
export async function runUntilSignalled(begin: (signal: AbortSignal) => Promise<Running>): Promise<void> {
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    let firstAtMs: number | undefined
    const hear = (signal: NodeJS.Signals) => {
      if (firstAtMs !== undefined && performance.now() - firstAtMs > ECHO_MS) process.exit(1)
      firstAtMs ??= performance.now()
      resolve(signal)
    }
    process.on('SIGTERM', hear)
    process.on('SIGINT', hear)
  })
  const givenUp = new AbortController()
  void signalled.then(() => givenUp.abort())

  const running = await begin(givenUp.signal).catch((error) => {
    if (givenUp.signal.aborted) process.exit(0)
    throw error
  })
  const { log, shutdownTimeoutMs } = running
  process.on('uncaughtException', (error) => {
    log.fatal(error, 'an error that nobody expected: exiting')
    process.exit(1)
  })
  const stop = (exitCode: number, lameDuck: boolean) => {
    setTimeout(() => {
      log.fatal(`not done with stopping after ${shutdownTimeoutMs / 1000} s (SHUTDOWN_TIMEOUT): exiting as it is`)
      process.exit(1)
    }, shutdownTimeoutMs)
    running.stop({ lameDuck }).then(() => process.exit(exitCode), failWith)
  }
  void signalled.then((signal) => {
    log.info(`${signal}: draining`)
    // Ctrl-C comes from somebody who waits, SIGTERM from something that may have a load balancer to tell.
    stop(0, signal === 'SIGTERM')
  })
  void running.died.then((message) => {
    if (givenUp.signal.aborted) return
    log.fatal(message)
    stop(1, false)
  })
}

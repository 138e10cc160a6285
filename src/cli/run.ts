import { failureOf } from '../base/failure.ts'
import type { Log } from '../observe/log.ts'
import type { Running } from '../start/start.ts'
import { failWith } from './fail.ts'
import { ECHO_MS, takeSignals } from './signals.ts'

/** In which a connection that is kept by a client at work brings another request, whose answer can ask it to close. */
const CTRL_C_MS = 1000

/**
 * Runs until SIGTERM or SIGINT, then drains and exits 0; a signal during the start gives it up. Another signal, later,
 * exits at once, and so does the end of SHUTDOWN_TIMEOUT (R-OPS-2).
 */
export async function runUntilSignalled(begin: (signal: AbortSignal) => Promise<Running>): Promise<void> {
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    let firstAtMs: number | undefined
    const before = takeSignals((signal) => {
      if (firstAtMs !== undefined && performance.now() - firstAtMs > ECHO_MS) process.exit(1)
      firstAtMs ??= performance.now()
      resolve(signal)
    })
    // Nothing has begun yet, so all of it has ended.
    if (before !== undefined) process.exit(0)
  })
  const givenUp = new AbortController()
  void signalled.then(() => givenUp.abort())

  const running = await begin(givenUp.signal).catch((error) => {
    if (givenUp.signal.aborted) process.exit(0)
    throw error
  })
  const { log, shutdownTimeoutMs } = running
  surviveRejections(log)
  const stop = (exitCode: number, lameDuckMs: number) => {
    setTimeout(() => {
      log.fatal(`shutdown not finished after ${shutdownTimeoutMs / 1000} s (SHUTDOWN_TIMEOUT): exiting now`)
      process.exit(1)
    }, shutdownTimeoutMs)
    running.stop({ lameDuckMs }).then(() => process.exit(exitCode), failWith)
  }
  void signalled.then((signal) => {
    log.info(`${signal}: draining`)
    const longMs = shutdownTimeoutMs / 10
    // SIGTERM comes from something that may have a load balancer to tell, Ctrl-C from somebody who waits; clients with a
    // connection may be there both times.
    stop(0, signal === 'SIGTERM' ? longMs : Math.min(longMs, CTRL_C_MS))
  })
  void running.died.then((message) => {
    if (givenUp.signal.aborted) return
    log.fatal(message)
    stop(1, 0)
  })
}

/**
 * A promise that was forgotten is one handler's mistake. What it belongs to has ended as it would have without it; the requests of
 * everybody else, which an exit would break off, have nothing to do with it. An error that nothing caught ends the process.
 */
export function surviveRejections(log: Log): void {
  process.on('uncaughtException', (error) => {
    log.fatal(error, 'unexpected error: exiting')
    process.exit(1)
  })
  process.on('unhandledRejection', (reason) => {
    const { requestId, operation } = (reason ?? {}) as { readonly requestId?: unknown; readonly operation?: unknown }
    log.error(
      { requestId, operation, ...failureOf(reason), err: reason },
      'a promise was rejected and nothing handled it: await it, or catch its error',
    )
  })
}

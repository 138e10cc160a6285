import { start } from '../start/start.ts'
import { failWith } from './fail.ts'
import { loadSystem } from './load-system.ts'

/** One signal to a process group comes twice: to us, and to npm, which passes it on. */
const ECHO_MS = 1000

/** Runs until SIGTERM or SIGINT, then drains and exits 0; another signal, later, exits at once (R-OPS-2). */
export async function startCommand(file: string): Promise<void> {
  const running = await start(await loadSystem(file))
  let stoppedAtMs: number | undefined
  const stop = (signal: NodeJS.Signals) => {
    if (stoppedAtMs !== undefined && performance.now() - stoppedAtMs > ECHO_MS) process.exit(1)
    if (stoppedAtMs !== undefined) return
    stoppedAtMs = performance.now()
    running.log.info(`${signal}: draining`)
    running.stop().then(() => process.exit(0), failWith)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  void running.died.then((message) => {
    if (stoppedAtMs !== undefined) return
    running.log.fatal(message)
    running.stop().finally(() => process.exit(1))
  })
}

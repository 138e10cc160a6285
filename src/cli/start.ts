import { start } from '../start/start.ts'
import { failWith } from './fail.ts'
import { loadSystem } from './load-system.ts'

/** Runs until SIGTERM or SIGINT, then drains and exits 0; a second signal exits at once. */
export async function startCommand(file: string): Promise<void> {
  const running = await start(await loadSystem(file))
  let stopping = false
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1)
    stopping = true
    running.log.info(`${signal}: draining`)
    running.stop().then(() => process.exit(0), failWith)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  void running.died.then((message) => {
    if (stopping) return
    running.log.fatal(message)
    running.stop().finally(() => process.exit(1))
  })
}

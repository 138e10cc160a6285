import { start } from '../start/start.ts'
import { loadSystem } from './load-system.ts'
import { runWorker } from './run-worker.ts'

/** A worker of `lintel start`: its arguments are the file of the system, and parts of it. */
const [file, ...parts] = process.argv.slice(2)
await runWorker(async (options) =>
  // The primary has settled whether this is development.
  start(await loadSystem(file!, 'serve'), process.env, { ...options, parts }),
)

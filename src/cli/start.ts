import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSettings } from '../start/settings.ts'
import { start } from '../start/start.ts'
import { contractsOf } from '../start/system.ts'
import type { Purpose } from './environment.ts'
import { loadSystem } from './load-system.ts'
import { runUntilSignalled } from './run.ts'

/** `parts` are names of services, and `gateway`; none means the whole system. */
export function startCommand(file: string, parts: readonly string[]): Promise<void> {
  return serve(file, 'serve', parts)
}

/** The same in development, whatever is set. */
export function devCommand(file: string, parts: readonly string[]): Promise<void> {
  return serve(file, 'develop', parts)
}

function serve(file: string, purpose: Purpose, parts: readonly string[]): Promise<void> {
  return runUntilSignalled(async (signal) => {
    const system = await loadSystem(file, purpose)
    signal.throwIfAborted()
    const { workers } = readSettings(process.env, contractsOf(system))
    if (workers === 1) return start(system, process.env, { signal, parts })
    const { startWorkers } = await import('../start/workers/start-workers.ts')
    return startWorkers(system, { signal, parts, module: WORKER, args: [file, ...parts] })
  })
}

/** Beside this file, compiled or not. */
const WORKER = fileURLToPath(new URL(`worker${extname(import.meta.url)}`, import.meta.url))

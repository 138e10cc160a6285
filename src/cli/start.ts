import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSettings } from '../start/settings.ts'
import { type Running, type StartOptions, start } from '../start/start.ts'
import { contractsOf, type System } from '../start/system.ts'
import type { Purpose } from './environment.ts'
import { loadSystem } from './load-system.ts'
import { runUntilSignalled } from './run.ts'

/** `parts` are names of services, and `gateway`; none means the whole system. `develop` is development, whatever is set. */
export function startCommand(
  file: string,
  parts: readonly string[],
  purpose: Exclude<Purpose, 'beside'> = 'serve',
): Promise<void> {
  return runUntilSignalled(async (signal) => {
    const system = await loadSystem(file, purpose)
    signal.throwIfAborted()
    const { workers } = readSettings(process.env, contractsOf(system))
    if (workers === 1) return start(system, process.env, { signal, parts })
    return startInWorkers(system, file, { signal, parts })
  })
}

/** The same in as many processes as LINTEL_WORKERS says. */
export async function startInWorkers(
  system: System,
  file: string,
  options: Pick<StartOptions, 'signal' | 'parts' | 'embed'>,
): Promise<Running> {
  const { startWorkers } = await import('../start/workers/start-workers.ts')
  return startWorkers(system, { ...options, module: WORKER, args: [file, ...(options.parts ?? [])] })
}

/** Beside this file, compiled or not. */
const WORKER = fileURLToPath(new URL(`worker${extname(import.meta.url)}`, import.meta.url))

import { start } from '../start/start.ts'
import type { Purpose } from './environment.ts'
import { loadSystem } from './load-system.ts'
import { runUntilSignalled } from './run.ts'

export function startCommand(file: string): Promise<void> {
  return serve(file, 'serve')
}

/** The same in development, whatever is set. */
export function devCommand(file: string): Promise<void> {
  return serve(file, 'develop')
}

function serve(file: string, purpose: Purpose): Promise<void> {
  return runUntilSignalled(async (signal) => {
    const system = await loadSystem(file, purpose)
    signal.throwIfAborted()
    return start(system, process.env, { signal })
  })
}

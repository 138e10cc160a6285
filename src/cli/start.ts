import { start } from '../start/start.ts'
import { loadSystem } from './load-system.ts'
import { runUntilSignalled } from './run.ts'

export function startCommand(file: string): Promise<void> {
  return runUntilSignalled(async (signal) => start(await loadSystem(file, 'serve'), process.env, { signal }))
}

/** The same in development, whatever is set. */
export function devCommand(file: string): Promise<void> {
  return runUntilSignalled(async (signal) => start(await loadSystem(file, 'develop'), process.env, { signal }))
}

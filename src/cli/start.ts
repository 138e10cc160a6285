import { start } from '../start/start.ts'
import { loadSystem } from './load-system.ts'
import { runUntilSignalled } from './run.ts'

export function startCommand(file: string): Promise<void> {
  return runUntilSignalled(async (signal) => start(await loadSystem(file), process.env, { signal }))
}

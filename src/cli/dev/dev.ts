import { runUntilSignalled } from '../run.ts'
import { superviseSystem } from './supervise.ts'

export interface DevOptions {
  /** False runs the system in this very process, which saves nothing from being started by hand again. */
  readonly watch: boolean
}

/** Runs a system, or parts of it, in development: again after each save of a file of it. */
export async function devCommand(file: string, parts: readonly string[], { watch }: DevOptions): Promise<void> {
  if (watch) return runUntilSignalled((signal) => superviseSystem(file, parts, signal))
  const { startCommand } = await import('../start.ts')
  return startCommand(file, parts, 'develop')
}

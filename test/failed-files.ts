import { appendFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Writes the paths of files that have failed, a line each, to the file that LINTEL_FAILED_FILES names: `.ci/run` tries them once more.
 * None where something else went wrong too, an error that nobody handled or a file that was never run, which would then be passed over.
 */
export default class FailedFiles implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]) {
    const list = process.env.LINTEL_FAILED_FILES
    if (!list || unhandledErrors.length > 0) return
    const states = modules.map((module) => module.state())
    if (states.some((state) => state === 'pending' || state === 'queued')) return
    for (const module of modules) if (module.state() === 'failed') appendFileSync(list, `${module.relativeModuleId}\n`)
  }
}

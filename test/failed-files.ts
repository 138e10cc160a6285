import { appendFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/** Writes the paths of files that have failed, a line each, to the file that LINTEL_FAILED_FILES names: `.ci/run` tries them once more. */
export default class FailedFiles implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]) {
    const list = process.env.LINTEL_FAILED_FILES
    if (!list) return
    for (const module of modules) if (module.state() === 'failed') appendFileSync(list, `${module.relativeModuleId}\n`)
  }
}

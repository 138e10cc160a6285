import type { Reporter, TestModule } from 'vitest/node'

/** Names the tests that failed at first and passed when they were tried again, which each deserve a look. */
export default class FlakyTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]) {
    for (const module of modules)
      for (const test of module.children.allTests('passed')) {
        if (!test.diagnostic()?.flaky) continue
        const [error] = test.result().errors ?? []
        process.stderr.write(`Flaky: ${module.relativeModuleId} > ${test.fullName}\n  at first: ${error?.message}\n`)
      }
  }
}

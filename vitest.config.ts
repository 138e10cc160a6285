import { availableParallelism } from 'node:os'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const slow = process.env.LINTEL_SLOW_TESTS === '1'

// What is slow by nature, such as starts, stops and kills of whole systems, is for `npm run test:slow`.
const all = `{src,services,test,examples}/**/*${slow ? '.slow' : ''}.test.ts`

/**
 * Files share a process and what it has loaded, which for each file anew costs a second of CPU, often more than its tests. Not
 * those of the clock of ids, of rejections that nobody handles and of what nobody catches, which are the process's.
 */
const alone = 'src/{base/{ids,handled},resilience/within,data/transaction}.test.ts'

const project = (name: string, isolate: boolean, include: string, exclude: string[]) =>
  ({
    resolve: { conditions: ['lintel-source'] },
    ssr: { resolve: { conditions: ['lintel-source'] } },
    test: {
      name,
      isolate,
      include: [include],
      exclude,
      // Bounds on what hangs, not measures: beside others a test may take ten times as long as alone.
      testTimeout: slow ? 180_000 : 60_000,
      hookTimeout: 180_000,
    },
  }) satisfies TestProjectInlineConfiguration

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    reporters: ['default', './test/failed-files.ts'],
    // Many tests wait for processes and servers: on two cores Vitest would run one file at a time.
    maxWorkers: slow ? Math.max(2, availableParallelism()) : availableParallelism() + 1,
    projects: slow
      ? [project('slow', true, all, [])]
      : [project('together', false, all, [alone, '**/*.slow.test.ts']), project('alone', true, alone, [])],
  },
})

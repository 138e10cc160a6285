import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const slow = process.env.LINTEL_SLOW_TESTS === '1'

export default defineConfig({
  resolve: { conditions: ['lintel-source'] },
  ssr: { resolve: { conditions: ['lintel-source'] } },
  test: {
    globalSetup: ['test/global-setup.ts'],
    // What is slow by nature, such as starts, stops and kills of whole systems, is for `npm run test:slow`.
    include: [`{src,services,test,examples}/**/*${slow ? '.slow' : ''}.test.ts`],
    exclude: slow ? [] : ['**/*.slow.test.ts'],
    // Many tests wait for processes and servers: on two cores Vitest would run one file at a time.
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})

import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['lintel-source'] },
  ssr: { resolve: { conditions: ['lintel-source'] } },
  test: {
    globalSetup: ['test/global-setup.ts'],
    include: ['{src,services,test,examples}/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})

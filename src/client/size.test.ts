import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { orders } from '../../services/orders/contract.ts'
import { users } from '../../services/users/contract.ts'
import { tableOf } from './table.ts'

/** What a page loads for both services, minified and compressed. */
const MOST_BYTES = 10_000

/** What tsx itself uses. */
const { buildSync } = createRequire(createRequire(import.meta.url).resolve('tsx'))('esbuild')

function bundled(program: string): string {
  const { outputFiles } = buildSync({
    stdin: { contents: program, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['lintel-source'],
  })
  return outputFiles[0].text
}

test(`a page’s client of both services is smaller than ${MOST_BYTES} bytes, and has no rule, hidden field or internal operation`, () => {
  const table = JSON.stringify(tableOf([users, orders]))
  const text = bundled(
    `import { client, isProblem } from 'lintel/client'
     const api = client(${table}, { url: '/api' })
     api.orders.get({ id: 'ord_1' }).catch((error) => isProblem(error, 'NOT_FOUND'))`,
  )
  const bytes = gzipSync(text, { level: 9 }).length
  console.log(`client: ${bytes} bytes gzip, ${text.length} minified`)
  expect(bytes).toBeLessThan(MOST_BYTES)
  expect(text).not.toMatch(/passwordHash|stockTaken|revocations|R-REST|INVALID_CONTRACT|ISO 4217/)
})

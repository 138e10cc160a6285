import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { compareFiles } from '../src/design/diff/compare-trees.ts'
import { NO_CONFIG } from '../src/design/lint/config.ts'
import { lint } from '../src/design/lint/lint.ts'
import { readSource } from '../src/design/source/source.ts'

/** Public documents of 13 publishers: test/openapi-corpus/LICENSES.md says whose they are. */
const CORPUS = fileURLToPath(new URL('openapi-corpus/', import.meta.url))
const names = readdirSync(CORPUS).filter((name) => name.endsWith('.gz'))

const lines: string[] = []
afterAll(() => console.log(lines.join('\n')))

test.each(names)('%s is linted in bounded time, and every finding has a place in it', (name) => {
  const text = gunzipSync(readFileSync(`${CORPUS}${name}`)).toString()
  const began = performance.now()
  const findings = lint(readSource(name, text), () => 'is not here', NO_CONFIG)
  const seconds = (performance.now() - began) / 1000
  lines.push(`${name}: ${(text.length / 2 ** 20).toFixed(1)} MiB, ${findings.length} findings, ${seconds.toFixed(2)} s`)
  const rows = text.split('\n')
  for (const { line, column } of findings) expect(rows[line - 1]!.length).toBeGreaterThanOrEqual(column - 1)
  // 13 MiB take 4 s of one core, and CI may be several times slower.
  expect(seconds).toBeLessThan(60)
})

test.each(names)('%s does not differ from itself', (name) => {
  const file = { path: name.replace(/\.gz$/, ''), text: gunzipSync(readFileSync(`${CORPUS}${name}`)).toString() }
  expect(compareFiles(file, file)).toEqual([])
})

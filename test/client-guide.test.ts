import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { orders } from '../services/orders/contract.ts'
import { users } from '../services/users/contract.ts'
import { tableOf } from '../src/client/index.ts'
import { script } from './client-module.ts'
import { compiled } from './compiled.ts'
import { PASSWORD, reference } from './reference.ts'

// docs/guide/client.md: its examples, one after the other, are a program.

const root = fileURLToPath(new URL('..', import.meta.url))
const guide = readFileSync(join(root, 'docs/guide/client.md'), 'utf8')
const examples = Array.from(guide.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code!)
const program = examples
  .join('\n')
  .replace(/^import type .*\n/gm, '')
  .replace(/^import table .*\n/m, `const table = ${JSON.stringify(tableOf([users, orders]))}\n`)

const api = reference()

test('the examples of the guide compile', () => {
  const head =
    'declare const email: string, password: string\ndeclare const sessionStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void }\n'
  const tail = '\nexport { found, pagination, renamed, shop }\n'
  expect(examples.length).toBeGreaterThan(6)
  expect(compiled({ guide: head + program + tail }, '.').said.get('guide')).toEqual([])
}, 60_000)

test('the examples of the guide run', async () => {
  const { email } = await api.user()
  await api.product({ price: 12, stock: 1 })
  const folder = mkdtempSync(join(tmpdir(), 'lintel-client-guide-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'guide.mjs')
  const define = { email: JSON.stringify(email), password: JSON.stringify(PASSWORD) }
  const text = `${program.replaceAll('http://localhost:3000', api.url)}\nexport { pagination, renamed }`
  writeFileSync(file, script(text, root, { define, conditions: ['lintel-source'], target: 'es2022' }))
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  onTestFinished(() => log.mockRestore())
  const { pagination, renamed } = await import(/* @vite-ignore */ pathToFileURL(file).href)
  expect(pagination.total).toBe(1)
  expect(renamed.name).toBe('Ann B.')
  expect(log.mock.calls).toEqual([['Somebody was quicker']])
})

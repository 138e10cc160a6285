import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { KINDS } from '../src/design/diff/kinds.ts'
import { LINT_RULES } from '../src/design/lint/rules.ts'

const page = readFileSync(new URL('../docs/guide/lint-and-diff.md', import.meta.url), 'utf8')

test('docs/guide/lint-and-diff.md lists every rule of lint as the code has it, and no other', () => {
  const rows = [...page.matchAll(/^\| `(R-[^`]+)` \| (\w+) \| (.+) \| (.+) \|$/gm)].map(([, ...cells]) => cells)
  expect(rows).toEqual(LINT_RULES.map(({ id, severity, reason, hint }) => [id, severity, reason, hint]))
})

test('docs/guide/lint-and-diff.md lists every change that diff knows as the code has it, and no other', () => {
  const rows = [...page.matchAll(/^\| `([a-z][^`]+)` \| (\w+) \| (.+) \| (.+) \|$/gm)].map(([, ...cells]) => cells)
  expect(rows).toEqual(Object.entries(KINDS).map(([kind, { verdict, whom, why }]) => [kind, verdict, whom, why]))
})

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROBLEMS } from '../src/contract/problem.ts'
import { REFUSALS } from '../src/http/refusals.ts'
import system from '../system.ts'

const root = new URL('../', import.meta.url).pathname
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8')
const [, problems = '', faults = ''] = page.split(/^## .*$/m)
const rowsOf = (part: string) =>
  [...part.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(([, code, number]) => [code!, Number(number)] as const)

test('R-BODY-6: docs/errors.md lists every problem with its status, and no other', () => {
  const known = new Map(Object.entries({ ...PROBLEMS, ...REFUSALS }).map(([code, { status }]) => [code, status]))
  for (const { contract } of system.services)
    for (const [code, spec] of Object.entries(contract.problems)) known.set(code, (spec as { status: number }).status)
  expect(new Map(rowsOf(problems))).toEqual(known)
})

test('docs/errors.md lists every fault that the code can throw, and no other', () => {
  const thrown = new Set<string>()
  for (const file of sources())
    for (const [, code] of readFileSync(file, 'utf8').matchAll(/\b[Ff]ault\(\s*'([A-Z][A-Z_]+)'/g)) thrown.add(code!)
  expect(
    rowsOf(faults)
      .map(([code]) => code)
      .sort(),
  ).toEqual([...thrown].sort())
})

function sources(): string[] {
  return ['src', 'services'].flatMap((folder) =>
    (readdirSync(join(root, folder), { recursive: true }) as string[])
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => join(root, folder, name)),
  )
}

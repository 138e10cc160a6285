import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { blocksOf } from './markdown.ts'

// What holds for the examples of all pages. Those of one page that are run have a test of their own: test/…-guide.test.ts.

const root = fileURLToPath(new URL('..', import.meta.url))
const pages = (readdirSync(join(root, 'docs'), { recursive: true }) as string[])
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`)

test('whatever an example imports from Lintel is there', () => {
  const imported = pages.flatMap((page) =>
    blocksOf(page)
      .filter(({ language }) => language === 'ts')
      .flatMap(({ text }) => [...text.matchAll(/^import (?:type )?\{([^}]*)\} from '(lintel[^']*)'$/gm)])
      .flatMap(([, names = '', from = '']) => namesIn(names).map((name) => ({ page, name, from }))),
  )
  expect(imported.length).toBeGreaterThan(25)
  expect(imported.filter(({ name, from }) => !exportsOf(from).has(name))).toEqual([])
})

test('the example of docs/guide/test.md is the test of a new project', () => {
  const [example] = blocksOf('docs/guide/test.md')
  expect(example?.text).toBe(
    readFileSync(join(root, 'create-lintel/templates/api/services/notes/notes.test.ts'), 'utf8'),
  )
})

test('every JSON example is JSON', () => {
  const broken = pages.flatMap((page) =>
    blocksOf(page).flatMap(({ language, text }) => {
      if (language !== 'json') return []
      try {
        JSON.parse(text)
        return []
      } catch (error) {
        return [`${page}: ${error}`]
      }
    }),
  )
  expect(broken).toEqual([])
})

const entries: Record<string, { 'lintel-source': string }> = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
).exports

/** What `lintel/contract` and so on export: types too, which are not there at run time. */
function exportsOf(module: string): Set<string> {
  const source = entries[module.replace('lintel', '.')]?.['lintel-source']
  if (source === undefined) return new Set()
  const text = readFileSync(join(root, source), 'utf8')
  const lists = [...text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, names = '']) => namesIn(names))
  const own = [...text.matchAll(/^export (?:async )?(?:function|const|type|interface) (\w+)/gm)].map(
    ([, name = '']) => name,
  )
  return new Set([...lists, ...own])
}

/** `type A, b as c` names A and c. */
function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((one) =>
      one
        .trim()
        .replace(/^type /, '')
        .replace(/^\w+ as /, ''),
    )
    .filter((one) => one !== '')
}

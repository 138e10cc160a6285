import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { buildSite } from '../site/build.ts'
import { CONTENTS, readContents } from '../site/contents.ts'
import { render } from '../site/render.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = mkdtempSync(join(tmpdir(), 'lintel-docs-'))
const pages = buildSite(out)
afterAll(() => rmSync(out, { recursive: true }))

const named = (folder: string, ending: string) =>
  (readdirSync(join(root, folder), { recursive: true }) as string[])
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
const sources = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...named('docs', '.md')]
const text = (source: string) => readFileSync(join(root, source), 'utf8')
const anchorsOf = (source: string) =>
  [...render(source, text(source), () => true).html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)

test('every link of the documentation leads to a file of the repository, and to a heading of it', () => {
  const broken: string[] = []
  for (const source of sources) {
    const { html } = render(source, text(source), () => false)
    // Without a page to lead to, every link to a file is written as its path.
    for (const [, target] of html.matchAll(/<span class="file" title="([^"]*), in the repository">/g))
      if (!existsSync(join(root, target!))) broken.push(`${source}: ${target}`)
    for (const [, href = ''] of text(source).matchAll(/\]\(([^)\s]*\.md#[^)\s]+|#[^)\s]+)\)/g)) {
      const [file = '', anchor] = href.split('#')
      const target = file === '' ? source : normalize(join(dirname(source), file))
      if (!existsSync(join(root, target)) || !anchorsOf(target).includes(anchor)) broken.push(`${source}: ${href}`)
    }
  }
  expect(broken).toEqual([])
})

test('docs/README.md lists every page of the documentation once, and the site has them all', () => {
  const listed = readContents(root).flatMap(({ entries }) =>
    entries.filter(({ anchor }) => anchor === undefined).map(({ source }) => source),
  )
  expect(new Set(listed).size).toBe(listed.length)
  const pagesOfDocs = named('docs', '.md').filter((one) => one !== CONTENTS && !/docs\/decisions\/\d/.test(one))
  expect(pagesOfDocs.filter((one) => !listed.includes(one))).toEqual([])
  expect(sources.length).toBe(pages.length)
})

test('on the site every link and anchor leads on, and nothing is of another host', () => {
  const broken: string[] = []
  const read = (path: string) => readFileSync(join(out, path), 'utf8')
  for (const path of pages) {
    for (const [, attribute, href = ''] of read(path).matchAll(/ (href|src)="([^"]*)"/g)) {
      if (/^[a-z]+:/.test(href)) {
        if (attribute === 'src' || !/^(https?:|data:,$)/.test(href)) broken.push(`${path}: ${href}`)
        continue
      }
      const [file = '', anchor] = href.split('#')
      const target = file === '' ? path : normalize(join(dirname(path), file))
      if (!existsSync(join(out, target))) broken.push(`${path}: ${href}`)
      else if (anchor !== undefined && anchor !== 'content' && !read(target).includes(` id="${anchor}"`))
        broken.push(`${path}: ${href}`)
    }
  }
  expect(broken).toEqual([])
})

test('every page but the decisions is in the navigation of each page', () => {
  const navigation = /<nav[\s\S]*?<\/nav>/.exec(readFileSync(join(out, 'index.html'), 'utf8'))?.[0] ?? ''
  const linked = [...navigation.matchAll(/href="([^"]+)"/g)].map(([, href]) => href)
  const missing = pages.filter((path) => !linked.includes(path) && !/^decisions\/\d|^contents\.html$/.test(path))
  expect(missing).toEqual([])
})

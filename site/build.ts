import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CONTENTS, pathOf, readContents } from './contents.ts'
import { layout } from './layout.ts'
import { render } from './render.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const DECISIONS = 'docs/decisions'

/** Writes the site into a folder, which is emptied first, and returns the paths of its pages. */
export function buildSite(out: string): string[] {
  const chapters = readContents(root)
  const decisions = filesOf(DECISIONS, '.md')
  const listed = chapters.flatMap(({ entries }) => entries.map(({ source }) => source))
  const sources = new Set([CONTENTS, ...listed, ...decisions, ...filesOf('docs', '.md')])
  const isPage = (source: string) => sources.has(source) || source === DECISIONS
  const pages: { path: string; title: string; sections: readonly object[] }[] = []
  rmSync(out, { recursive: true, force: true })
  for (const source of sources) {
    const path = pathOf(source)
    const page = render(source, textOf(source, decisions), isPage)
    write(join(out, path), layout(page, { path, chapters }))
    pages.push({ path, title: page.title, sections: page.sections })
  }
  for (const picture of filesOf('docs', '.svg')) cpSync(join(root, picture), join(out, picture.slice('docs/'.length)))
  cpSync(fileURLToPath(new URL('./browser', import.meta.url)), out, { recursive: true })
  // A script, as a page that was opened from a file may load no JSON.
  write(join(out, 'search-index.js'), `globalThis.searchIndex = ${JSON.stringify(pages)}\n`)
  return pages.map(({ path }) => path)
}

/** The page of the decisions lists them; every other is a file. */
function textOf(source: string, decisions: readonly string[]): string {
  const text = readFileSync(join(root, source), 'utf8')
  if (source !== `${DECISIONS}/README.md`) return text
  const lines = decisions
    .filter((one) => one !== source)
    .map((one) => {
      const title = /^# (.*)$/m.exec(readFileSync(join(root, one), 'utf8'))?.[1]
      return `- [${title}](${one.slice(DECISIONS.length + 1)})\n`
    })
  return `${text}\n${lines.join('')}`
}

function filesOf(folder: string, ending: string): string[] {
  const names = readdirSync(join(root, folder), { recursive: true }) as string[]
  return names
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort()
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const out = join(root, 'docs-site')
  console.log(`${buildSite(out).length} pages: ${join(out, 'index.html')}`)
}

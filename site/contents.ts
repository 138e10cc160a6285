import { readFileSync } from 'node:fs'
import { posix } from 'node:path'

/** A page of the site, as docs/README.md lists it. */
export interface Entry {
  readonly title: string
  /** From the root of the repository: `docs/guide/events.md`. */
  readonly source: string
  /** Of a section that is listed beside its page. */
  readonly anchor?: string | undefined
}

export interface Chapter {
  readonly title: string
  readonly entries: readonly Entry[]
}

export const CONTENTS = 'docs/README.md'

/** The order of the site: what docs/README.md links to, below its headings. */
export function readContents(root: string): Chapter[] {
  const [, ...chapters] = readFileSync(`${root}/${CONTENTS}`, 'utf8').split(/^## /m)
  return chapters.map((text) => ({
    title: text.slice(0, text.indexOf('\n')),
    entries: [...text.matchAll(/^- \[([^\]]+)\]\(([^)#]+)(?:#([^)]+))?\)/gm)].map(
      ([, title = '', href = '', anchor]) => ({ title, source: posix.join('docs', href), anchor }),
    ),
  }))
}

/** Where a page is in the site: `guide/events.html`; the README of the repository is its first page. */
export function pathOf(source: string): string {
  if (source === 'README.md') return 'index.html'
  if (source === CONTENTS) return 'contents.html'
  const path = source.startsWith('docs/') ? source.slice('docs/'.length) : source.toLowerCase()
  return path.replace(/(\/README)?\.md$/, (_, readme) => (readme === undefined ? '.html' : '/index.html'))
}

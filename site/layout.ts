import { posix } from 'node:path'
import { type Chapter, pathOf } from './contents.ts'
import { escaped, type Rendered } from './render.ts'

export interface Place {
  readonly path: string
  readonly chapters: readonly Chapter[]
}

/** A whole page of the site, readable without its script and from a file. */
export function layout({ title, html, headings }: Rendered, { path, chapters }: Place): string {
  const to = (target: string) => posix.relative(posix.dirname(path), target)
  const root = to('').replace(/(.)$/, '$1/')
  return `<!doctype html>
<html lang="en" data-root="${root}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title === 'Lintel' ? title : `${title} · Lintel`)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${root}site.css">
<script src="${root}site.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header>
<a class="name" href="${to('index.html')}">Lintel</a>
<search>
<input id="search" type="search" placeholder="Search (press /)" aria-label="Search the documentation" autocomplete="off" aria-controls="results">
<div id="results" role="region" aria-live="polite" aria-label="Results of the search" hidden></div>
</search>
<button id="menu" type="button" aria-expanded="false" aria-controls="nav">Pages</button>
</header>
<div class="columns">
<nav id="nav" aria-label="Pages">
${chapters.map((chapter) => navigation(chapter, path, to)).join('\n')}
</nav>
<main id="content">
${html}
${neighbours(chapters, path, to)}
</main>
${outline(headings)}
</div>
</body>
</html>
`
}

function navigation({ title, entries }: Chapter, path: string, to: (target: string) => string): string {
  const items = entries.map(({ title, source, anchor }) => {
    const target = pathOf(source)
    const current = target === path && anchor === undefined ? ' aria-current="page"' : ''
    const href = to(target) + (anchor === undefined ? '' : `#${anchor}`)
    return `<li><a href="${href}"${current}>${escaped(title)}</a></li>`
  })
  return `<h2>${escaped(title)}</h2>\n<ul>${items.join('\n')}</ul>`
}

function neighbours(chapters: readonly Chapter[], path: string, to: (target: string) => string): string {
  const entries = chapters.flatMap((chapter) => chapter.entries.filter(({ anchor }) => anchor === undefined))
  const at = entries.findIndex(({ source }) => pathOf(source) === path)
  if (at === -1) return ''
  const link = (index: number, rel: string, arrow: (title: string) => string) => {
    const entry = entries[index]
    return entry === undefined
      ? '<span></span>'
      : `<a rel="${rel}" href="${to(pathOf(entry.source))}">${arrow(escaped(entry.title))}</a>`
  }
  return `<footer>${link(at - 1, 'prev', (title) => `← ${title}`)}${link(at + 1, 'next', (title) => `${title} →`)}</footer>`
}

function outline(headings: Rendered['headings']): string {
  const shown = headings.filter(({ depth }) => depth <= 3)
  if (shown.length < 2) return '<aside></aside>'
  const items = shown.map(
    ({ depth, text, anchor }) => `<li class="depth-${depth}"><a href="#${anchor}">${escaped(text)}</a></li>`,
  )
  return `<aside aria-label="On this page"><h2>On this page</h2><ul>${items.join('\n')}</ul></aside>`
}

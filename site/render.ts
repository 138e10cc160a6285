import { createRequire } from 'node:module'
import { posix } from 'node:path'
import { Marked, type Tokens } from 'marked'
import { pathOf } from './contents.ts'

/** Of highlight.js, whose own types would bring those of browsers into every file of the repository. */
interface Highlighter {
  getLanguage(name: string): unknown
  highlight(text: string, options: { readonly language: string }): { readonly value: string }
}
const highlighter: Highlighter = createRequire(import.meta.url)('highlight.js/lib/common')

/** What stands below one heading, for the search. */
export interface Section {
  readonly heading: string
  /** Empty above the first heading of a second level. */
  readonly anchor: string
  text: string
}

export interface Rendered {
  readonly title: string
  readonly html: string
  /** Of the second level and below. */
  readonly headings: readonly { readonly depth: number; readonly text: string; readonly anchor: string }[]
  readonly sections: readonly Section[]
}

/** Renders a page of Markdown. A link to a file that `isPage` does not know is its text alone: the site has no source code. */
export function render(source: string, markdown: string, isPage: (source: string) => boolean): Rendered {
  const headings: { depth: number; text: string; anchor: string }[] = []
  const sections: Section[] = []
  const taken = new Map<string, number>()
  let title = source
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const text = plain(tokens)
        if (depth === 1) title = text
        const anchor = slugOf(text, taken)
        if (depth > 1) headings.push({ depth, text, anchor })
        const inner = this.parser.parseInline(tokens)
        return `<h${depth} id="${anchor}">${inner} <a class="anchor" href="#${anchor}" aria-label="Link to this section">#</a></h${depth}>\n`
      },
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens)
        // An address in a text is none to write to.
        if (href.startsWith('mailto:')) return inner
        if (/^[a-z]+:/.test(href)) return `<a href="${escaped(href)}">${inner}</a>`
        const [file = '', anchor] = href.split('#')
        const target = file === '' ? source : posix.join(posix.dirname(source), file).replace(/\/$/, '')
        if (!isPage(target)) return `<span class="file" title="${escaped(target)}, in the repository">${inner}</span>`
        const path = file === '' ? '' : posix.relative(posix.dirname(pathOf(source)), pathOf(target))
        return `<a href="${path}${anchor === undefined ? '' : `#${anchor}`}">${inner}</a>`
      },
      image({ href, text }) {
        return `<img src="${escaped(href)}" alt="${escaped(text)}">`
      },
      code({ text, lang = '' }) {
        const [language = '', ...about] = lang.split(' ')
        const file = about.join(' ')
        const inner = highlighter.getLanguage(language)
          ? highlighter.highlight(text, { language }).value
          : escaped(text)
        const caption = file.includes('.') ? `<figcaption>${escaped(file)}</figcaption>` : ''
        return `<figure class="code">${caption}<pre tabindex="0"><code>${inner}</code></pre></figure>\n`
      },
      table(token) {
        const row = (cells: Tokens.TableCell[], tag: string) =>
          `<tr>${cells.map(({ tokens }) => `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`).join('')}</tr>\n`
        const isTitled = token.header.some(({ text }) => text !== '')
        const head = isTitled ? `<thead>${row(token.header, 'th')}</thead>` : ''
        const body = token.rows.map((cells) => row(cells, 'td')).join('')
        return `<div class="table" tabindex="0"><table>${head}<tbody>${body}</tbody></table></div>\n`
      },
    },
  })
  const tokens = marked.lexer(markdown)
  const html = marked.parser(tokens)
  const anchors = new Map<string, number>()
  for (const token of tokens) {
    if (token.type === 'heading') {
      const heading = plain(token.tokens ?? [])
      const anchor = slugOf(heading, anchors)
      sections.push({ heading, anchor: token.depth === 1 ? '' : anchor, text: '' })
    } else if (sections.length > 0) sections.at(-1)!.text += `${wordsOf(token)} `
  }
  return { title, html, headings, sections }
}

type Token = Tokens.Generic

function plain(tokens: readonly Token[]): string {
  return tokens.map((token) => (token.tokens ? plain(token.tokens) : unescaped(token.text ?? ''))).join('')
}

/** All that can be read in a block, without its marks. */
function wordsOf(token: Token): string {
  const cells = token.type === 'table' ? [token.header, ...token.rows].flat() : undefined
  const parts: readonly Token[] | undefined = cells ?? token.items ?? token.tokens
  const words =
    parts === undefined
      ? unescaped(token.text ?? '')
      : parts.map(wordsOf).join(token.type === 'paragraph' || token.type === 'text' ? '' : ' ')
  return token.type === 'space' ? ' ' : words.replace(/\s+/g, ' ')
}

/** As code hosts make them: small letters, digits and hyphens; what comes twice has a number. */
function slugOf(text: string, taken: Map<string, number>): string {
  const slug = text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, '')
    .replaceAll(' ', '-')
  const before = taken.get(slug) ?? 0
  taken.set(slug, before + 1)
  return before === 0 ? slug : `${slug}-${before}`
}

export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`)
}

/** What marked has made of text already. */
function unescaped(text: string): string {
  return text.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (_, name) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name as string] ?? "'",
  )
}

import { readFileSync } from 'node:fs'

/** A fenced block of a page of the documentation. */
export interface Block {
  /** `sh`, `ts`, `sql`, `json`, `text`, … */
  readonly language: string
  /** What stands behind the language: the file that the block is, or the framework that it belongs to. */
  readonly about: string
  readonly text: string
}

const FENCE = /^```(\w+)(?: (.+))?\n([\s\S]*?)^```$/gm

/** The fenced blocks of a page, such as `docs/quick-start.md`, in their order. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8')
  return [...text.matchAll(FENCE)].map(([, language = '', about = '', block = '']) => ({
    language,
    about,
    text: block,
  }))
}

/** The lines of a page's `ts` and `sql` blocks that are not in the test at `url`, which therefore does not prove them. */
export function unproven(page: string, url: string): string[] {
  const here = new Set(linesOf(readFileSync(new URL(url), 'utf8')))
  const blocks = blocksOf(page).filter(({ language }) => ['ts', 'sql'].includes(language))
  if (blocks.length === 0) throw new Error(`${page} has no example`)
  return blocks.flatMap(({ text }) => linesOf(text)).filter((line) => !here.has(line))
}

/** However they are wrapped in functions and exported. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replace(/^export |,$/g, ''))
    .filter((line) => line !== '')
}

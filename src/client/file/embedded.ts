import { Fault } from '../../base/errors.ts'
import { sources } from './sources.ts'

/** Top-level code: a declaration with its comment, or several that no blank line separates. */
interface Chunk {
  readonly text: string
  readonly names: readonly string[]
}

const KINDS = '(?:async )?(?:function\\*?|const|let|class|interface|type)'
const DECLARATION = new RegExp(`^(?:export )?${KINDS} ([\\w$]+)`, 'gm')
const EXPORT = new RegExp(`^export (?=${KINDS} ([\\w$]+))`, 'gm')
const IMPORT = /^(?:import|export) [^;]*? from '[^']+'\n/gm
/** They mean something to those who have our specification. */
const RULES = / \((?:R|FC)-[A-Z0-9-]+(?:, (?:R|FC)-[A-Z0-9-]+)*\)/g

/**
 * What a client needs of our own code, as one text without imports: what `uses` mentions, and what that mentions in turn. Of its names
 * only `exported` are exports. Formatted code has a blank line between declarations, and nothing after one is indented.
 */
export function embedded(uses: string, exported: readonly string[]): { text: string; names: string[] } {
  const chunks = sources().flatMap(chunksOf)
  const needed = new Set<Chunk>()
  const look = (text: string) => {
    const words = new Set(codeOf(text).match(/[\w$]+/g))
    for (const chunk of chunks)
      if (!needed.has(chunk) && chunk.names.some((name) => words.has(name))) {
        needed.add(chunk)
        look(chunk.text)
      }
  }
  look(uses)
  const kept = chunks.filter((chunk) => needed.has(chunk))
  const names = kept.flatMap((chunk) => chunk.names)
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new Fault('AMBIGUOUS_NAME', `Two declarations named "${twice}" cannot be in one file`)
  const text = kept
    .map((chunk) => chunk.text.replace(EXPORT, (word, name) => (exported.includes(name) ? word : '')))
    .join('\n\n')
  return { text: text.replace(RULES, ''), names }
}

function chunksOf(source: string): Chunk[] {
  return source
    .replace(IMPORT, '')
    .trim()
    .split(/\n\n(?=\S)/)
    .map((text) => ({ text, names: Array.from(text.matchAll(DECLARATION), ([, name]) => name!) }))
}

/** Without comments and texts: what is named there is not needed. */
function codeOf(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/.*|'(?:[^'\\\n]|\\.)*'/g, ' ')
}

import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
} from 'yaml'
import { MAX_FAULTS } from './errors.ts'

/** Values, with all that aliases stand for written out. The largest public documents of 16 MiB have a million. */
const MAX_EXPANDED = 4_000_000

/**
 * The value of a YAML text, with merge keys (`<<`) merged as YAML 1.1 has it: what a mapping says itself goes before what is
 * merged into it, and an earlier source before a later one. An Error names line and column of what is wrong: a key twice, a tab
 * as indentation, several documents, a merge of what is no mapping, an alias in a circle.
 *
 * How often aliases stand is not counted, as yaml does it, but how much they stand for: a document that says one response 150
 * times is no bomb, and nine aliases may be one ("billion laughs").
 */
export function parseYaml(text: string): unknown {
  return readYaml(text).value
}

/** The same, with where each value stands: `offsetOf(['paths', '/users'])` is the offset of that key in the text. */
export interface YamlText {
  readonly value: unknown
  /** Of the key of a member, or of an element; of the deepest one on the way where the path leads on into nothing. */
  offsetOf(path: readonly string[]): number
}

export function readYaml(text: string): YamlText {
  const lines = new LineCounter()
  const document = parseDocument(text, { merge: true, lineCounter: lines })
  const { errors } = document
  if (errors.length > 0) {
    const more = errors.length > MAX_FAULTS ? `; and ${errors.length - MAX_FAULTS} more` : ''
    throw new Error(errors.slice(0, MAX_FAULTS).map(firstLine).join('; ') + more)
  }
  checkAliases(document, lines)
  return { value: document.toJS({ maxAliasCount: -1 }), offsetOf: (path) => offsetOf(document, path) }
}

function offsetOf(document: Document, path: readonly string[]): number {
  let at: unknown = document.contents
  let offset = startOf(at) ?? 0
  for (const name of path) {
    if (isAlias(at)) at = at.resolve(document)
    if (isMap(at)) {
      const pair = at.items.find(({ key }) => String(isScalar(key) ? key.value : key) === name)
      if (pair === undefined) return offset
      offset = startOf(pair.key) ?? offset
      at = pair.value
    } else if (isSeq(at)) {
      at = at.items[Number(name)]
      offset = startOf(at) ?? offset
    } else return offset
  }
  return offset
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}

function firstLine({ message }: Error): string {
  return message.split('\n', 1)[0]!.replace(/:$/, '')
}

/** What an alias may stand for: where it was read, and how much it comes to. */
interface Anchored {
  readonly node: unknown
  /** Undefined while it is being read. */
  size: number | undefined
}

function checkAliases(document: Document, lines: LineCounter): void {
  const anchors = new Map<string, Anchored>()

  function sizeOf(node: unknown): number {
    if (isPair(node)) {
      const size = sizeOf(node.key) + sizeOf(node.value)
      checkMerge(node)
      return size
    }
    if (isAlias(node)) {
      const anchored = anchors.get(node.source)
      if (anchored === undefined) throw wrong(node, `the alias *${node.source} has no anchor before it`)
      if (anchored.size === undefined) throw wrong(node, `the alias *${node.source} refers to itself`)
      return anchored.size
    }
    const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined
    const anchored: Anchored = { node, size: undefined }
    if (anchor !== undefined) anchors.set(anchor, anchored)
    let size = 1
    if (isMap(node) || isSeq(node))
      for (const item of node.items) {
        size += sizeOf(item)
        if (size > MAX_EXPANDED)
          throw wrong(item, `with its aliases expanded, the document has more than ${MAX_EXPANDED} values`)
      }
    anchored.size = size
    return size
  }

  /** yaml would say so too, but not where. */
  function checkMerge({ key, value }: Pair): void {
    if (!isScalar(key) || !(key.value === '<<' ? key.type === 'PLAIN' : typeof key.value === 'symbol')) return
    const given = resolved(value)
    const sources = isSeq(given) ? given.items.map(resolved) : [given]
    if (!sources.every(isMap)) throw wrong(key, 'what << merges is neither a mapping nor a list of mappings')
  }

  function resolved(node: unknown): unknown {
    return isAlias(node) ? anchors.get(node.source)?.node : node
  }

  function wrong(node: unknown, what: string): Error {
    const { range } = (isPair(node) ? node.key : node) as Node
    const { line, col } = lines.linePos(range?.[0] ?? 0)
    return new Error(`${what} at line ${line}, column ${col}`)
  }

  sizeOf(document.contents)
}

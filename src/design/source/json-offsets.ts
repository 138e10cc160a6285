import type { Path } from './places.ts'

/** What is looked for, as a tree: a document of 12 MiB with 30,000 places to find is read once. */
interface Wanted {
  readonly below: Map<string, Wanted>
  /** Places in the list of paths. */
  readonly indexes: number[]
}

/**
 * The offset of the key (or the element) at each path in a text that JSON.parse has taken; of the deepest that exists where a
 * path leads into nothing. What leads to nothing wanted is skipped, without a call per level.
 */
export function offsetsInJson(text: string, paths: readonly Path[]): number[] {
  const offsets = new Array<number>(paths.length).fill(0)
  readValue(spaceFrom(0), treeOf(paths))
  return offsets

  /** Both return the offset after the value. */
  function readValue(at: number, wanted: Wanted): number {
    if (wanted.below.size === 0) return valueEnd(text, at)
    if (text[at] === '{') return readObject(at, wanted)
    if (text[at] === '[') return readArray(at, wanted)
    return valueEnd(text, at)
  }

  function readObject(start: number, wanted: Wanted): number {
    let at = spaceFrom(start + 1)
    while (text[at] !== '}') {
      const end = stringEnd(text, at)
      const found = wanted.below.get(nameOf(at, end))
      if (found) mark(found, at)
      at = spaceFrom(text.indexOf(':', end) + 1)
      at = spaceFrom(found ? readValue(at, found) : valueEnd(text, at))
      if (text[at] === ',') at = spaceFrom(at + 1)
    }
    return at + 1
  }

  function readArray(start: number, wanted: Wanted): number {
    let at = spaceFrom(start + 1)
    for (let i = 0; text[at] !== ']'; i++) {
      const found = wanted.below.get(String(i))
      if (found) mark(found, at)
      at = spaceFrom(found ? readValue(at, found) : valueEnd(text, at))
      if (text[at] === ',') at = spaceFrom(at + 1)
    }
    return at + 1
  }

  function nameOf(start: number, end: number): string {
    const name = text.slice(start + 1, end - 1)
    return name.includes('\\') ? JSON.parse(text.slice(start, end)) : name
  }

  /** Also what is below: it may not exist. */
  function mark({ indexes, below }: Wanted, offset: number): void {
    for (const index of indexes) offsets[index] = offset
    for (const one of below.values()) mark(one, offset)
  }

  function spaceFrom(from: number): number {
    let at = from
    while (' \n\r\t'.includes(text[at] ?? 'x')) at++
    return at
  }
}

function treeOf(paths: readonly Path[]): Wanted {
  const root: Wanted = { below: new Map(), indexes: [] }
  for (const [index, path] of paths.entries()) {
    let at = root
    for (const name of path) {
      const next = at.below.get(name) ?? { below: new Map(), indexes: [] }
      at.below.set(name, next)
      at = next
    }
    at.indexes.push(index)
  }
  return root
}

const QUOTE = 34
const BACKSLASH = 92

function stringEnd(text: string, start: number): number {
  let at = start + 1
  while (text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1
  return at + 1
}

/** Without a call per level: a value that is skipped may be nested as deeply as it likes. */
function valueEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  do {
    const char = text[at]!
    if (char === '"') at = stringEnd(text, at)
    else {
      if (char === '{' || char === '[') depth++
      else if (char === '}' || char === ']') depth--
      at++
      // A number or a word ends where something else begins.
      if (depth === 0 && !'{}[]'.includes(char)) while (/[\w.+-]/.test(text[at] ?? '')) at++
    }
  } while (depth > 0)
  return at
}

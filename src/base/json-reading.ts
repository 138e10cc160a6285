import { type FieldFault, MAX_FAULTS, Problem } from './errors.ts'
import { fieldPath } from './field-path.ts'
import { type Shape, shapeOfNone } from './json-shape.ts'

export interface Bounds {
  readonly maxDepth: number
  readonly exact: boolean
  readonly maxValues: number
  readonly maxKeys: number
}

/** A text on its way through the reader. */
export interface Reader {
  readonly text: string
  readonly bounds: Bounds
  /** Key or index of what is being read at each level; its length is the depth. */
  readonly path: (string | number)[]
  readonly faults: FieldFault[]
  /** How many more there were. */
  unlisted: number
  /** The keys seen so far, and the last one of each place in `recent`: most keys of a text have stood in it before. */
  readonly keys: Set<string>
  /** Of `keys`, all together. */
  keyLength: number
  readonly recent: string[]
  readonly root: Shape
  shapes: number
  dear: number
  /** Objects deep within others, and short texts that were not the last one of their place in `recentTexts`. */
  slow: number
  /** Whether the text itself has half of a surrogate pair somewhere: never where it was decoded from UTF-8. */
  readonly broken: boolean
  at: number
  /** Members and elements. */
  values: number
  /** Numbers that had to be written out again to be judged. */
  judged: number
  /** Whether the string that was read last has an escape, and whether it may have NUL or half of a surrogate pair. */
  escaped: boolean
  suspect: boolean
}

export function createReader(text: string, bounds: Bounds): Reader {
  return {
    text,
    bounds,
    path: [],
    faults: [],
    unlisted: 0,
    keys: new Set(),
    keyLength: 0,
    recent: new Array<string>(256).fill(''),
    root: shapeOfNone(),
    shapes: 0,
    dear: 0,
    slow: 0,
    broken: !isWellFormed(text),
    at: 0,
    values: 0,
    judged: 0,
    escaped: false,
    suspect: false,
  }
}

export function skipSpace(reader: Reader): void {
  for (;;) {
    const code = reader.text.charCodeAt(reader.at)
    if (code > 32 || (code !== 32 && code !== 10 && code !== 13 && code !== 9)) return
    reader.at++
  }
}

/** Of a text that is JSON and has something in it that may not be there: goes on, to find the next such thing. */
export function refuse(reader: Reader, message: string): void {
  const { faults, path, bounds } = reader
  if (faults.length < MAX_FAULTS) faults.push({ field: fieldPath(path), message })
  else if (bounds.exact) throw refusal(reader)
  else reader.unlisted++
}

export function unexpected(reader: Reader, expected: string, at = reader.at): Problem {
  reader.at = at
  const code = reader.text.codePointAt(reader.at)
  const found = code === undefined ? 'the text ends' : `found ${nameOf(code)}`
  return new Problem('MALFORMED_JSON', `Expected ${expected} but ${found} at ${place(reader)}.`)
}

function nameOf(code: number): string {
  const printable = code > 32 && code < 127
  return printable ? `'${String.fromCodePoint(code)}'` : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

export function place({ text, at }: Reader): string {
  let line = 1
  let lineStart = 0
  for (let i = 0; i < at; i++)
    if (text.charCodeAt(i) === 10) {
      line++
      lineStart = i + 1
    }
  return `line ${line}, column ${at - lineStart + 1}`
}

export function refusal({ faults, unlisted }: Reader): Problem {
  const { field, message } = faults[0]!
  // A text that is one bare value has no field to name.
  if (field === '') return new Problem('MALFORMED_JSON', message)
  const more = unlisted > 0 ? ` ${unlisted} more errors are not listed.` : ''
  return new Problem('MALFORMED_JSON', `${field}: ${message}${more}`, { details: faults })
}

/** Node 20 has it; TypeScript's library of that year does not. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

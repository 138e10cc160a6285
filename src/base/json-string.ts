import { Problem } from './errors.ts'
import { fieldPath } from './field-path.ts'
import { hexValue, unescaped, unitOf } from './json-escape.ts'
import { isWellFormed, type Reader, refuse, unexpected } from './json-reading.ts'

/** JSON.parse enters texts up to this length in V8's table of strings. */
const ENTERED = 10
/** Of such texts and objects there may be as many before the builder is quicker. */
export const MAX_SLOW = 20_000
/** Of a hash of texts; by chance, so that nobody sends texts that look alike by it. */
const FACTOR = Math.floor(Math.random() * 2 ** 31) | 1
/** Hashes of texts. One table for all readers: that the last body leaves its own in it changes the count by no more than these. */
const recentTexts = new Int32Array(1_024)
/** Of keys that are longer on average, a text may have fewer: each is hashed and looked up by all its letters. */
const USUAL_KEY = 64

export const QUOTE = 34
const BACKSLASH = 92

export function readText(reader: Reader): void {
  const { text } = reader
  const start = reader.at + 1
  const end = stringEnd(reader)
  if (reader.suspect) checkText(reader, unescaped(text, start, end))
  if (end - start > (reader.escaped ? 6 * ENTERED : ENTERED) || reader.slow > MAX_SLOW) return
  let hash = 0
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ text.charCodeAt(at), FACTOR)
  const slot = hash >>> 22
  if (recentTexts[slot] === hash) return
  recentTexts[slot] = hash
  reader.slow++
}

/**
 * A key: the one that was read before, where it was, so that it need not be made or looked up again. Keys that all differ are
 * what costs JSON most, and no contract has so many.
 */
export function readKey(reader: Reader, level: number): string {
  const { text, keys, recent, bounds } = reader
  const start = reader.at + 1
  const slot = slotOf(text, start)
  const known = recent[slot]!
  if (known !== '' && standsAt(text, known, start)) {
    reader.at = start + known.length + 1
    reader.suspect = false
    reader.escaped = false
    return known
  }
  const end = stringEnd(reader)
  const key = reader.escaped ? unescaped(text, start, end) : text.slice(start, end)
  if (!keys.has(key)) {
    reader.keyLength += key.length
    if (keys.size === bounds.maxKeys || reader.keyLength > bounds.maxKeys * USUAL_KEY) {
      const field = fieldPath([...reader.path.slice(0, level), key])
      throw new Problem(
        'VALIDATION_ERROR',
        `The body has more than ${bounds.maxKeys} different fields, or their names are too long`,
        {
          details: [{ field, message: 'is not a field of this request' }],
        },
      )
    }
    keys.add(key)
  }
  // As it is written: with an escape in it, the text does not begin with it.
  if (!reader.suspect && !reader.escaped) recent[slot] = key
  return key
}

/** Which of 256 places a string has. */
function slotOf(text: string, start: number): number {
  return (text.charCodeAt(start) * 31 + text.charCodeAt(start + 1) * 7 + text.charCodeAt(start + 2)) & 255
}

/** Whether the string that begins here is this one, written without escapes. */
export function standsAt(text: string, string: string, start: number): boolean {
  let at = string.length
  if (text.charCodeAt(start + at) !== QUOTE) return false
  // From the end: keys differ there, if they are numbered. A long one is not worth a loop.
  if (at > 16) return text.startsWith(string, start)
  while (--at >= 0) if (text.charCodeAt(start + at) !== string.charCodeAt(at)) return false
  return true
}

/** Steps over the string that begins here, and tells where it ends. */
function stringEnd(reader: Reader): number {
  const { text } = reader
  reader.suspect = reader.broken
  reader.escaped = false
  let at = reader.at + 1
  for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
    if (code === BACKSLASH) at = escapeEnd(reader, at)
    else if (code >= 32) at++
    else throw unexpected(reader, 'the end of the string', at)
  }
  reader.at = at + 1
  return at
}

/** Where an escape ends. */
function escapeEnd(reader: Reader, at: number): number {
  const { text } = reader
  reader.escaped = true
  const code = text.charCodeAt(at + 1)
  if (code !== 117) {
    if (unitOf(code) < 0) throw unexpected(reader, 'a valid JSON escape', at + 1)
    return at + 2
  }
  let unit = 0
  for (let i = at + 2; i < at + 6; i++) {
    const digit = hexValue(text.charCodeAt(i))
    if (digit < 0) throw unexpected(reader, 'four hexadecimal digits', i)
    unit = unit * 16 + digit
  }
  if (unit === 0 || (unit & 0xf800) === 0xd800) reader.suspect = true
  return at + 6
}

export function checkText(reader: Reader, text: string): void {
  if (!reader.bounds.exact) return
  if (text.includes('\0')) refuse(reader, 'Text must not contain NUL (\\u0000).')
  if (!isWellFormed(text)) refuse(reader, 'Text must not contain an unpaired surrogate.')
}

import { type FieldFault, MAX_FAULTS, Problem } from './errors.ts'
import { fieldPath, shortened } from './field-path.ts'
import { hexValue, unescaped, unitOf } from './json-escape.ts'
import { isExact } from './json-number.ts'

/**
 * Reads JSON by the letter of RFC 8259 and refuses, with its place or its field, everything that parseJson names. It makes no
 * value: JSON.parse does that as quickly as anything can, but for a few kinds of text, which are counted on the way (FC-92).
 */

export interface Bounds {
  readonly maxDepth: number
  readonly exact: boolean
  readonly maxValues: number
  readonly maxKeys: number
}

/**
 * The keys of an object so far, in their order, as a path from `{}`. Objects mostly repeat the order of one before, so that
 * the next key need only be compared with the one that stood here the last time; and a key that stands twice leads to no shape.
 */
interface Shape {
  readonly key: string
  readonly before: Shape | undefined
  /** Where the last key led, unless that was written with an escape. */
  next: Shape | undefined
  /** Where every key led, once there were two. */
  all: Map<string, Shape> | undefined
}

/** A text on its way through the reader. */
interface Reader {
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

/**
 * Numbers of 16 or 17 digits, or at the ends of what a double holds: each takes as long as ten others. No field of a contract
 * has one.
 */
const MAX_JUDGED = 4_000
/** JSON.parse enters texts up to this length in V8's table of strings. */
const ENTERED = 10
/** An object as deep as this takes JSON.parse twice as long as json-builder.ts. */
const DEEP = 8
/** Of such texts and objects there may be as many before the builder is quicker. */
const MAX_SLOW = 20_000
/** Of a hash of texts; by chance, so that nobody sends texts that look alike by it. */
const FACTOR = Math.floor(Math.random() * 2 ** 31) | 1
/** Hashes of texts. One table for all readers: that the last body leaves its own in it changes the count by no more than these. */
const recentTexts = new Int32Array(1_024)
/** Of keys that are longer on average, a text may have fewer: each is hashed and looked up by all its letters. */
const USUAL_KEY = 64
/** An object with more members becomes a hash table, which takes four times as long to build. */
const WIDE = 100
/** In an object of so few members a key is found by looking at each. */
const NARROW = 16
/** Each shape is a hidden class to V8, and takes about as long as four members. */
const MANY_SHAPES = 8_000

const QUOTE = 34
const MINUS = 45
const BACKSLASH = 92

/** Throws everything that there is to refuse in a text. Returns whether JSON.parse is quick with it. */
export function checkJson(text: string, bounds: Bounds): boolean {
  if (text.charCodeAt(0) === 0xfeff)
    throw new Problem('MALFORMED_JSON', 'The text must not begin with a byte-order mark.')
  const reader: Reader = {
    text,
    bounds,
    path: [],
    faults: [],
    unlisted: 0,
    keys: new Set(),
    keyLength: 0,
    recent: new Array<string>(256).fill(''),
    root: { key: '', before: undefined, next: undefined, all: undefined },
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
  skipSpace(reader)
  readValue(reader)
  skipSpace(reader)
  if (reader.at < text.length) throw unexpected(reader, 'the end of the text')
  if (reader.faults.length > 0) throw refusal(reader)
  return reader.slow <= MAX_SLOW
}

function refusal({ faults, unlisted }: Reader): Problem {
  const { field, message } = faults[0]!
  // A text that is one bare value has no field to name.
  if (field === '') return new Problem('MALFORMED_JSON', message)
  const more = unlisted > 0 ? ` ${unlisted} more errors are not listed.` : ''
  return new Problem('MALFORMED_JSON', `${field}: ${message}${more}`, { details: faults })
}

function readValue(reader: Reader): void {
  const code = reader.text.charCodeAt(reader.at)
  if (code === QUOTE) readText(reader)
  else if (code === 123) readObject(reader)
  else if (code === 91) readArray(reader)
  else if (isDigit(code) || code === MINUS) readNumber(reader)
  else if (code === 116) readWord(reader, 'true')
  else if (code === 102) readWord(reader, 'false')
  else if (code === 110) readWord(reader, 'null')
  else throw unexpected(reader, 'a value')
}

function readObject(reader: Reader): void {
  const { text, path } = reader
  let shape = reader.root
  let members = 0
  if (path.length > DEEP) reader.slow++
  /** The keys of this object, once it has a shape that none had before. */
  let seen: Set<string> | undefined
  let more = open(reader, 125)
  const level = path.length - 1
  for (; more; more = next(reader, 125)) {
    const start = reader.at
    if (text.charCodeAt(start) !== QUOTE) throw unexpected(reader, 'a key in double quotes')
    members++
    const guess = shape.next
    if (guess !== undefined && standsAt(text, guess.key, start + 1)) {
      shape = guess
      path[level] = guess.key
      reader.at = start + guess.key.length + 2
    } else {
      const key = readKey(reader, level)
      path[level] = key
      const asWritten = !reader.suspect && !reader.escaped
      if (reader.suspect) checkText(reader, key)
      const known = guess?.key === key ? guess : shape.all?.get(key)
      if (known !== undefined) {
        shape = known
        if (asWritten) known.before!.next = known
      } else if (key === '__proto__') refuse(reader, 'The key __proto__ is not allowed.')
      else {
        if (members > NARROW) seen ??= keysOf(shape)
        const twice = seen === undefined ? holds(shape, key) : seen.has(key)
        if (twice) refuse(reader, 'The key is duplicated in its object.')
        else {
          seen?.add(key)
          shape = lead(reader, shape, key, asWritten)
        }
      }
    }
    if (text.charCodeAt(reader.at) !== 58) {
      skipSpace(reader)
      if (text.charCodeAt(reader.at) !== 58) throw unexpected(reader, "':'")
    }
    reader.at++
    if (text.charCodeAt(reader.at) <= 32) skipSpace(reader)
    readValue(reader)
  }
  path.pop()
  if (members > WIDE) spend(reader, members)
}

/** The shape that a new key leads to. */
function lead(reader: Reader, before: Shape, key: string, asWritten: boolean): Shape {
  const shape: Shape = { key, before, next: undefined, all: undefined }
  const { next } = before
  if (next !== undefined && before.all === undefined) before.all = new Map().set(next.key, next)
  if (before.all !== undefined || !asWritten) {
    before.all ??= new Map()
    before.all.set(key, shape)
  }
  if (asWritten) before.next = shape
  if (++reader.shapes > MANY_SHAPES) spend(reader, 4)
  return shape
}

function holds(shape: Shape, key: string): boolean {
  for (let at = shape; at.before !== undefined; at = at.before) if (at.key === key) return true
  return false
}

function keysOf(shape: Shape): Set<string> {
  const keys = new Set<string>()
  for (let at = shape; at.before !== undefined; at = at.before) keys.add(at.key)
  return keys
}

/** Counts members that take several times what others do: a contract has few, and these are bounded lower. */
function spend(reader: Reader, members: number): void {
  const { maxValues, maxKeys } = reader.bounds
  reader.dear += members
  if (reader.dear > Math.max(maxValues / 4, 5 * maxKeys))
    throw new Problem(
      'PAYLOAD_TOO_LARGE',
      `The body has too many objects of more than ${WIDE} members, or of other members than those before`,
    )
}

function readArray(reader: Reader): void {
  const { text, path } = reader
  let more = open(reader, 93)
  const level = path.length - 1
  for (let index = 0; more; more = next(reader, 93)) {
    path[level] = index++
    if (text.charCodeAt(reader.at) === QUOTE) readText(reader)
    else readValue(reader)
  }
  path.pop()
}

/** Steps into an object or array, and counts its first member; false if it is empty. */
function open(reader: Reader, end: number): boolean {
  const { maxDepth } = reader.bounds
  if (reader.path.length >= maxDepth)
    throw new Problem('MALFORMED_JSON', `Nested deeper than ${maxDepth} levels at ${place(reader)}.`)
  reader.path.push(0)
  reader.at++
  skipSpace(reader)
  if (reader.text.charCodeAt(reader.at) === end) {
    reader.at++
    return false
  }
  count(reader)
  return true
}

/** Steps over the comma to the next member; false if the object or array ends. */
function next(reader: Reader, end: number): boolean {
  const { text } = reader
  let code = text.charCodeAt(reader.at)
  if (code <= 32) {
    skipSpace(reader)
    code = text.charCodeAt(reader.at)
  }
  if (code !== 44 && code !== end) throw unexpected(reader, `',' or '${String.fromCharCode(end)}'`)
  reader.at++
  if (code === end) return false
  if (text.charCodeAt(reader.at) <= 32) skipSpace(reader)
  count(reader)
  return true
}

function count(reader: Reader): void {
  const { maxValues } = reader.bounds
  if (++reader.values > maxValues)
    throw new Problem('PAYLOAD_TOO_LARGE', `The body has more than ${maxValues} members and elements`)
}

function readText(reader: Reader): void {
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
function readKey(reader: Reader, level: number): string {
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

function checkText(reader: Reader, text: string): void {
  if (!reader.bounds.exact) return
  if (text.includes('\0')) refuse(reader, 'Text must not contain NUL (\\u0000).')
  if (!isWellFormed(text)) refuse(reader, 'Text must not contain an unpaired surrogate.')
}

/**
 * A number. Of its significant digits, without zeros at either end, up to 15 are always kept, and more than 17 never: a double
 * shows no more. Those between are judged by writing the double out.
 */
function readNumber(reader: Reader): void {
  const { text } = reader
  const start = reader.at
  let at = text.charCodeAt(start) === MINUS ? start + 1 : start
  let code = text.charCodeAt(at)
  if (!isDigit(code)) throw unexpected(reader, 'a digit', at)
  /** How many digits there are from the first that is not zero on, and up to the last that is not. */
  let digits = 0
  let significant = 0
  /** Digits after the point. */
  let decimals = 0
  // A zero in front stands alone.
  if (code === 48) code = text.charCodeAt(++at)
  else {
    do {
      digits++
      if (code !== 48) significant = digits
      code = text.charCodeAt(++at)
    } while (isDigit(code))
  }
  if (code === 46) {
    code = text.charCodeAt(++at)
    if (!isDigit(code)) throw unexpected(reader, 'a digit', at)
    do {
      decimals++
      if (digits > 0 || code !== 48) {
        digits++
        if (code !== 48) significant = digits
      }
      code = text.charCodeAt(++at)
    } while (isDigit(code))
  }
  let exponent = 0
  if (code === 101 || code === 69) {
    code = text.charCodeAt(++at)
    const down = code === MINUS
    if (down || code === 43) code = text.charCodeAt(++at)
    if (!isDigit(code)) throw unexpected(reader, 'a digit', at)
    while (isDigit(code)) {
      // Beyond a million more digits mean nothing: no text is long enough to make up for them.
      if (exponent < 1e15) exponent = exponent * 10 + code - 48
      code = text.charCodeAt(++at)
    }
    if (down) exponent = -exponent
  }
  reader.at = at
  // Zero, or 15 digits well within the range of a double.
  const scale = exponent - decimals + digits
  if (digits === 0 || (significant <= 15 && scale > -275 && scale < 300)) return
  judge(reader, text.slice(start, at), significant)
}

/** A number is kept if the shortest text for its double is the same decimal. */
function judge(reader: Reader, literal: string, significant: number): void {
  if (!reader.bounds.exact) return
  if (++reader.judged > MAX_JUDGED)
    throw new Problem('PAYLOAD_TOO_LARGE', `The body has more than ${MAX_JUDGED} numbers of more than 15 digits`)
  const value = Number(literal)
  if (significant > 17 || !isExact(literal, value))
    refuse(reader, `The number ${shortened(literal)} cannot be held exactly: it would become ${value}.`)
}

function readWord(reader: Reader, word: string): void {
  if (!reader.text.startsWith(word, reader.at)) throw unexpected(reader, 'a value')
  reader.at += word.length
}

function refuse(reader: Reader, message: string): void {
  const { faults, path, bounds } = reader
  if (faults.length < MAX_FAULTS) faults.push({ field: fieldPath(path), message })
  else if (bounds.exact) throw refusal(reader)
  else reader.unlisted++
}

function unexpected(reader: Reader, expected: string, at = reader.at): Problem {
  reader.at = at
  const code = reader.text.codePointAt(reader.at)
  const found = code === undefined ? 'the text ends' : `found ${nameOf(code)}`
  return new Problem('MALFORMED_JSON', `Expected ${expected} but ${found} at ${place(reader)}.`)
}

function nameOf(code: number): string {
  const printable = code > 32 && code < 127
  return printable ? `'${String.fromCodePoint(code)}'` : `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

function place({ text, at }: Reader): string {
  let line = 1
  let lineStart = 0
  for (let i = 0; i < at; i++)
    if (text.charCodeAt(i) === 10) {
      line++
      lineStart = i + 1
    }
  return `line ${line}, column ${at - lineStart + 1}`
}

function skipSpace(reader: Reader): void {
  for (;;) {
    const code = reader.text.charCodeAt(reader.at)
    if (code > 32 || (code !== 32 && code !== 10 && code !== 13 && code !== 9)) return
    reader.at++
  }
}

/** Node 20 has it; TypeScript's library of that year does not. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

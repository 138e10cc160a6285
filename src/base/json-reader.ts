import { type FieldFault, Problem } from './errors.ts'
import { fieldPath, shortened } from './field-path.ts'

/**
 * Reads JSON by the letter of RFC 8259 and refuses, with its place or its field, everything that parseJson names. It takes
 * the same time for a byte whatever the text is made of (FC-92), where JSON.parse is at its best with ordinary rows and
 * takes 30 times as long for others: short strings are not entered in V8's table of strings, keys are few, and no number is
 * read twice that a look at its digits decides.
 */

export interface Bounds {
  readonly maxDepth: number
  readonly exact: boolean
  readonly maxValues: number
  readonly maxKeys: number
}

/** A text on its way through the reader. */
interface Reader {
  readonly text: string
  readonly bounds: Bounds
  /** Keys and indexes of what is being read; its length is the depth. */
  readonly path: (string | number)[]
  readonly faults: FieldFault[]
  /** How many more there were. */
  unlisted: number
  /** The keys seen so far, and the last one of each place in `recent`: most keys of a text have stood in it before. */
  readonly keys: Set<string>
  readonly recent: string[]
  /** Whether the text itself has half of a surrogate pair somewhere: never where it was decoded from UTF-8. */
  readonly broken: boolean
  at: number
  /** Members and elements. */
  values: number
  /** Numbers that had to be written out again to be judged. */
  judged: number
  /** What an escape of the string that was read last may have brought in. */
  suspect: boolean
}

/** More than this nobody reads, and an answer should not be larger than its request. */
const MAX_FAULTS = 50
/**
 * Numbers of 16 or 17 digits, or at the ends of what a double holds: each takes as long as ten others. No field of a contract
 * has one.
 */
const MAX_JUDGED = 4_000
/** An escaped string up to this length is put together here; a longer one is given to JSON.parse. */
const SHORT = 64

const QUOTE = 34
const MINUS = 45
const BACKSLASH = 92

/** The value of a text. Throws everything that there is to refuse. */
export function readJson(text: string, bounds: Bounds): unknown {
  if (text.charCodeAt(0) === 0xfeff)
    throw new Problem('MALFORMED_JSON', 'The text must not begin with a byte-order mark.')
  const reader: Reader = {
    text,
    bounds,
    path: [],
    faults: [],
    unlisted: 0,
    keys: new Set(),
    recent: new Array<string>(256).fill(''),
    broken: !isWellFormed(text),
    at: 0,
    values: 0,
    judged: 0,
    suspect: false,
  }
  skipSpace(reader)
  const value = readValue(reader)
  skipSpace(reader)
  if (reader.at < text.length) throw unexpected(reader, 'the end of the text')
  if (reader.faults.length > 0) throw refusal(reader)
  return value
}

function refusal({ faults, unlisted }: Reader): Problem {
  const { field, message } = faults[0]!
  // A text that is one bare value has no field to name.
  if (field === '') return new Problem('MALFORMED_JSON', message)
  const more = unlisted > 0 ? ` ${unlisted} more faults are not listed.` : ''
  return new Problem('MALFORMED_JSON', `${field}: ${message}${more}`, { details: faults })
}

function readValue(reader: Reader): unknown {
  const code = reader.text.charCodeAt(reader.at)
  if (code === QUOTE) return readText(reader)
  if (code === 123) return readObject(reader)
  if (code === 91) return readArray(reader)
  if (code === MINUS || isDigit(code)) return readNumber(reader)
  if (code === 116 && readWord(reader, 'true')) return true
  if (code === 102 && readWord(reader, 'false')) return false
  if (code === 110 && readWord(reader, 'null')) return null
  throw unexpected(reader, 'a value')
}

function readObject(reader: Reader): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (let more = open(reader, 125); more; more = next(reader, 125)) {
    if (reader.text.charCodeAt(reader.at) !== QUOTE) throw unexpected(reader, 'a key in double quotes')
    const key = readKey(reader)
    reader.path.push(key)
    if (reader.suspect) checkText(reader, key)
    const isProto = key === '__proto__'
    // What is not there is undefined, but for what every object inherits: asking so is quicker than hasOwn alone.
    const twice = object[key] !== undefined && Object.hasOwn(object, key)
    if (isProto) refuse(reader, 'The key __proto__ is not allowed.')
    else if (twice) refuse(reader, 'The key stands twice in one object.')
    skipSpace(reader)
    if (reader.text.charCodeAt(reader.at) !== 58) throw unexpected(reader, "':'")
    reader.at++
    skipSpace(reader)
    const value = readValue(reader)
    if (!isProto && !twice) object[key] = value
    reader.path.pop()
  }
  return object
}

function readArray(reader: Reader): unknown[] {
  if (!open(reader, 93)) return []
  reader.path.push(0)
  // Not pushed to an empty one, which would make room for 17.
  const array = [readValue(reader)]
  reader.path.pop()
  while (next(reader, 93)) {
    reader.path.push(array.length)
    array.push(readValue(reader))
    reader.path.pop()
  }
  return array
}

/** Steps into an object or array, and counts its first member; false if it is empty. */
function open(reader: Reader, end: number): boolean {
  const { maxDepth } = reader.bounds
  if (reader.path.length >= maxDepth)
    throw new Problem('MALFORMED_JSON', `Nested deeper than ${maxDepth} levels at ${place(reader)}.`)
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
  skipSpace(reader)
  const code = reader.text.charCodeAt(reader.at)
  if (code !== 44 && code !== end) throw unexpected(reader, `',' or '${String.fromCharCode(end)}'`)
  reader.at++
  if (code === end) return false
  skipSpace(reader)
  count(reader)
  return true
}

function count(reader: Reader): void {
  const { maxValues } = reader.bounds
  if (++reader.values > maxValues)
    throw new Problem('PAYLOAD_TOO_LARGE', `The body has more than ${maxValues} members and elements`)
}

function readText(reader: Reader): string {
  const text = readString(reader)
  if (reader.suspect) checkText(reader, text)
  return text
}

/**
 * A key: the one that was read before, where it was, so that it need not be made or looked up again. Keys that all differ are
 * what costs JSON most, and no contract has so many.
 */
function readKey(reader: Reader): string {
  const { text, keys, recent, bounds } = reader
  const start = reader.at + 1
  const slot = (text.charCodeAt(start) * 31 + text.charCodeAt(start + 1) * 7 + text.charCodeAt(start + 2)) & 255
  const known = recent[slot]!
  const end = start + known.length
  if (known !== '' && text.charCodeAt(end) === QUOTE && text.startsWith(known, start)) {
    reader.at = end + 1
    reader.suspect = false
    return known
  }
  const key = readString(reader)
  if (!keys.has(key)) {
    if (keys.size === bounds.maxKeys) {
      const field = fieldPath([...reader.path, key])
      throw new Problem('VALIDATION_ERROR', `The body has more than ${bounds.maxKeys} different fields`, {
        details: [{ field, message: 'is not a field of this request' }],
      })
    }
    keys.add(key)
  }
  // As it is written: with an escape in it, the text does not begin with it.
  if (!reader.suspect && reader.at === start + key.length + 1) recent[slot] = key
  return key
}

/** The string that begins here. `suspect` tells whether it may have NUL or half of a surrogate pair in it. */
function readString(reader: Reader): string {
  const { text } = reader
  const start = ++reader.at
  reader.suspect = reader.broken
  let at = start
  let code = text.charCodeAt(at)
  while (code >= 32 && code !== QUOTE && code !== BACKSLASH) code = text.charCodeAt(++at)
  reader.at = at
  if (code === QUOTE) {
    reader.at++
    return text.slice(start, at)
  }
  return readEscaped(reader, start)
}

/** A string with an escape in it, or that does not end. */
function readEscaped(reader: Reader, start: number): string {
  const { text } = reader
  let value = ''
  let from = start
  let short = true
  for (;;) {
    const code = text.charCodeAt(reader.at)
    if (code === QUOTE) break
    if (code === BACKSLASH) {
      short &&= reader.at - start <= SHORT
      if (short) value += text.slice(from, reader.at)
      const unit = readEscape(reader)
      if (short) value += String.fromCharCode(unit)
      from = reader.at
    } else if (code >= 32) reader.at++
    else throw unexpected(reader, 'the end of the string')
  }
  reader.at++
  return short ? value + text.slice(from, reader.at - 1) : JSON.parse(text.slice(start - 1, reader.at))
}

/** The code unit that an escape stands for. */
function readEscape(reader: Reader): number {
  const { text } = reader
  const code = text.charCodeAt(++reader.at)
  if (code === 117) {
    let unit = 0
    for (let i = 0; i < 4; i++) {
      const digit = hexValue(text.charCodeAt(++reader.at))
      if (digit < 0) throw unexpected(reader, 'four hexadecimal digits')
      unit = unit * 16 + digit
    }
    reader.at++
    if (unit === 0 || (unit & 0xf800) === 0xd800) reader.suspect = true
    return unit
  }
  const unit = unitOf(code)
  if (unit < 0) throw unexpected(reader, 'an escape that JSON has')
  reader.at++
  return unit
}

function unitOf(code: number): number {
  switch (code) {
    case 34:
    case 47:
    case 92:
      return code
    case 98:
      return 8
    case 102:
      return 12
    case 110:
      return 10
    case 114:
      return 13
    case 116:
      return 9
    default:
      return -1
  }
}

function checkText(reader: Reader, text: string): void {
  if (!reader.bounds.exact) return
  if (text.includes('\0')) refuse(reader, 'Text must not contain NUL (\\u0000).')
  if (!isWellFormed(text)) refuse(reader, 'Text must not contain half of a surrogate pair.')
}

/** Ten to these powers is a double, and so is every whole number of 15 digits: one operation on two such is rounded once. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/**
 * A number. Of its significant digits, without zeros at either end, up to 15 are always kept, and more than 17 never: a double
 * shows no more. Those between are judged by writing the double out.
 */
function readNumber(reader: Reader): number {
  const { text } = reader
  const start = reader.at
  const negative = text.charCodeAt(start) === MINUS
  let at = negative ? start + 1 : start
  let code = text.charCodeAt(at)
  if (!isDigit(code)) {
    reader.at = at
    throw unexpected(reader, 'a digit')
  }
  /** The first 15 digits that signify; how many there are, and up to which one they are not zeros. */
  let mantissa = 0
  let digits = 0
  let significant = 0
  /** Digits after the point. */
  let decimals = 0
  let point = false
  // A zero in front stands alone.
  if (code === 48) code = text.charCodeAt(++at)
  else {
    while (isDigit(code)) {
      if (++digits <= 15) mantissa = mantissa * 10 + code - 48
      if (code !== 48) significant = digits
      code = text.charCodeAt(++at)
    }
  }
  if (code === 46) {
    point = true
    code = text.charCodeAt(++at)
    while (isDigit(code)) {
      decimals++
      if (digits > 0 || code !== 48) {
        if (++digits <= 15) mantissa = mantissa * 10 + code - 48
        if (code !== 48) significant = digits
      }
      code = text.charCodeAt(++at)
    }
  }
  let exponent = 0
  if (point && decimals === 0) return missingDigit(reader, at)
  if (code === 101 || code === 69) {
    code = text.charCodeAt(++at)
    const down = code === MINUS
    if (down || code === 43) code = text.charCodeAt(++at)
    if (!isDigit(code)) return missingDigit(reader, at)
    while (isDigit(code)) {
      // Beyond a million more digits mean nothing: no text is long enough to make up for them.
      if (exponent < 1e15) exponent = exponent * 10 + code - 48
      code = text.charCodeAt(++at)
    }
    if (down) exponent = -exponent
  }
  reader.at = at
  if (mantissa === 0) return negative ? -0 : 0
  // The number is mantissa × 10^scale, as long as no digit beyond the fifteenth signifies.
  const scale = exponent - decimals + Math.max(0, digits - 15)
  if (significant <= 15) {
    if (scale >= -22 && scale <= 22) {
      const value = scale < 0 ? mantissa / POWERS[-scale]! : mantissa * POWERS[scale]!
      return negative ? -value : value
    }
    // Well within the range of a double.
    if (scale > -290 && scale < 290) return Number(text.slice(start, at))
  }
  return judged(reader, text.slice(start, at), significant)
}

function missingDigit(reader: Reader, at: number): never {
  reader.at = at
  throw unexpected(reader, 'a digit')
}

/** A number that is kept if the shortest text for its double is the same decimal. */
function judged(reader: Reader, literal: string, significant: number): number {
  if (!reader.bounds.exact) return Number(literal)
  if (++reader.judged > MAX_JUDGED)
    throw new Problem('PAYLOAD_TOO_LARGE', `The body has more than ${MAX_JUDGED} numbers of more than 15 digits`)
  const value = Number(literal)
  if (significant > 17 || !isExact(literal, value))
    refuse(reader, `The number ${shortened(literal)} cannot be held exactly: it would become ${value}.`)
  return value
}

function isExact(literal: string, value: number): boolean {
  // Zero was told apart before: this one is too small.
  if (value === 0 || !Number.isFinite(value)) return false
  const shortest = String(value)
  return shortest === literal || decimal(literal) === decimal(shortest)
}

/**
 * The same text for the same absolute value: significant digits, `e`, and the power of ten that 0.digits is
 * multiplied by.
 */
function decimal(literal: string): string {
  const [mantissa = '', exponent = '0'] = literal.toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.')
  const digits = whole + fraction
  let start = 0
  while (digits.charCodeAt(start) === 48) start++
  if (start === digits.length) return '0'
  // By hand: /0+$/ takes quadratic time on a long run of zeros that ends in another digit.
  let end = digits.length
  while (digits.charCodeAt(end - 1) === 48) end--
  return `${digits.slice(start, end)}e${whole.length - start + Number(exponent)}`
}

function readWord(reader: Reader, word: string): boolean {
  if (!reader.text.startsWith(word, reader.at)) return false
  reader.at += word.length
  return true
}

function refuse(reader: Reader, message: string): void {
  const { faults, path, bounds } = reader
  if (faults.length < MAX_FAULTS) faults.push({ field: fieldPath(path), message })
  else if (bounds.exact) throw refusal(reader)
  else reader.unlisted++
}

function unexpected(reader: Reader, expected: string): Problem {
  const code = reader.text.codePointAt(reader.at)
  const found = code === undefined ? 'the text ends' : `there is ${nameOf(code)}`
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

/** -1 for what is no hexadecimal digit. */
function hexValue(code: number): number {
  if (isDigit(code)) return code - 48
  const letter = code | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

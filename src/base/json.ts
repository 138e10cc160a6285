import { type FieldFault, Problem } from './errors.ts'

/**
 * JSON from outside. JSON.parse takes texts that mean two things, or that change on the way in: of duplicate keys it
 * keeps the last, 9007199254740993 becomes …992, 1e400 becomes Infinity. Those are refused here (R-BODY-3, R-BODY-4).
 *
 * The usual text is surveyed once and then given to JSON.parse. Only a text with something strange in it, or one that
 * JSON.parse refuses, is read by the careful reader below, which knows where everything stands. Measured on Node 20
 * with an order of 237 bytes: survey 0.25 µs, JSON.parse 0.75, counting members 0.04. A hand-written parser that
 * builds the value itself was level there and took twice as long at 10 KB, where making objects is what costs.
 */

export interface ParseOptions {
  /** How many objects and arrays may stand in one another; at most 1,000. Default: 64. */
  maxDepth?: number
  /**
   * False: numbers that a double would change are taken, and text with NUL or half a surrogate pair. For files of which
   * only some members are used, and those are looked at: a document may describe what it need not hold. Default: true.
   */
  exact?: boolean
}

/**
 * The value of a JSON text (RFC 8259). Throws `MALFORMED_JSON`, with the place of the mistake in the message, or with
 * the faulty fields in `details`, for what is not JSON and for: a key twice in one object, the key `__proto__`, NUL
 * or half a surrogate pair in text, a number that a double would change, a byte-order mark, and nesting deeper than
 * `maxDepth`.
 *
 * `__proto__` is refused because copying it into another object replaces that object's prototype. `constructor` and
 * `prototype` are ordinary names (a racing car has a constructor): they do harm only where code merges deeply without
 * looking at own properties, which ours must not.
 */
export function parseJson(text: string, options: ParseOptions = {}): unknown {
  const given: Given = { maxDepth: Math.min(options.maxDepth ?? 64, 1_000), exact: options.exact ?? true }
  const members = survey(text, given)
  if (members === undefined) readCarefully(text, given)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    readCarefully(text, given)
    throw new Problem('MALFORMED_JSON', 'The text is not JSON.', { cause })
  }
  // Duplicates fall together in the value, so it then has fewer members than the text has colons.
  if (members !== undefined && membersOf(value) !== members) readCarefully(text, given)
  return value
}

/**
 * One text for one value, whatever the order of its members: sorted by key at every level, no white space. For
 * comparing and hashing bodies. Dates and undefined come out as with JSON.stringify.
 */
export function canonicalJson(value: unknown): string {
  return canonical(value) ?? 'null'
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The text of UTF-8 bytes. Throws `MALFORMED_JSON` for bytes that are not UTF-8, and for a byte-order mark, which
 * RFC 8259 8.1 tells senders to leave out.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw new Problem('MALFORMED_JSON', 'The bytes are not valid UTF-8.', { cause })
  }
  if (text.charCodeAt(0) === BYTE_ORDER_MARK) throw byteOrderMark()
  return text
}

const QUOTE = 34
const MINUS = 45
const COLON = 58
const BACKSLASH = 92
const UNDERSCORE = 95
const BYTE_ORDER_MARK = 0xfeff

/** A number of at most 15 digits and no exponent is always what it says. */
const SURE_LENGTH = 15

/**
 * The number of members in the text, for text that is JSON; undefined if there may be something to refuse. It looks
 * only at what JSON.parse will not complain about. Strings are left by indexOf, three times as fast as by a loop.
 */
function survey(text: string, { maxDepth, exact }: Given): number | undefined {
  const escapes = text.includes('\\')
  if ((escapes && text.includes('\\u')) || !wellFormed(text)) return undefined
  let members = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      if (text.charCodeAt(at + 1) === UNDERSCORE && text.startsWith('__proto__"', at + 1)) return undefined
      at = text.indexOf('"', at + 1)
      while (escapes && at > 0 && escaped(text, at)) at = text.indexOf('"', at + 1)
      if (at < 0) return undefined
    } else if (code === COLON) {
      members++
    } else if (code === 123 || code === 91) {
      if (++depth > maxDepth) return undefined
    } else if (code === 125 || code === 93) {
      depth--
    } else if (code === MINUS || (code >= 48 && code <= 57)) {
      const start = at
      while (isDigitOrPoint(text.charCodeAt(at + 1))) at++
      if (!exact) continue
      if (at - start >= SURE_LENGTH || (text.charCodeAt(at + 1) | 32) === 101) return undefined
    }
  }
  return members
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) count += membersOf(value[i])
  } else {
    for (const key in value) count += 1 + membersOf((value as Record<string, unknown>)[key])
  }
  return count
}

/** Whether the quote at `at` follows an odd number of backslashes. */
function escaped(text: string, at: number): boolean {
  let start = at
  while (text.charCodeAt(start - 1) === BACKSLASH) start--
  return (at - start) % 2 === 1
}

type Given = Required<ParseOptions>

/** A text on its way through the careful reader. */
interface Reader extends Given {
  readonly text: string
  /** Keys and indexes of what is being read; its length is the depth. */
  readonly path: (string | number)[]
  readonly faults: FieldFault[]
  /** How many more there were. */
  unlisted: number
  at: number
}

/** More than this nobody reads, and an answer should not be larger than its request. */
const MAX_FAULTS = 50
const MAX_SHOWN = 200

/**
 * Reads the whole text by the letter of RFC 8259, and throws everything that there is to refuse; returns if nothing
 * is.
 */
function readCarefully(text: string, given: Given): void {
  if (text.charCodeAt(0) === BYTE_ORDER_MARK) throw byteOrderMark()
  const reader: Reader = { ...given, text, path: [], faults: [], unlisted: 0, at: 0 }
  skipSpace(reader)
  readValue(reader)
  skipSpace(reader)
  if (reader.at < text.length) throw unexpected(reader, 'the end of the text')
  const [first] = reader.faults
  if (first === undefined) return
  // A text that is one bare value has no field to name.
  if (first.field === '') throw new Problem('MALFORMED_JSON', first.message)
  const more = reader.unlisted > 0 ? ` ${reader.unlisted} more faults are not listed.` : ''
  throw new Problem('MALFORMED_JSON', `${first.field}: ${first.message}${more}`, { details: reader.faults })
}

function readValue(reader: Reader): void {
  const code = reader.text.charCodeAt(reader.at)
  if (code === QUOTE) checkText(reader, readString(reader))
  else if (code === 123) readObject(reader)
  else if (code === 91) readArray(reader)
  else if (code === MINUS || isDigit(code)) readNumber(reader)
  else if (!readWord(reader, 'true') && !readWord(reader, 'false') && !readWord(reader, 'null')) {
    throw unexpected(reader, 'a value')
  }
}

function readObject(reader: Reader): void {
  const keys = new Set<string>()
  for (let more = open(reader, '}'); more; more = next(reader, '}')) {
    if (reader.text[reader.at] !== '"') throw unexpected(reader, 'a key in double quotes')
    const key = readString(reader)
    reader.path.push(key)
    checkText(reader, key)
    if (key === '__proto__') refuse(reader, 'The key __proto__ is not allowed.')
    else if (keys.has(key)) refuse(reader, 'The key stands twice in one object.')
    keys.add(key)
    skipSpace(reader)
    if (reader.text[reader.at] !== ':') throw unexpected(reader, "':'")
    reader.at++
    skipSpace(reader)
    readValue(reader)
    reader.path.pop()
  }
}

function readArray(reader: Reader): void {
  let index = 0
  for (let more = open(reader, ']'); more; more = next(reader, ']')) {
    reader.path.push(index++)
    readValue(reader)
    reader.path.pop()
  }
}

/** Steps into an object or array; false if it is empty. */
function open(reader: Reader, end: string): boolean {
  if (reader.path.length >= reader.maxDepth) {
    throw new Problem('MALFORMED_JSON', `Nested deeper than ${reader.maxDepth} levels at ${place(reader)}.`)
  }
  reader.at++
  skipSpace(reader)
  if (reader.text[reader.at] !== end) return true
  reader.at++
  return false
}

/** Steps over the comma to the next member; false if the object or array ends. */
function next(reader: Reader, end: string): boolean {
  skipSpace(reader)
  const character = reader.text[reader.at]
  if (character !== ',' && character !== end) throw unexpected(reader, `',' or '${end}'`)
  reader.at++
  if (character === end) return false
  skipSpace(reader)
  return true
}

function readString(reader: Reader): string {
  const { text } = reader
  const start = reader.at++
  let plain = true
  for (;;) {
    const code = text.charCodeAt(reader.at)
    if (code === QUOTE) break
    if (code === BACKSLASH) {
      plain = false
      reader.at++
      const hexDigits = text[reader.at] === 'u' ? 4 : 0
      if (hexDigits === 0 && !'"\\/bfnrt'.includes(text[reader.at] ?? '?'))
        throw unexpected(reader, 'an escape that JSON has')
      for (let i = 0; i < hexDigits; i++) {
        reader.at++
        if (!isHexDigit(text.charCodeAt(reader.at))) throw unexpected(reader, 'four hexadecimal digits')
      }
    } else if (!(code >= 32)) {
      throw unexpected(reader, 'the end of the string')
    }
    reader.at++
  }
  reader.at++
  return plain ? text.slice(start + 1, reader.at - 1) : JSON.parse(text.slice(start, reader.at))
}

function readNumber(reader: Reader): void {
  const { text } = reader
  const start = reader.at
  if (text[reader.at] === '-') reader.at++
  if (text[reader.at] === '0') reader.at++
  else readDigits(reader)
  if (text[reader.at] === '.') {
    reader.at++
    readDigits(reader)
  }
  const scaled = text[reader.at] === 'e' || text[reader.at] === 'E'
  if (scaled) {
    reader.at++
    if (text[reader.at] === '+' || text[reader.at] === '-') reader.at++
    readDigits(reader)
  }
  if (!scaled && reader.at - start <= SURE_LENGTH) return
  const literal = text.slice(start, reader.at)
  if (!reader.exact || isExact(literal)) return
  refuse(reader, `The number ${shortened(literal)} cannot be held exactly: it would become ${Number(literal)}.`)
}

function readDigits(reader: Reader): void {
  if (!isDigit(reader.text.charCodeAt(reader.at))) throw unexpected(reader, 'a digit')
  while (isDigit(reader.text.charCodeAt(reader.at))) reader.at++
}

function readWord(reader: Reader, word: string): boolean {
  if (!reader.text.startsWith(word, reader.at)) return false
  reader.at += word.length
  return true
}

function checkText(reader: Reader, text: string): void {
  if (!reader.exact) return
  if (text.includes('\0')) refuse(reader, 'Text must not contain NUL (\\u0000).')
  if (!wellFormed(text)) refuse(reader, 'Text must not contain half of a surrogate pair.')
}

/**
 * Whether the shortest form of the double is the same decimal as the literal: then the number comes back as it was
 * sent.
 */
function isExact(literal: string): boolean {
  const value = Number(literal)
  return Number.isFinite(value) && decimal(literal) === decimal(String(Math.abs(value)))
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
  while (digits[start] === '0') start++
  if (start === digits.length) return '0'
  // By hand: /0+$/ takes quadratic time on a long run of zeros that ends in another digit.
  let end = digits.length
  while (digits[end - 1] === '0') end--
  return `${digits.slice(start, end)}e${whole.length - start + Number(exponent)}`
}

function refuse(reader: Reader, message: string): void {
  if (reader.faults.length < MAX_FAULTS) reader.faults.push({ field: fieldOf(reader.path), message })
  else reader.unlisted++
}

/**
 * `items[0].name`; a key that is not a plain name stands in brackets and quotes, with what cannot be printed escaped.
 */
function fieldOf(path: readonly (string | number)[]): string {
  let field = ''
  for (const step of path) {
    if (field.length > MAX_SHOWN) break
    if (typeof step === 'number') field += `[${step}]`
    else if (step.length <= MAX_SHOWN && /^[\w$-]+$/.test(step)) field += field === '' ? step : `.${step}`
    else field += `[${JSON.stringify(shortened(step))}]`
  }
  return shortened(field)
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

function place(reader: Reader): string {
  let line = 1
  let lineStart = 0
  for (let at = reader.text.indexOf('\n'); at >= 0 && at < reader.at; at = reader.text.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  return `line ${line}, column ${reader.at - lineStart + 1}`
}

function byteOrderMark(): Problem {
  return new Problem('MALFORMED_JSON', 'The text must not begin with a byte-order mark.')
}

function skipSpace(reader: Reader): void {
  for (;;) {
    const code = reader.text.charCodeAt(reader.at)
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return
    reader.at++
  }
}

function shortened(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isDigitOrPoint(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || ((code | 32) >= 97 && (code | 32) <= 102)
}

function wellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed()
}

function canonical(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if ('toJSON' in value && typeof value.toJSON === 'function') return canonical(value.toJSON())
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  let members = ''
  for (const key of Object.keys(value).sort()) {
    const member = canonical((value as Record<string, unknown>)[key])
    if (member !== undefined) members += `${members === '' ? '' : ','}${JSON.stringify(key)}:${member}`
  }
  return `{${members}}`
}

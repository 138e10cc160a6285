import { Problem } from './errors.ts'
import { buildJson } from './json-builder.ts'
import { checkJson } from './json-reader.ts'
import { type Bounds, isWellFormed } from './json-reading.ts'

/**
 * JSON from outside. JSON.parse takes texts that mean two things, or that change on the way in: of duplicate keys it
 * keeps the last, 9007199254740993 becomes …992, 1e400 becomes Infinity. Those are refused here (R-BODY-3, R-BODY-4).
 *
 * A small text with nothing strange in it is surveyed once and given to JSON.parse: on Node 20, with an order of 237 bytes,
 * survey 0.25 µs, JSON.parse 0.75, counting members 0.04. Every other text is read by json-reader.ts, which finds all that is
 * to be refused; with ordinary rows it takes as long as JSON.parse, which then makes the value. With some texts JSON.parse takes
 * far longer: 30 times for 1 MiB of keys that all differ, 8 times for rows that all have other keys, 4 times for objects of
 * more than 128 members: of these a text may have few. And 5 times for short texts that all differ, 3 times for deep objects: there
 * json-builder.ts makes the value (FC-92, `npm run bench:json`).
 */

export interface ParseOptions {
  /** How many objects and arrays may stand in one another; at most 1,000. Default: 64. */
  readonly maxDepth?: number
  /**
   * False: numbers that a double would change are taken, and text with NUL or half a surrogate pair. For files of which
   * only some members are used, and those are looked at: a document may describe what it need not hold. Default: true.
   */
  readonly exact?: boolean
  /** How many members and elements there may be together. Default: 100,000. */
  readonly maxValues?: number
  /** How many different keys a text of more than 64 KiB may have, of 64 characters on average at most. Default: 2,000. */
  readonly maxKeys?: number
}

const MAX_DEPTH = 64
const MAX_VALUES = 100_000
const MAX_KEYS = 2_000

/**
 * The value of a JSON text (RFC 8259). Throws `MALFORMED_JSON`, with the place of the mistake in the message, or with
 * the faulty fields in `details`, for what is not JSON and for: a key twice in one object, the key `__proto__`, NUL
 * or half a surrogate pair in text, a number that a double would change, a byte-order mark, and nesting deeper than
 * `maxDepth`. Throws `PAYLOAD_TOO_LARGE` for more than `maxValues`, and for more than a quarter of these in objects of over
 * 100 members (or so many objects that all have other keys), and `VALIDATION_ERROR` for more than `maxKeys`.
 *
 * `__proto__` is refused because copying it into another object replaces that object's prototype. `constructor` and
 * `prototype` are ordinary names (a racing car has a constructor): they do harm only where code merges deeply without
 * looking at own properties, which ours must not.
 */
export function parseJson(text: string, options: ParseOptions = {}): unknown {
  const { maxDepth = MAX_DEPTH, exact = true, maxValues = MAX_VALUES, maxKeys = MAX_KEYS } = options
  const bounds = { maxDepth: Math.min(maxDepth, 1_000), exact, maxValues, maxKeys }
  if (text.length > SMALL) return checkJson(text, bounds) ? JSON.parse(text) : buildJson(text)
  const members = survey(text, bounds)
  if (members !== undefined) {
    try {
      const value: unknown = JSON.parse(text)
      // Duplicates fall together in the value, so it then has fewer members than the text has colons.
      if (membersOf(value) === members) return value
    } catch {
      // The check says what is wrong, and where.
    }
  }
  checkJson(text, bounds)
  return JSON.parse(text)
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
  if (text.charCodeAt(0) === 0xfeff)
    throw new Problem('MALFORMED_JSON', 'The text must not begin with a byte-order mark.')
  return text
}

const QUOTE = 34
const MINUS = 45
const COLON = 58
const BACKSLASH = 92
const UNDERSCORE = 95

/** A number of at most 15 digits and no exponent is always what it says. */
const SURE_LENGTH = 15
/** JSON.parse is quick with a text of this length, whatever it is made of. */
const SMALL = 64 * 1024

/**
 * The number of members in the text, for a small text that is JSON; undefined where there may be something to refuse. It looks
 * only at what JSON.parse will not complain about. Strings are left by indexOf, three times as fast as by a loop, but for
 * those with escapes: a quote after a backslash is no end.
 */
function survey(text: string, { maxDepth, exact }: Bounds): number | undefined {
  if (!isWellFormed(text)) return undefined
  const escapes = text.includes('\\')
  let members = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      if (text.charCodeAt(at + 1) === UNDERSCORE && text.startsWith('__proto__"', at + 1)) return undefined
      at = escapes ? stringEnd(text, at + 1) : text.indexOf('"', at + 1)
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

/** Where a string ends that begins before `at`; -1 if it does not, or has a `\u`, which may stand for anything. */
function stringEnd(text: string, at: number): number {
  for (let end = at; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code === QUOTE) return end
    if (code === BACKSLASH && text.charCodeAt(++end) === 117) return -1
  }
  return -1
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

function isDigitOrPoint(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46
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

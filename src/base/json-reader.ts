import { Problem } from './errors.ts'
import { isDigit, MINUS, readNumber } from './json-number.ts'
import {
  type Bounds,
  createReader,
  place,
  type Reader,
  refusal,
  refuse,
  skipSpace,
  unexpected,
} from './json-reading.ts'
import { addKey, holds, keysOf } from './json-shape.ts'
import { checkText, MAX_SLOW, QUOTE, readKey, readText, standsAt } from './json-string.ts'

/** An object as deep as this takes JSON.parse twice as long as json-builder.ts. */
const DEEP = 8
/** An object with more members becomes a hash table, which takes four times as long to build. */
const WIDE = 100
/** In an object of so few members a key is found by looking at each. */
const NARROW = 16
/** Each shape is a hidden class to V8, and takes about as long as four members. */
const MANY_SHAPES = 8_000

/**
 * Reads JSON by the letter of RFC 8259 and throws everything that there is to refuse in a text, with its place or its field. It makes
 * no value: JSON.parse does that as quickly as anything can, but for a few kinds of text, which are counted on the way (FC-92).
 * Returns whether JSON.parse is quick with it.
 */
export function checkJson(text: string, bounds: Bounds): boolean {
  if (text.charCodeAt(0) === 0xfeff)
    throw new Problem('MALFORMED_JSON', 'The text must not begin with a byte-order mark.')
  const reader = createReader(text, bounds)
  skipSpace(reader)
  readValue(reader)
  skipSpace(reader)
  if (reader.at < text.length) throw unexpected(reader, 'the end of the text')
  if (reader.faults.length > 0) throw refusal(reader)
  return reader.slow <= MAX_SLOW
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
          shape = addKey(shape, key, asWritten)
          if (++reader.shapes > MANY_SHAPES) spend(reader, 4)
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

function readWord(reader: Reader, word: string): void {
  if (!reader.text.startsWith(word, reader.at)) throw unexpected(reader, 'a value')
  reader.at += word.length
}

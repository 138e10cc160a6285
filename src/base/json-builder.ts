import { unescaped } from './json-escape.ts'
import { standsAt } from './json-string.ts'

/**
 * The value of a text that checkJson has taken, for what JSON.parse is slow with and must be allowed: thousands of short texts
 * that differ, each of which it enters in V8's table of strings where here they are cut out of the text, and objects deep within
 * others (FC-92).
 */
export function buildJson(text: string): unknown {
  return build({ text, at: 0, depth: 0, recent: new Array<string>(PLACES).fill('') })
}

interface Builder {
  readonly text: string
  at: number
  depth: number
  /** The last key of each place in an object, by depth: objects mostly repeat the keys of one before, in their order. */
  readonly recent: string[]
}

const PLACES = 1024

function build(builder: Builder): unknown {
  const { text } = builder
  const code = skipTo(builder)
  if (code === 34) return buildText(builder)
  if (code === 123) return buildObject(builder)
  if (code === 91) return buildArray(builder)
  const start = builder.at
  if (code === 116 || code === 102 || code === 110) {
    builder.at += code === 102 ? 5 : 4
    return code === 110 ? null : code === 116
  }
  while (isNumeric(text.charCodeAt(builder.at))) builder.at++
  return Number(text.slice(start, builder.at))
}

function buildObject(builder: Builder): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  builder.at++
  if (ends(builder, 125)) return object
  let place = builder.depth++ * 37
  do {
    skipTo(builder)
    const key = buildKey(builder, place++ % PLACES)
    skipTo(builder)
    builder.at++
    object[key] = build(builder)
  } while (!ends(builder, 125))
  builder.depth--
  return object
}

/** A key cut out of the text has to be looked up in V8's table of strings (150 ns); one that an object has had is in it. */
function buildKey(builder: Builder, place: number): string {
  const { text, recent } = builder
  const start = builder.at + 1
  const known = recent[place]!
  if (known !== '' && standsAt(text, known, start)) {
    builder.at = start + known.length + 1
    return known
  }
  const key = Object.keys({ [buildText(builder)]: 0 })[0]!
  // One with an escape is longer as it is written, and is not found by its letters.
  recent[place] = key.length === builder.at - start - 1 ? key : ''
  return key
}

function buildArray(builder: Builder): unknown[] {
  builder.at++
  if (ends(builder, 93)) return []
  // Not pushed to an empty one, which would make room for 17.
  const array = [build(builder)]
  while (!ends(builder, 93)) array.push(build(builder))
  return array
}

/** Whether the object or array ends here; steps over its end, or over the comma before the next member. */
function ends(builder: Builder, end: number): boolean {
  const code = skipTo(builder)
  if (code === end || code === 44) builder.at++
  return code === end
}

function buildText(builder: Builder): string {
  const { text } = builder
  const start = builder.at + 1
  let escaped = false
  let at = start
  for (let code = text.charCodeAt(at); code !== 34; code = text.charCodeAt(++at)) {
    if (code !== 92) continue
    escaped = true
    at++
  }
  builder.at = at + 1
  return escaped ? unescaped(text, start, at) : text.slice(start, at)
}

function skipTo(builder: Builder): number {
  let code = builder.text.charCodeAt(builder.at)
  while (code <= 32) code = builder.text.charCodeAt(++builder.at)
  return code
}

function isNumeric(code: number): boolean {
  return (code >= 48 && code <= 57) || code === 46 || code === 45 || code === 43 || (code | 32) === 101
}

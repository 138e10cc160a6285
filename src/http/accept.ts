/** One entry of `Accept`, or of `Accept-Encoding`: a media range, or a coding. */
export interface Preference {
  /** In lower case: `application/json`, `*` + `/*`, `gzip`. */
  readonly name: string
  /** Names in lower case, values without their quotes; `q` is not among them. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
  /** From 0, not acceptable, to 1. */
  readonly q: number
}

/** Clients send few different headers, and send each of them again and again. */
const MAX_KNOWN = 500
const MAX_KNOWN_LENGTH = 500
const known = new Map<string, readonly Preference[]>()

/**
 * Reads `Accept` and its like (RFC 9110 12.5), in the order of the header. Commas and semicolons inside quoted strings
 * belong to a value: `application/json; foo="x;version=9"` has one parameter. Empty entries are skipped.
 */
export function readAccept(header: string): readonly Preference[] {
  const found = known.get(header)
  if (found !== undefined) return found
  const read = splitOutsideQuotes(header, ',').flatMap(readPreference)
  if (header.length <= MAX_KNOWN_LENGTH) {
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(header, read)
  }
  return read
}

function readPreference(text: string): Preference[] {
  const [name = '', ...rest] = splitOutsideQuotes(text, ';').map((part) => part.trim())
  if (name === '') return []
  const parameters: [string, string][] = []
  let q = 1
  for (const part of rest) {
    const equals = part.indexOf('=')
    if (equals < 0) continue
    const parameter = part.slice(0, equals).trim().toLowerCase()
    const value = unquoted(part.slice(equals + 1).trim())
    if (parameter === 'q') q = readQuality(value)
    else parameters.push([parameter, value])
  }
  return [{ name: name.toLowerCase(), parameters, q }]
}

/** An invalid quality counts as 0: an entry with a mistake should not become the preferred one. */
function readQuality(text: string): number {
  const q = /^[01](\.\d*)?$/.test(text) ? Number(text) : 0
  return Math.min(q, 1)
}

function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  if (!text.includes('"')) return text.split(separator)
  const parts: string[] = []
  let quoted = false
  let from = 0
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    if (quoted && char === '\\') i++
    else if (char === '"') quoted = !quoted
    else if (!quoted && char === separator) {
      parts.push(text.slice(from, i))
      from = i + 1
    }
  }
  return [...parts, text.slice(from)]
}

/** The text of a quoted string (RFC 9110 5.6.4). One that is not closed stays as it is, and so matches nothing. */
function unquoted(text: string): string {
  return /^"(?:[^"\\]|\\.)*"$/.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
}

import { Problem } from '../base/errors.ts'
import { originIn } from '../http/host.ts'

/** A request's target, taken apart. */
export interface Target {
  /** As the caller wrote it, without origin and query: `/api/v1/users/usr_1`. */
  readonly path: string
  /** Decoded; of a versioned API without `/api` and version. A trailing slash leaves an empty one, which is nowhere: `/users/` is a 404. */
  readonly segments: readonly string[]
  /** What stands at the version's place, without the v: `/v2/…` gives `2`, and `/v2.1/…` gives `2.1`. */
  readonly version: string | undefined
  /** Raw, without the question mark; empty when there is none. */
  readonly query: string
}

const MAX_LENGTH = 8 * 1024
const SLASH = 47
const PERCENT = 37
const QUESTION = 63

/**
 * Reads a raw request target, or refuses it (R-GW-4). Strange paths are refused, never repaired: what is repaired here and
 * not in the next server, or the other way round, is how access rules are walked around.
 *
 * Not `versioned`: `/api` and `/v1` are segments like any other.
 */
export function readTarget(raw: string, versioned = true): Target {
  // RFC 9112 3: longer than we wish to read is a 414. With its headers it may have 16 KiB, beyond which Node says 431.
  if (raw.length > MAX_LENGTH) throw new Problem('URI_TOO_LONG', `The URL is longer than ${MAX_LENGTH} characters`)
  const start = raw.charCodeAt(0) === SLASH ? 0 : originEnd(raw)
  const segments: string[] = []
  let from = start + 1
  let end = raw.length
  let escaped = false
  for (let i = start + 1; i < raw.length; i++) {
    const code = raw.charCodeAt(i)
    if (code === SLASH) {
      if (i === from) throw refusal('has an empty segment (//)')
      segments.push(segment(raw, from, i, escaped))
      from = i + 1
      escaped = false
    } else if (code === PERCENT) escaped = true
    else if (code === QUESTION) {
      end = i
      break
    } else if (isForeign(code)) throw refusal('has a character that must be percent-encoded')
  }
  segments.push(segment(raw, from, end, escaped))
  for (let i = end + 1; i < raw.length; i++)
    if (isForeign(raw.charCodeAt(i)))
      throw new Problem('VALIDATION_ERROR', 'The query has a character that must be percent-encoded')

  let at = versioned && segments[0] === 'api' ? 1 : 0
  const version = versioned ? versionIn(segments[at]) : undefined
  if (version !== undefined) at++
  return {
    path: start === 0 && end === raw.length ? raw : raw.slice(start, end),
    segments: at === 0 ? segments : segments.slice(at),
    version,
    query: end === raw.length ? '' : raw.slice(end + 1),
  }
}

function originEnd(raw: string): number {
  const origin = originIn(raw)
  if (origin === undefined) throw refusal('does not begin with a slash')
  return origin.length
}

/** Controls, space, anything beyond ASCII, `#` (a fragment is never sent) and `\` (some take it for a slash). */
function isForeign(code: number): boolean {
  return code <= 32 || code >= 127 || code === 35 || code === 92
}

function segment(raw: string, from: number, end: number, escaped: boolean): string {
  const text = raw.slice(from, end)
  const decoded = escaped ? decode(text) : text
  if (decoded === '.' || decoded === '..') throw refusal('has a dot segment (/./ or /../)')
  return decoded
}

function decode(text: string): string {
  let decoded: string
  try {
    // Refuses bad escapes and invalid UTF-8, overlong forms included.
    decoded = decodeURIComponent(text)
  } catch {
    throw refusal('is not percent-encoded UTF-8')
  }
  for (let i = 0; i < decoded.length; i++) {
    const code = decoded.charCodeAt(i)
    if (code === SLASH || code === 92) throw refusal('has an encoded slash (%2f or %5c)')
    if (code < 32 || code === 127) throw refusal('has an encoded control character')
  }
  return decoded
}

/** Also of versions that cannot be, such as `v2.0` and `v007`: they are refused as unknown, not looked for as a path. */
function versionIn(segment: string | undefined): string | undefined {
  if (segment?.charCodeAt(0) !== 118) return undefined
  return /^v\d+(?:\.\d+)*$/.test(segment) ? segment.slice(1) : undefined
}

function refusal(what: string): Problem {
  return new Problem('VALIDATION_ERROR', `The path ${what}`)
}

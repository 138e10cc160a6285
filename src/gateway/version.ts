import { invalid, Problem } from '../base/errors.ts'
import type { Pairs } from '../contract/list-query.ts'
import { readAccept } from '../http/accept.ts'
import type { RoutedContract } from './router.ts'

/** The versions of a system's API: from 1 to the newest that any of its contracts has. */
export interface Versions {
  /**
   * The version that a request means (R-VER-1): by path before `Accept` before query, else 1. UNSUPPORTED_VERSION when any
   * of the three names one that does not exist, even if another goes before it.
   */
  choose(path: string | undefined, accept: string | undefined, query: Pairs): number
  /** Headers of every answer in this version, names and values in turn: `API-Version`, `Deprecation`, `Sunset`. */
  headers(version: number): readonly string[]
}

export function versionsOf(contracts: readonly RoutedContract[]): Versions {
  const latest = Math.max(1, ...contracts.map((contract) => contract.latest))
  const known = Array.from({ length: latest }, (_, i) => String(i + 1))
  const headers = known.map((version) => headersOf(contracts, Number(version)))

  /** Versions are names: `01` and `1.0` are none. */
  function read(text: string): number {
    if (text.length > 3 || !known.includes(text)) throw unsupported(text, known)
    return Number(text)
  }

  return {
    choose(path, accept, query) {
      let version = 1
      const asked = query.length === 0 ? undefined : queryVersion(query)
      if (asked !== undefined) version = read(asked)
      if (accept !== undefined) version = acceptVersion(accept, read) ?? version
      if (path !== undefined) version = read(path)
      return version
    },
    headers: (version) => headers[version - 1]!,
  }
}

/** The pairs without `version`, which is the gateway's; the services would refuse a parameter that they don't know. */
export function withoutVersion(query: Pairs): Pairs {
  return query.some(([name]) => name === 'version') ? query.filter(([name]) => name !== 'version') : query
}

function queryVersion(query: Pairs): string | undefined {
  let found: string | undefined
  for (const [name, value] of query) {
    if (name !== 'version') continue
    if (found !== undefined) throw invalid('version', 'is given twice')
    found = value
  }
  return found
}

/** Of the media range that the caller likes best among those of ours that have a version. Each has to be one that exists. */
function acceptVersion(accept: string, read: (text: string) => number): number | undefined {
  // Nearly every request ends here: `*/*`, or `application/json`.
  if (!accept.includes('=') || !/version/i.test(accept)) return undefined
  let found: number | undefined
  let best = 0
  for (const { name, parameters, q } of readAccept(accept)) {
    if (q === 0 || (name !== 'application/json' && name !== 'application/vnd.api+json')) continue
    const given = parameters.filter((parameter) => parameter[0] === 'version')
    if (given.length > 1) throw invalid('version', 'is given twice')
    if (given.length === 0) continue
    const version = read(given[0]![1])
    if (q <= best) continue
    found = version
    best = q
  }
  return found
}

function unsupported(text: string, known: readonly string[]): Problem {
  const list = known.join(', ')
  return new Problem('UNSUPPORTED_VERSION', `API version ${text.slice(0, 20)} does not exist; available: ${list}`, {
    details: [{ field: 'version', message: known.length === 1 ? `must be ${list}` : `must be one of ${list}` }],
  })
}

/** Where several contracts say when a version ends, the first to end speaks for all (R-VER-3). */
function headersOf(contracts: readonly RoutedContract[], version: number): string[] {
  const headers = ['api-version', String(version)]
  const deprecated = earliest(contracts, version, 'deprecated')
  // A structured date (RFC 9745 2.1, RFC 9651 3.3.7), where Sunset is an HTTP date (RFC 8594 3).
  if (deprecated !== undefined) headers.push('deprecation', `@${Math.floor(deprecated / 1000)}`)
  const sunset = earliest(contracts, version, 'sunset')
  if (sunset !== undefined) headers.push('sunset', new Date(sunset).toUTCString())
  return headers
}

function earliest(
  contracts: readonly RoutedContract[],
  version: number,
  which: 'deprecated' | 'sunset',
): number | undefined {
  let found: number | undefined
  for (const contract of contracts) {
    const text = contract.older[version]?.[which]
    if (text === undefined) continue
    const time = Date.parse(text)
    if (found === undefined || time < found) found = time
  }
  return found
}

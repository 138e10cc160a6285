import { Fault } from '../base/errors.ts'
import type { AnyArgs } from './walk.ts'

type QueryValue = string | number | boolean | Date

/** A path with its parameters filled in: `/v2/users/usr_01h455vb4pex5vsknk084sn02q`. */
export function filledPath(path: string, params: readonly string[]): string {
  let filled = ''
  for (const [i, part] of templateOf(path).entries())
    filled += i % 2 === 0 ? part : encodeURIComponent(params[(i - 1) / 2]!)
  return filled
}

/** Of the arguments of a call those that its path needs, by their names there and in its order. */
export function paramsOf(operation: string, path: string, args: AnyArgs): string[] {
  const params: string[] = []
  for (const [i, name] of templateOf(path).entries()) {
    if (i % 2 === 0) continue
    const value = args[name]
    // An empty one would make another path: /users/ for /users/{id}. So would these, which `fetch` takes for steps (RFC 3986 5.2.4).
    if (typeof value !== 'string' || value === '' || value === '.' || value === '..')
      throw new Fault('MISSING_PARAMETER', `${operation} needs "${name}", for its path ${path}`)
    params.push(value)
  }
  return params
}

const templates = new Map<string, readonly string[]>()

/** Text and names of parameters in turns. */
function templateOf(path: string): readonly string[] {
  let template = templates.get(path)
  if (template === undefined) {
    template = path.split(/\{(\w+)\}/)
    templates.set(path, template)
  }
  return template
}

/** Query parameters, by repetition where one has several values: a comma of a value is then no separator (R-FILTER-1). */
export function pairsOf(query: AnyArgs = {}): [name: string, value: string][] {
  const pairs: [string, string][] = []
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue
    const values = Array.isArray(value) ? (value as readonly QueryValue[]) : [value as QueryValue]
    for (const one of values) pairs.push([name, one instanceof Date ? one.toISOString() : String(one)])
  }
  return pairs
}

/** The end of a URL: nothing where there are no parameters. */
export function queryOf(pairs: readonly (readonly [name: string, value: string, ...rest: unknown[]])[]): string {
  return pairs.length === 0
    ? ''
    : `?${new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, value]))}`
}

/** A base URL without its last slash. A path alone is the page's own host, in a browser. */
export function baseOf(url: string): string {
  // Not URL.canParse, which browsers and compilers of 2023 lack.
  if (!/^(?:https?:\/\/[^\s/?#]+)?(?:\/(?!\/)[^\s?#]*)?$/.test(url))
    throw new Fault('INVALID_URL', `"${url}" is not a valid base URL: give one like https://api.example.com`)
  return url.replace(/\/+$/, '')
}

import type { Operation } from '../contract/operation.ts'
import { type MixedSegment, matchMixed, readSegment } from './template.ts'

type Route = { readonly operation: Operation }

/** What is offered at a path, by method: see `Place` of the router. Without any it is the gateway's own. */
type Routes = Partial<Record<string, Route>>

/** A path template, and what is offered there. */
export interface Template {
  readonly segments: readonly string[]
  readonly routes: Routes
}

export interface Lookalikes {
  /**
   * Whether a path that was routed by values of parameters could be read as another one, which has other rules or is not
   * routed at all. `raw` is the path as it was written, `segments` what it says.
   */
  misleads(found: Routes, method: string, raw: string, segments: readonly string[]): boolean
}

/**
 * Upstreams read paths in more ways than one: `/items/Export`, `/items/export;x`, `/items/export%20`, `/items/export.json` and
 * `/items/%2565xport` are `/items/export` to some. By our templates each is `/items/{id}`; where that is public and the other is not,
 * the rule would be walked around. So a path is folded into what the most lenient server could make of it, and routed again.
 *
 * Where no two templates of different rules are as near to each other as that, only paths that have escapes, `;` and the like are
 * looked at: `/items/;/export` is `/items/export` where parameters are cut and slashes merged, however deep our templates are.
 */
export function createLookalikes(templates: readonly Template[]): Lookalikes {
  const root = newNode()
  for (const template of templates) mount(root, template)
  const risky = new Set<Routes>()
  /** Where a segment has text beside its parameters: what is folded may be a part of it. */
  const mixed = new Set<Routes>()
  for (const { segments, routes } of templates) {
    if (segments.some((one) => Array.isArray(readSegment(one)))) mixed.add(routes)
    if (segments.some((one) => one.includes('{')) && isNear(root, segments.map(foldLiteral), 0, routes))
      risky.add(routes)
  }

  return {
    misleads(found, method, raw, segments) {
      if (!risky.has(found) && !LENIENT.test(raw)) return false
      const folded = fold(segments)
      if (folded === undefined) return true
      if (find(root, folded, 0) === undefined) return !mixed.has(found)
      return [folded, ...shortened(folded)].some((one) => isElsewhere(one, found, method))
    },
  }

  function isElsewhere(path: readonly string[], found: Routes, method: string): boolean {
    const leaf = find(root, path, 0)
    if (leaf === undefined) return false
    if (isOther(leaf, found, method)) return true
    const bare = withoutExtension(path)
    // Where an extension is part of a template it says nothing else.
    const other = bare && leaf.lastIsParameter ? find(root, bare, 0) : undefined
    return other !== undefined && !other.lastIsParameter && isOther(other, found, method)
  }
}

/** By these a segment can vanish, or be another one, whatever the templates are. */
const LENIENT = /[%;+$]|\/\./

interface Node {
  readonly literals: Map<string, Node>
  readonly mixed: { readonly texts: MixedSegment; readonly node: Node }[]
  parameter: Node | undefined
  /** More than one, where templates differ in case alone. */
  readonly offers: Routes[]
  readonly lastIsParameter: boolean
}

function newNode(lastIsParameter = false): Node {
  return { literals: new Map(), mixed: [], parameter: undefined, offers: [], lastIsParameter }
}

function mount(root: Node, { segments, routes }: Template): void {
  let node = root
  for (const text of segments) {
    const kind = readSegment(text)
    if (kind === 'parameter') {
      node.parameter ??= newNode(true)
      node = node.parameter
    } else if (kind === 'literal') {
      const folded = foldLiteral(text)!
      // A slash at the end.
      if (folded === '') continue
      const next = node.literals.get(folded) ?? newNode()
      node.literals.set(folded, next)
      node = next
    } else {
      const next = newNode()
      node.mixed.push({ texts: kind.map(lower), node: next })
      node = next
    }
  }
  node.offers.push(routes)
}

/** As the router does: a literal before text with parameters, and that before a parameter. */
function find(node: Node, segments: readonly string[], depth: number): Node | undefined {
  if (depth === segments.length) return node.offers.length > 0 ? node : undefined
  const segment = segments[depth]!
  const literal = node.literals.get(segment)
  const found = literal && find(literal, segments, depth + 1)
  if (found !== undefined) return found
  for (const { texts, node: next } of node.mixed) {
    const matched = matchMixed(texts, segment) && find(next, segments, depth + 1)
    if (matched) return matched
  }
  return node.parameter && find(node.parameter, segments, depth + 1)
}

/**
 * Whether anything of other rules is where a template could lead to; undefined in it stands for any value. On the template's own
 * way a literal goes before anything else; once `astray`, whatever is there may be taken.
 */
function isNear(
  node: Node,
  template: readonly (string | undefined)[],
  depth: number,
  routes: Routes,
  astray = false,
): boolean {
  if (depth === template.length) return Object.keys(routes).some((method) => isOther(node, routes, method))
  const text = template[depth]
  if (text === '') return isNear(node, template, depth + 1, routes, astray)
  const go = (next: Node | undefined, away: boolean) =>
    next !== undefined && isNear(next, template, depth + 1, routes, away)
  if (text !== undefined && go(node.literals.get(text), astray)) return true
  if (text !== undefined && !astray) return false
  if (text === undefined) for (const next of node.literals.values()) if (go(next, true)) return true
  return node.mixed.some((one) => go(one.node, true)) || go(node.parameter, astray)
}

/** Whether what is offered there has other rules for a method than what was found. */
function isOther({ offers }: Node, found: Routes, method: string): boolean {
  if (offers.includes(found)) return false
  const rules = rulesOf(found, method)
  return offers.some((one) => rulesOf(one, method) !== rules)
}

/** What a request has to meet, as text; undefined where the method is not offered. */
function rulesOf(routes: Routes, method: string): string | undefined {
  const route = routes[method] ?? (method === 'HEAD' ? routes.GET : undefined)
  if (route === undefined) return undefined
  const known = rules.get(route)
  if (known !== undefined) return known
  const { access, limits, cost } = route.operation
  const text = JSON.stringify([access, limits, cost])
  rules.set(route, text)
  return text
}

const rules = new WeakMap<Route, string>()

/** A literal of a template, folded; undefined for what has parameters. */
function foldLiteral(text: string): string | undefined {
  return text.includes('{') ? undefined : foldOne(text)
}

/** Decoded segments as the most lenient server could read them; undefined for what is no honest path. */
function fold(segments: readonly string[]): string[] | undefined {
  const folded: string[] = []
  for (const segment of segments) {
    const decoded = decodeAgain(segment)
    if (decoded === undefined) return undefined
    for (const part of decoded.split(SLASHES)) {
      if (part === '') continue
      const one = foldOne(part) || (/^\++$/.test(part) ? part : '')
      // Dots, spaces or parameters alone are a way up, or nothing, somewhere else.
      if (one === '' || /^\.+[?#]/.test(one)) return undefined
      folded.push(one)
    }
  }
  return folded
}

/** Percent-encoded twice and more, also as `%u002f`; undefined for what is not UTF-8 then, overlong slashes among it. */
function decodeAgain(segment: string): string | undefined {
  let text = segment
  for (let i = 0; text.includes('%'); i++) {
    let next: string
    try {
      next = text
        .replace(/%u([\da-f]{4})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
        .replace(/(?:%[\da-f]{2})+/gi, decodeURIComponent)
    } catch {
      return undefined
    }
    if (next === text) return text
    if (i === 3) return undefined
    text = next
  }
  return text
}

/** Also those that best-fit conversions take for one; not what normalising makes of `½`. */
const SLASHES = /[/\\\u2044\u2215\u2216\u29f5\u29f8\ufe68\uff0f\uff3c]/

/** Without case, accents, what is invisible, parameters of the segment (`;x=1`), a stream (`::$DATA`), and what is trimmed from ends. */
function foldOne(text: string): string {
  const visible = text.normalize('NFKD').replace(/[\p{M}\p{Cf}]/gu, '')
  const own = visible.replace(/(?:;|\0|:?:\$).*$/su, '')
  // Not by a pattern, which tries each place of a long run anew.
  let from = 0
  let end = own.length
  while (end > 0 && TRIMMED.test(own[end - 1]!)) end--
  while (from < end && own[from] !== '.' && TRIMMED.test(own[from]!)) from++
  return lower(own.slice(from, end))
}

const TRIMMED = /[\s\p{Cc}+.]/u

/** Both ways: some letters have one case only, and become another's in the other. */
function lower(text: string): string {
  return text.toUpperCase().toLowerCase()
}

/**
 * What is left of a path where `?` or `#` is decoded and then ends it, and where a `+` is a space, and a segment of nothing else no
 * segment. A name that begins with `#` is one, as of a channel.
 */
function shortened(folded: readonly string[]): string[][] {
  const readings: string[][] = []
  const cut = folded.findIndex((one) => /.[?#]/.test(one))
  if (cut !== -1) readings.push([...folded.slice(0, cut), foldOne(folded[cut]!.replace(/(?<=.)[?#].*$/su, ''))])
  const without = folded.filter((one, i) => i === folded.length - 1 || !/^\++$/.test(one))
  if (without.length < folded.length) readings.push(without)
  return readings
}

/** Frameworks take `.json` at the end for the format that is asked for; undefined where there is none. */
function withoutExtension(segments: readonly string[]): string[] | undefined {
  const last = segments.at(-1) ?? ''
  const bare = last.replace(/(?<=.)\.[a-z][a-z\d]{0,7}$/, '')
  return bare === last ? undefined : [...segments.slice(0, -1), bare]
}

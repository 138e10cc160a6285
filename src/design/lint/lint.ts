import { readDocument } from '../openapi/document.ts'
import { bodiesOf } from '../openapi/properties.ts'
import { recognise } from '../openapi/recognise.ts'
import type { OpenFile } from '../openapi/references.ts'
import { fieldsOf, isFields, pointerOf, type Spot } from '../openapi/spot.ts'
import type { Path, Place } from '../source/places.ts'
import type { Source } from '../source/source.ts'
import type { LintConfig } from './config.ts'
import type { LintedDocument, LintRule, Severity } from './rule.ts'
import { chapterOf, LINT_RULES } from './rules.ts'

/** What a document has against a rule, at one place. */
export interface Finding extends Place {
  readonly rule: LintRule
  /** As the configuration has it. */
  readonly severity: Severity
  /** `GET /users has …`: what is wrong there. */
  readonly message: string
  readonly file: string
  /** RFC 6901, as a fragment: `#/paths/~1users/get`. */
  readonly pointer: string
}

/**
 * Checks an OpenAPI document: what is wrong with it by the rules that `config` leaves on, by place. `open` reads a file that the
 * document refers to. An Error says in one sentence what the source is, where it is no OpenAPI 3 document.
 */
export function lint(source: Source, open: OpenFile, config: LintConfig): Finding[] {
  const kind = recognise(source.value)
  if (kind.kind === 'asyncapi')
    throw new Error('seems to be AsyncAPI: `lintel lint` reads OpenAPI 3; `lintel diff` reads both')
  if (kind.kind === 'other') throw new Error(`seems to be ${kind.seems}: ${kind.advice}`)
  const read = readDocument(source, open)
  const document: LintedDocument = { ...read, ...bodiesOf(read) }
  const found = LINT_RULES.flatMap((rule) => {
    const severity = config.severityOf(rule)
    return severity === 'off' ? [] : broken(rule, document, config).map((one) => ({ ...one, rule, severity }))
  })
  return placed(found)
}

interface Broken {
  readonly spot: Spot
  readonly message: string
}

/** Each place once for a message: what is shared by many operations is wrong once. */
function broken(rule: LintRule, document: LintedDocument, config: LintConfig): Broken[] {
  const found = new Map<string, Broken>()
  rule.check(document, (spot, message, also = []) => {
    const key = `${spot.source.file}${pointerOf(spot.path)} ${message}`
    if (found.has(key) || [spot, ...also].some((one) => isAllowed(rule, one)) || config.ignores(rule, spot)) return
    found.set(key, { spot, message })
  })
  const all = [...found.values()]
  const isHabit =
    rule.habit && all.length > HABIT && all.length > 0.9 * (rule.places?.(document) ?? Number.POSITIVE_INFINITY)
  return isHabit ? [{ spot: document.top, message: `${rule.habit} (${all.length} places)` }] : all
}

/** Fewer places are listed one by one. */
const HABIT = 10

/** `x-lintel-allow: { 'R-REST-1': 'reason' }` at the place, or at anything that it lies in. */
function isAllowed({ id }: LintRule, { source, path }: Spot): boolean {
  let at = source.value
  for (let depth = 0; ; depth++) {
    const allow = isFields(at) ? at['x-lintel-allow'] : undefined
    if (isFields(allow) && [id, chapterOf(id)].some((name) => String(allow[name] ?? '').trim() !== '')) return true
    if (depth === path.length || typeof at !== 'object' || at === null) return false
    at = (at as Record<string, unknown>)[path[depth]!]
  }
}

function placed(found: readonly (Broken & { rule: LintRule; severity: Severity })[]): Finding[] {
  const paths = new Map<Source, Path[]>()
  for (const { spot } of found) {
    const all = paths.get(spot.source) ?? []
    all.push(spot.path)
    paths.set(spot.source, all)
  }
  const places = new Map([...paths].map(([source, all]) => [source, source.places(all).values()]))
  return found
    .map(({ spot, message, rule, severity }) => ({
      rule,
      severity,
      message: `${nameOf(spot)} ${message}`,
      file: spot.source.file,
      pointer: pointerOf(spot.path),
      ...places.get(spot.source)!.next().value!,
    }))
    .sort((a, b) => (a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1))
}

/** How a reader would call a place: `GET /users 200`, `Order.total`, `parameter Limit`. */
function nameOf({ path, source }: Spot): string {
  const [area, first, second, ...rest] = path
  if (area === 'paths' && first !== undefined) {
    if (second === undefined) return first
    if (second === 'parameters') return `${first} ${schemaName([second, ...rest])}`.trim()
    return [`${second.toUpperCase()} ${first}`, schemaName(rest)].filter(Boolean).join(' ')
  }
  if (area === 'components' && second !== undefined)
    return [first === 'schemas' ? '' : `${first!.replace(/s$/, '')} `, schemaName([second, ...rest])].join('')
  return path.length === 0
    ? String(
        fieldsOf({ source, path, value: fieldsOf({ source, path, value: source.value }).info }).title ?? 'The document',
      )
    : path.join(' ')
}

/** Without what every schema has: `Order.items[].total`. */
function schemaName(path: readonly string[]): string {
  return path
    .filter((one) => !['properties', 'schema', 'content', 'responses'].includes(one))
    .join('.')
    .replace(/\.items(?=\.|$)/g, '[]')
    .replace(/\.(allOf|anyOf|oneOf)\.\d+/g, '')
}

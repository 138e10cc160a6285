import type { JsonSchema } from '../../src/contract/documents/json-schema.ts'
import { isObject } from './as-it-stands.ts'
import type { Described } from './document.ts'
import type { Sent } from './sent.ts'

type Values = Readonly<Record<string, unknown>>

/** The read-only fields that a body gives, by the document. */
export function readOnlyIn({ operation, body }: Pick<Sent, 'operation' | 'body'>): string[] {
  const given = body?.json?.value
  return isObject(given) ? Object.keys(operation.readOnly).filter((name) => Object.hasOwn(given, name)) : []
}

/** Those of them that have another value than the thing has: only these may be refused (R-BODY-4). None while that is not known. */
export function othersIn(sent: Sent, described: Described): string[] {
  const { operation, body, stands } = sent
  if (!isObject(stands)) return []
  const given = body?.json?.value as Values
  return readOnlyIn(sent).filter((name) => !isSame(operation.readOnly[name]!, given[name], stands[name], described))
}

/** As values: two spellings of one instant are the same, and a member that is not there is null. */
function isSame(schema: JsonSchema, given: unknown, stands: unknown, described: Described): boolean {
  if ((given ?? null) === (stands ?? null)) return true
  const { format, items, properties } = described.look(schema)
  if (format === 'date-time') return isText(given) && isText(stands) && instant(given) === instant(stands)
  if (Array.isArray(given) && Array.isArray(stands))
    return given.length === stands.length && given.every((item, i) => isSame(items!, item, stands[i], described))
  if (!isObject(given) || !isObject(stands)) return false
  const names = new Set([...Object.keys(given), ...Object.keys(stands)])
  return [...names].every(
    (name) => properties?.[name] && isSame(properties[name], given[name], stands[name], described),
  )
}

function instant(text: string): number {
  return Date.parse(text.toUpperCase())
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

import type { References } from './references.ts'
import { below, children, entriesOf, fieldsOf, has, type Spot, textOf } from './spot.ts'

/** A schema with what its `$ref`, `allOf`, `anyOf` and `oneOf` add: what a value of it may have. */
export interface FlatSchema {
  readonly types: ReadonlySet<string>
  readonly properties: ReadonlyMap<string, Spot>
  readonly required: ReadonlySet<string>
  readonly items: Spot | undefined
  /** Whether members that it does not name are refused. */
  readonly closed: boolean
  /** Whether it says anything at all about values. */
  readonly says: boolean
}

export interface Schemas {
  flat(schema: Spot): FlatSchema
  /** The first value of a keyword, such as `maximum`, here or where `$ref` and `allOf` lead. */
  keyword(schema: Spot, name: string): unknown
}

type Draft = {
  types: Set<string>
  properties: Map<string, Spot>
  required: Set<string>
  items: Spot | undefined
  closed: boolean
  says: boolean
}

const JOINED = ['allOf', 'anyOf', 'oneOf'] as const
/** What says something about values; the rest describes. */
const SAYING =
  /^(type|enum|const|properties|items|format|pattern|(min|max)\w+|minimum|maximum|multipleOf|not|required|additionalProperties|unevaluatedProperties|patternProperties|prefixItems)$/

export function createSchemas({ resolve }: References): Schemas {
  const kept = new WeakMap<object, FlatSchema>()

  function flat(schema: Spot): FlatSchema {
    const key = schema.value
    if (typeof key !== 'object' || key === null)
      return {
        types: new Set(),
        properties: new Map(),
        required: new Set(),
        items: undefined,
        closed: false,
        says: false,
      }
    const known = kept.get(key)
    if (known) return known
    const draft: Draft = {
      types: new Set(),
      properties: new Map(),
      required: new Set(),
      items: undefined,
      closed: false,
      says: false,
    }
    for (const part of partsOf(schema, JOINED)) add(draft, part)
    kept.set(key, draft)
    return draft
  }

  /** The schema itself, and all that it joins; each once. */
  function partsOf(schema: Spot, joined: readonly string[]): Spot[] {
    const parts: Spot[] = []
    const seen = new Set<unknown>()
    const left = [schema]
    for (let part = left.pop(); part !== undefined; part = left.pop()) {
      if (seen.has(part.value)) continue
      seen.add(part.value)
      parts.push(part)
      // In the order in which they stand: of what several say of a property the first is kept.
      const next = joined.flatMap((name) => children(below(part, name)).map(([, one]) => one))
      if (has(part, '$ref')) next.unshift(resolve(part))
      left.push(...next.reverse())
    }
    return parts
  }

  function add(draft: Draft, part: Spot): void {
    const fields = fieldsOf(part)
    for (const type of typesOf(fields)) draft.types.add(type)
    for (const [name, property] of entriesOf(below(part, 'properties')))
      if (!draft.properties.has(name)) draft.properties.set(name, property)
    if (Array.isArray(fields.required)) for (const name of fields.required) draft.required.add(String(name))
    if (draft.items === undefined && has(part, 'items')) draft.items = below(part, 'items')
    if (fields.additionalProperties === false || fields.unevaluatedProperties === false) draft.closed = true
    if (Object.keys(fields).some((name) => SAYING.test(name))) draft.says = true
  }

  return {
    flat,
    keyword: (schema, name) => partsOf(schema, ['allOf']).find((part) => has(part, name))?.value?.[name as never],
  }
}

/** By `type`, or by what else shows it. */
function typesOf(fields: Readonly<Record<string, unknown>>): string[] {
  const { type } = fields
  if (typeof type === 'string') return [type]
  if (Array.isArray(type)) return type.map(String)
  if ('properties' in fields) return ['object']
  if ('items' in fields) return ['array']
  if (Array.isArray(fields.enum)) return [...new Set(fields.enum.map((one) => (one === null ? 'null' : typeof one)))]
  if ('const' in fields) return [typeof fields.const]
  return []
}

/** `date-time` and the like. */
export function formatOf(schemas: Schemas, schema: Spot): string | undefined {
  return textOf(schemas.keyword(schema, 'format'))
}

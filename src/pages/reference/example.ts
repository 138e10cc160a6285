import type { JsonSchema } from '../../contract/documents/json-schema.ts'
import type { Resolve } from './resolve.ts'

/** A value to begin with: examples of the document where it has some, else something of the right type. Of objects what is required. */
export function exampleOf(schema: JsonSchema, resolve: Resolve): unknown {
  const { examples, default: given, enum: values, const: only, anyOf, type, ...rest } = resolve(schema)
  const own = examples ?? (schema.examples as readonly unknown[] | undefined)
  if (own !== undefined && own.length > 0) return own[0]
  if (given !== undefined) return given
  if (only !== undefined) return only
  if (values !== undefined) return values[0]
  if (type === undefined && anyOf !== undefined) return exampleOf(anyOf[0]!, resolve)
  switch (typeof type === 'object' ? type[0] : type) {
    case 'object':
      return objectExample(rest, resolve)
    case 'array':
      return rest.items ? [exampleOf(rest.items, resolve)] : []
    case 'integer':
    case 'number':
      return Math.max(rest.minimum ?? 0, Math.min(1, rest.maximum ?? 1))
    case 'boolean':
      return false
    case 'string':
      return textExample(rest)
    default:
      return null
  }
}

/** Where nothing is required, anything may be sent: then all that this caller may write is shown. */
function objectExample({ properties = {}, required = [] }: JsonSchema, resolve: Resolve): Record<string, unknown> {
  const shown = Object.entries(properties).filter(([name, schema]) =>
    required.length > 0 ? required.includes(name) : !schema.readOnly && schema['x-lintel-only'] === undefined,
  )
  return Object.fromEntries(shown.map(([name, schema]) => [name, exampleOf(schema, resolve)]))
}

function textExample({ format, minLength = 0 }: JsonSchema): string {
  if (format === 'email') return 'ann@example.com'
  if (format === 'date-time') return '2026-01-31T12:00:00Z'
  if (format === 'date') return '2026-01-31'
  return 'text'.padEnd(minLength, '.')
}

import type { JsonSchema } from '../../contract/documents/json-schema.ts'
import type { Components, Reference } from '../../contract/documents/openapi-types.ts'

/** What a reference of a document points to, or the thing itself. */
export type Resolve = <T extends object>(value: T | Reference) => T

export function resolverOf(components: Components): Resolve {
  return <T extends object>(value: T | Reference): T => {
    if (!('$ref' in value) || value.$ref === undefined) return value as T
    const [, section, name] = /^#\/components\/(\w+)\/(.+)$/.exec(value.$ref)!
    const key = name!.replaceAll('~1', '/').replaceAll('~0', '~')
    return (components as unknown as Record<string, Record<string, T>>)[section!]![key]!
  }
}

/** The name of the schema that a schema refers to. */
export function refName({ $ref }: JsonSchema): string | undefined {
  return $ref?.slice($ref.lastIndexOf('/') + 1)
}

import { type ApiDocument, isJson } from './document.ts'
import { below, children, fieldsOf, has, type Spot } from './spot.ts'

/** A property that JSON bodies may have. */
export interface ApiProperty {
  readonly name: string
  readonly spot: Spot
  /** In a request, or in an answer; one that is in both is there twice. */
  readonly use: 'request' | 'answer'
}

export interface ApiObject {
  readonly spot: Spot
  readonly use: 'request' | 'answer'
}

/** Every property and every object schema that bodies lead to, each once for requests and once for answers. */
export function bodiesOf(document: ApiDocument): { properties: ApiProperty[]; objects: ApiObject[] } {
  const properties: ApiProperty[] = []
  const objects: ApiObject[] = []
  for (const use of ['request', 'answer'] as const) {
    const seen = new Set<unknown>()
    const left = rootsOf(document, use)
    for (let spot = left.pop(); spot !== undefined; spot = left.pop()) {
      if (typeof spot.value !== 'object' || spot.value === null || seen.has(spot.value)) continue
      seen.add(spot.value)
      if (has(spot, '$ref')) left.push(document.references.resolve(spot))
      const members = Object.keys(fieldsOf(below(spot, 'properties')))
      if (members.length > 0) objects.push({ spot, use })
      for (const name of members) {
        const property = below(spot, 'properties', name)
        properties.push({ name, spot: property, use })
        left.push(property)
      }
      for (const name of ['allOf', 'anyOf', 'oneOf', 'prefixItems'])
        left.push(...children(below(spot, name)).map(([, one]) => one))
      for (const name of ['items', 'additionalProperties']) left.push(below(spot, name))
    }
  }
  return { properties, objects }
}

function rootsOf({ operations }: ApiDocument, use: 'request' | 'answer'): Spot[] {
  return operations
    .flatMap((operation) =>
      use === 'request' ? (operation.body?.content ?? []) : operation.responses.flatMap(({ content }) => content),
    )
    .filter(isJson)
    .flatMap(({ schema }) => schema ?? [])
    .reverse()
}

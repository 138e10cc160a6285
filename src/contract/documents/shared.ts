import type { Contract } from '../contract.ts'
import { idSchema, type JsonSchema } from './json-schema.ts'
import type { Components, Header, Parameter, Reference, ResponseObject } from './openapi-types.ts'
import { type SchemaNames, schemaName } from './schema-names.ts'

interface Sections {
  schemas: JsonSchema
  parameters: Parameter
  headers: Header
  responses: ResponseObject
}

/** What a document says once and refers to: its `components` while they are collected. */
export interface Shared {
  /**
   * Keeps `value` under `name` and gives the reference to it. A name that is taken by something else gets a number.
   */
  add<S extends keyof Sections>(section: S, name: string, value: Sections[S]): Reference
  /** Reference to the schema of ids with this prefix; undefined where no resource of the system has it. */
  idRef(prefix: string): string | undefined
  components(): Omit<Components, 'securitySchemes'>
}

/** `names` are those of the resources of these contracts. */
export function shared(contracts: readonly Contract[], names: SchemaNames): Shared {
  const kept: { [S in keyof Sections]: Map<string, { value: Sections[S]; text: string }> } = {
    schemas: new Map(),
    parameters: new Map(),
    headers: new Map(),
    responses: new Map(),
  }
  const idNames = new Map<string, string>()
  for (const { name: service, resources } of contracts)
    for (const [key, resource] of Object.entries(resources))
      if (!idNames.has(resource.idPrefix)) idNames.set(resource.idPrefix, `${schemaName(names, service, key)}Id`)

  const add: Shared['add'] = (section, name, value) => {
    const text = JSON.stringify(value)
    for (let i = 1; ; i++) {
      const tried = i === 1 ? name : `${name}${i}`
      const there = kept[section].get(tried)
      if (!there) kept[section].set(tried, { value, text })
      if (!there || there.text === text) return { $ref: `#/components/${section}/${tried}` }
    }
  }
  const section = <S extends keyof Sections>(of: S) =>
    Object.fromEntries([...kept[of]].sort(byName).map(([name, { value }]) => [name, value])) as Record<
      string,
      Sections[S]
    >

  return {
    add,
    idRef: (prefix) => {
      const name = idNames.get(prefix)
      return name === undefined ? undefined : add('schemas', name, idSchema(prefix)).$ref
    },
    components: () => ({
      schemas: section('schemas'),
      parameters: section('parameters'),
      headers: section('headers'),
      responses: section('responses'),
    }),
  }
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1
}

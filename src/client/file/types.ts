import type { AnyContract } from '../../contract/contract.ts'
import type { JsonSchema } from '../../contract/documents/json-schema.ts'
import { type SchemaNames, schemaName, schemaNames } from '../../contract/documents/schema-names.ts'
import { docText, membersText } from './type-text.ts'

/** The types of a client's file, while they are collected. */
export interface Types {
  /** Of an object. The name that it got: one that is taken by something else gets a number. */
  interface(name: string, schema: JsonSchema, doc?: string): string
  /** Of whatever members. */
  members(name: string, members: string, doc?: string): string
  /** What one of a resource is called. */
  nameOf(service: string, key: string): string
  /** The type of ids with this prefix; undefined where no resource has it. */
  idRef(prefix: string): string | undefined
  names(): string[]
  text(): string
}

/** Names that mean something in the file already. */
const RESERVED = new Set(
  `Api Code CallArgs ListArgs WalkArgs GetArgs CreateArgs ChangeArgs DeleteArgs OwnArgs ListQuery WalkQuery Answered OneOrMany Page Pagination Rows
  CallProblem ClientOptions Tokens TokenStore Table AbortController AbortSignal Array AsyncGenerator Boolean Date Error Headers JSON Map Math
  NonNullable Number Object Omit Partial Pick Promise Readonly ReadonlyMap ReadonlySet ReadableStream Record RegExp RequestInit Response
  ReturnType Set String Symbol TextDecoder TypeError URL URLSearchParams Uint8Array`.split(/\s+/),
)

export function typesOf(contracts: readonly AnyContract[]): Types {
  const names: SchemaNames = schemaNames(contracts)
  const kept = new Map<string, string>()
  const prefixes = new Map<string, string>()
  for (const { name: service, resources } of contracts)
    for (const [key, { idPrefix }] of Object.entries<AnyContract['resources'][string]>(resources))
      if (!prefixes.has(idPrefix)) prefixes.set(idPrefix, `${schemaName(names, service, key)}Id`)

  const add = (wanted: string, textOf: (name: string) => string): string => {
    const name = RESERVED.has(wanted) ? `Api${wanted}` : wanted
    for (let i = 1; ; i++) {
      const tried = i === 1 ? name : `${name}${i}`
      const text = textOf(tried)
      const there = kept.get(tried)
      if (there === undefined) kept.set(tried, text)
      if (there === undefined || there === text) return tried
    }
  }
  const members: Types['members'] = (wanted, members, doc) =>
    add(wanted, (name) => `${docText(doc)}export interface ${name} {\n${members}}\n`)
  return {
    members,
    interface: (wanted, schema, doc) => members(wanted, membersText(schema, '  '), doc),
    nameOf: (service, key) => schemaName(names, service, key),
    idRef(prefix) {
      const name = prefixes.get(prefix)
      return name === undefined ? undefined : add(name, (id) => `export type ${id} = \`${prefix}_\${string}\`\n`)
    },
    names: () => [...kept.keys()],
    text: () => [...kept.values()].join('\n'),
  }
}

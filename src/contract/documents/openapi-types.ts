import type { Limit } from '../limits.ts'
import type { Info } from './about.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Tag } from './tags.ts'

/** An OpenAPI 3.1 document, as far as Lintel writes one. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0'
  readonly info: Info
  readonly servers: readonly Server[]
  readonly tags: readonly Tag[]
  readonly paths: Readonly<Record<string, PathItem>>
  readonly components: Components
}

export interface Server {
  readonly url: string
  readonly description?: string
}

export interface Reference {
  readonly $ref: string
}

export type PathItem = { readonly [M in 'get' | 'post' | 'put' | 'patch' | 'delete']?: OperationObject }

export interface OperationObject {
  /** What generated clients call it: `listProducts`. */
  readonly operationId: string
  readonly summary: string
  readonly description: string
  readonly tags: readonly string[]
  readonly deprecated?: true
  readonly security: readonly { readonly bearerAuth?: readonly string[] }[]
  /** What logs, metrics and traces call it: `orders.products.list`. */
  readonly 'x-lintel-operation': string
  /** The access rule, as the contract has it. */
  readonly 'x-lintel-access': string
  /** It is a route: what it takes and answers is bytes of these types, and what holds for every operation may not hold for it. */
  readonly 'x-lintel-route'?: true
  /** The operation's own buckets, where it has some. */
  readonly 'x-lintel-limits'?: readonly Limit[]
  /** How much of each bucket a request takes, where that is not 1. */
  readonly 'x-lintel-cost'?: number
  /** What a list takes besides where no index bounds what it reads, and again for `count=exact`. */
  readonly 'x-lintel-scan-cost'?: number
  /** Milliseconds after which a request is answered with 504, where the operation has a deadline of its own. */
  readonly 'x-lintel-timeout-ms'?: number
  /** Rules about words that the contract is exempt from, with the reasons (R-P-6). */
  readonly 'x-lintel-allow'?: Readonly<Record<string, string>>
  /** `strong`, which reads the database, where it is left out (R-P-5). */
  readonly 'x-lintel-consistency'?: 'cached'
  readonly parameters: readonly (Parameter | Reference)[]
  readonly requestBody?: RequestBody
  readonly responses: Readonly<Record<string, ResponseObject | Reference>>
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly description?: string
  readonly required?: boolean
  readonly style?: 'form'
  readonly explode?: boolean
  readonly schema: JsonSchema
  readonly example?: unknown
}

export interface RequestBody {
  readonly description?: string
  readonly required: boolean
  readonly content: Readonly<Record<string, MediaType>>
}

export interface MediaType {
  readonly schema: JsonSchema
  readonly example?: unknown
}

export interface ResponseObject {
  readonly description: string
  /** Of an error, every `code` that it may have. */
  readonly 'x-lintel-codes'?: readonly string[]
  readonly headers?: Readonly<Record<string, Header | Reference>>
  readonly content?: Readonly<Record<string, MediaType>>
}

export interface Header {
  readonly description: string
  readonly required?: boolean
  readonly schema: JsonSchema
}

export interface Components {
  readonly schemas: Readonly<Record<string, JsonSchema>>
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly headers: Readonly<Record<string, Header>>
  readonly responses: Readonly<Record<string, ResponseObject>>
  readonly securitySchemes: Readonly<Record<string, object>>
}

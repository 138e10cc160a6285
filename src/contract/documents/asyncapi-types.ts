import type { Info } from './about.ts'
import type { JsonSchema } from './json-schema.ts'
import type { Reference } from './openapi-types.ts'

/** An AsyncAPI 3.0 document, as far as Lintel writes one. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.0.0'
  readonly info: Info
  readonly defaultContentType: string
  readonly channels: Readonly<Record<string, Channel>>
  readonly operations: Readonly<Record<string, OperationObject>>
  readonly components: {
    readonly messages: Readonly<Record<string, Message>>
    readonly schemas: Readonly<Record<string, JsonSchema>>
  }
}

export interface Channel {
  /** The subject on NATS. */
  readonly address: string
  readonly title: string
  readonly description: string
  readonly messages: Readonly<Record<string, Reference>>
}

export interface OperationObject {
  readonly action: 'send' | 'receive'
  readonly channel: Reference
  readonly summary: string
  readonly messages: readonly Reference[]
}

export interface Message {
  readonly name: string
  readonly title: string
  readonly contentType: string
  readonly headers: JsonSchema
  readonly payload: Reference
  readonly 'x-lintel-data-version': number
}

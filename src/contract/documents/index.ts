export { type AsyncApiOptions, asyncapi } from './asyncapi.ts'
export type { AsyncApiDocument } from './asyncapi-types.ts'
export { type OpenApiOptions, openapi } from './openapi.ts'
export type { OpenApiDocument } from './openapi-types.ts'

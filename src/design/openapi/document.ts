import type { Source } from '../source/source.ts'
import { createReferences, type OpenFile, type References } from './references.ts'
import { createSchemas, type Schemas } from './schemas.ts'
import { below, children, fieldsOf, has, type Spot, textOf } from './spot.ts'

/** An OpenAPI 3 document as rules and comparisons see it: references resolved, what paths share given to their operations. */
export interface ApiDocument {
  readonly source: Source
  readonly top: Spot
  readonly references: References
  readonly schemas: Schemas
  readonly paths: readonly ApiPath[]
  readonly operations: readonly ApiOperation[]
  /** Requests that the API sends to its clients, by name (3.1). */
  readonly webhooks: readonly ApiOperation[]
}

export interface ApiPath {
  readonly template: string
  /** Between slashes: `users`, `{id}`. */
  readonly segments: readonly string[]
  readonly spot: Spot
  readonly operations: readonly ApiOperation[]
}

export interface ApiOperation {
  readonly method: Method
  readonly path: ApiPath
  /** `GET /users/{id}`. */
  readonly label: string
  readonly spot: Spot
  readonly parameters: readonly ApiParameter[]
  readonly body: ApiBody | undefined
  readonly responses: readonly ApiResponse[]
  /** What it asks for itself, or the whole document does; undefined where neither says. */
  readonly security: Spot | undefined
}

export const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'trace'] as const
export type Method = (typeof METHODS)[number]

export interface ApiParameter {
  readonly in: string
  readonly name: string
  /** In the operation or the path, or where a reference leads. */
  readonly spot: Spot
  readonly required: boolean
  readonly schema: Spot | undefined
}

export interface ApiBody {
  readonly spot: Spot
  readonly required: boolean
  readonly content: readonly ApiContent[]
}

export interface ApiContent {
  /** In lower case, without its charset: `application/json`, `application/json;version=2`. */
  readonly type: string
  readonly spot: Spot
  readonly schema: Spot | undefined
}

export interface ApiResponse {
  /** `200`, `4XX`, `default`. */
  readonly status: string
  /** In the operation. */
  readonly spot: Spot
  readonly content: readonly ApiContent[]
  /** By their name in lower case. */
  readonly headers: ReadonlyMap<string, ApiParameter>
}

export function readDocument(source: Source, open: OpenFile): ApiDocument {
  const references = createReferences(open)
  const top: Spot = { source, path: [], value: source.value }
  const paths = children(below(top, 'paths'))
    .filter(([template]) => template.startsWith('/'))
    .map(([template, spot]) => readPath(template, references.resolve(spot), top, references))
  const webhooks = children(below(top, 'webhooks')).map(([name, spot]) =>
    readPath(name, references.resolve(spot), top, references),
  )
  return {
    source,
    top,
    references,
    schemas: createSchemas(references),
    paths,
    operations: paths.flatMap(({ operations }) => operations),
    webhooks: webhooks.flatMap(({ operations }) => operations),
  }
}

function readPath(template: string, spot: Spot, top: Spot, references: References): ApiPath {
  const operations: ApiOperation[] = []
  const path = { template, segments: template.split('/').slice(1), spot, operations }
  const common = below(spot, 'parameters')
  for (const method of METHODS) {
    if (!has(spot, method)) continue
    const own = below(spot, method)
    operations.push({
      method,
      path,
      label: `${method.toUpperCase()} ${template}`,
      spot: own,
      parameters: readParameters([...children(common), ...children(below(own, 'parameters'))], references),
      body: has(own, 'requestBody') ? readBody(references.resolve(below(own, 'requestBody'))) : undefined,
      responses: children(below(own, 'responses')).map(([status, one]) => readResponse(status, one, references)),
      security:
        [own, top].find((holder) => has(holder, 'security')) && below(has(own, 'security') ? own : top, 'security'),
    })
  }
  return path
}

/** Those of the operation come last, and go before those of its path. */
function readParameters(given: readonly [string, Spot][], references: References): ApiParameter[] {
  const byName = new Map<string, ApiParameter>()
  for (const [, one] of given) {
    const spot = references.resolve(one)
    const { name, in: place } = fieldsOf(spot)
    if (typeof name === 'string' && typeof place === 'string')
      byName.set(`${place} ${name}`, readParameter(name, place, spot))
  }
  return [...byName.values()]
}

function readParameter(name: string, place: string, spot: Spot): ApiParameter {
  const schema = has(spot, 'schema') ? below(spot, 'schema') : readContent(spot)[0]?.schema
  return { name, in: place, spot, required: place === 'path' || fieldsOf(spot).required === true, schema }
}

function readBody(spot: Spot): ApiBody {
  return { spot, required: fieldsOf(spot).required === true, content: readContent(spot) }
}

function readContent(holder: Spot): ApiContent[] {
  return children(below(holder, 'content')).map(([type, spot]) => ({
    type: type
      .toLowerCase()
      .replace(/\s*;\s*charset=[^;]*/, '')
      .replaceAll(' ', ''),
    spot,
    schema: has(spot, 'schema') ? below(spot, 'schema') : undefined,
  }))
}

function readResponse(status: string, spot: Spot, references: References): ApiResponse {
  const resolved = references.resolve(spot)
  const headers = new Map<string, ApiParameter>()
  for (const [name, one] of children(below(resolved, 'headers')).concat(customHeaders(resolved)))
    headers.set(name.toLowerCase(), readParameter(name, 'header', references.resolve(one)))
  return {
    status: status.toUpperCase() === 'DEFAULT' ? 'default' : status.toUpperCase(),
    spot,
    content: readContent(resolved),
    headers,
  }
}

/** Names of headers may begin with x-, as those of extensions do. */
function customHeaders(response: Spot): [string, Spot][] {
  const headers = below(response, 'headers')
  return Object.keys(fieldsOf(headers))
    .filter((name) => name.startsWith('x-'))
    .map((name) => [name, below(headers, name)])
}

export function isJson({ type }: ApiContent): boolean {
  return /^(application|text)\/([^;]+\+)?json(;|$)/.test(type)
}

/** The schema of its JSON, if it has any. */
export function jsonOf(content: readonly ApiContent[] | undefined): Spot | undefined {
  return content?.find(isJson)?.schema
}

export function isParameter(segment: string): boolean {
  return /^\{.*\}$/.test(segment)
}

/** Whether a status stands in the responses, by itself or with others (`4XX`, `default`). */
export function answers({ responses }: ApiOperation, status: number): boolean {
  return responses.some((one) => one.status === String(status) || one.status === `${String(status)[0]}XX`)
}

export function successes({ responses }: ApiOperation): ApiResponse[] {
  return responses.filter(({ status }) => status.startsWith('2'))
}

export function parameterOf(operation: ApiOperation, place: string, name: RegExp): ApiParameter | undefined {
  return operation.parameters.find((one) => one.in === place && name.test(one.name))
}

export function operationIdOf({ spot }: ApiOperation): string | undefined {
  return textOf(fieldsOf(spot).operationId)
}

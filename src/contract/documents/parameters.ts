import type { FieldSpec } from '../fields.ts'
import type { Operation } from '../operation.ts'
import type { Draft } from './draft.ts'
import { exampleId } from './examples.ts'
import { idPattern, idSchema, type JsonSchema, valueSchema } from './json-schema.ts'
import {
  commaList,
  fieldsParameter,
  filtersOf,
  lookedFor,
  MOMENT,
  pagingParameters,
  sortParameter,
} from './list-parameters.ts'
import type { Parameter, Reference } from './openapi-types.ts'
import { pascalCase, schemaName } from './schema-names.ts'
import type { Shared } from './shared.ts'

/**
 * Every parameter of an operation. `names` are those of its path in the document; `shown` the fields of its answer in
 * this version.
 */
export function parametersOf(
  operation: Operation,
  names: readonly string[],
  shown: readonly string[],
  draft: Draft,
): (Parameter | Reference)[] {
  const { shared } = draft
  return [
    ...operation.params.map(({ prefix }, i) =>
      pathParameter(names[i]!, prefix, i === operation.facts.ownerParam, shared),
    ),
    ...queryParameters(operation, shown, draft),
    ...headerParameters(operation).map((header) => shared.add('parameters', header.name, header)),
  ]
}

function pathParameter(
  name: string,
  prefix: string | undefined,
  isOwner: boolean,
  shared: Shared,
): Parameter | Reference {
  const parameter = { name, in: 'path', required: true } as const
  if (prefix === undefined) return { ...parameter, schema: { type: 'string', pattern: SEGMENT } }
  if (!isOwner) {
    const $ref = shared.idRef(prefix)
    return { ...parameter, schema: $ref === undefined ? idSchema(prefix) : { $ref } }
  }
  return shared.add('parameters', `${pascalCase(name)}OrMe`, {
    ...parameter,
    description: '`me` stands for the id of the caller.',
    schema: { ...idSchema(prefix), pattern: `^(me|${idPattern(prefix)})$` },
  })
}

/** What the gateway takes for one segment (R-GW-4): no slash of either kind, no control character, and neither `.` nor `..`. */
const SEGMENT = (() => {
  const any = '[^/\\\\\\x00-\\x1f\\x7f]'
  return `^(\\.{0,2}[^./\\\\\\x00-\\x1f\\x7f]${any}*|\\.{3}${any}*)$`
})()

function queryParameters(
  operation: Operation,
  shown: readonly string[],
  { shared, names }: Draft,
): (Parameter | Reference)[] {
  const { service, key, resource, verb } = operation
  if (operation.query) return Object.entries(operation.query).map(([name, spec]) => ownParameter(name, spec))
  if (!resource || (verb !== 'list' && verb !== 'get')) return []
  const name = schemaName(names, service, key!)
  const fields = shared.add('parameters', `${name}Fields`, fieldsParameter(shown))
  if (verb === 'get') return [fields]
  // A list that stands at two places has them once.
  const own = (one: Parameter) =>
    resource.list.root ? shared.add('parameters', `${name}${pascalCase(one.name)}`, one) : one
  return [
    ...pagingParameters(resource).map((parameter) => shared.add('parameters', pascalCase(parameter.name), parameter)),
    ...sortParameter(resource).map(own),
    fields,
    ...filtersOf(resource).map(own),
  ]
}

/** A declared query parameter. */
function ownParameter(name: string, spec: FieldSpec): Parameter {
  const description = spec.description ?? (spec.kind === 'time' ? 'A date alone is its midnight, UTC.' : undefined)
  const required = !spec.optional
  const one = (of: FieldSpec) => (of.kind === 'time' ? MOMENT : valueSchema(lookedFor(of), 'request'))
  if (spec.kind !== 'list') {
    const schema = one(spec)
    return {
      name,
      in: 'query',
      ...(description !== undefined && { description }),
      required,
      schema: withDefault(schema, spec),
    }
  }
  const list: JsonSchema = { type: 'array', items: one(spec.of!), minItems: spec.min!, maxItems: spec.max! }
  return { ...commaList(name, description, withDefault(list, spec)), required, explode: spec.of!.kind === 'text' }
}

function withDefault(schema: JsonSchema, spec: FieldSpec): JsonSchema {
  return spec.default === undefined ? schema : { ...schema, default: spec.default }
}

function headerParameters(operation: Operation): Parameter[] {
  const { resource, on, method, verb, facts } = operation
  const headers: Parameter[] = [REQUEST_ID]
  if (facts.keepsAnswers) headers.push(IDEMPOTENCY_KEY)
  if (resource?.versioned && (verb === 'replace' || verb === 'update' || verb === 'delete')) headers.push(IF_MATCH)
  if (on?.resource.versioned && method !== 'GET') headers.push(IF_MATCH)
  if (facts.answersNotModified) headers.push(IF_NONE_MATCH)
  return headers
}

const ENTITY_TAGS = '^(\\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$'

const REQUEST_ID: Parameter = {
  name: 'X-Request-Id',
  in: 'header',
  description: 'Comes back with the answer. A new one is made where it is missing or of another form.',
  schema: { type: 'string', pattern: '^[A-Za-z0-9._-]{1,64}$' },
  example: exampleId('req'),
}

const IDEMPOTENCY_KEY: Parameter = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Makes a repeat safe: for 24 hours the same key and body get the first answer again, with no second effect.',
  schema: { type: 'string', pattern: '^[!-~]([ -~]{0,253}[!-~])?$', minLength: 1, maxLength: 255 },
  example: '5c2f0b3e-9d1e-4c0a-8b5e-6f1d2a7c9e10',
}

const IF_MATCH: Parameter = {
  name: 'If-Match',
  in: 'header',
  description: 'The ETag that was read: the change is made to that version or not at all (412).',
  schema: { type: 'string', pattern: ENTITY_TAGS },
  example: '"3"',
}

const IF_NONE_MATCH: Parameter = {
  name: 'If-None-Match',
  in: 'header',
  description: 'The ETag that was read: 304 and no body if it is still right.',
  schema: { type: 'string', pattern: ENTITY_TAGS },
  example: '"3"',
}

import { EMAIL_PATTERN } from '../../base/email.ts'
import type { FieldSpec } from '../fields.ts'
import { type FilterParameter, filterParameters } from '../list-query.ts'
import type { Operation } from '../operation.ts'
import type { Resource } from '../resource.ts'
import type { Draft } from './draft.ts'
import { exampleId } from './examples.ts'
import { idPattern, idSchema, type JsonSchema, valueSchema } from './json-schema.ts'
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
    ...filterParameters(resource).map(filterParameter).map(own),
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

function fieldsParameter(shown: readonly string[]): Parameter {
  return commaList('fields', 'The only fields of each that the answer has, beside `id`; all by default.', {
    type: 'array',
    items: { type: 'string', enum: shown },
    minItems: 1,
  })
}

/** Limits as list-query.ts has them; a test holds the two together. */
function pagingParameters(resource: Resource): Parameter[] {
  const deepest = resource.list.maxOffset
  return [
    {
      name: 'page',
      in: 'query',
      description: `Page from 1 (the default), as deep as ${deepest} rows: page × limit is at most that. Not with cursor.`,
      schema: { type: 'integer', minimum: 1, maximum: deepest },
    },
    {
      name: 'limit',
      in: 'query',
      description: 'Rows of a page.',
      schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
    },
    {
      name: 'cursor',
      in: 'query',
      description:
        'Where to go on: `pagination.nextCursor` of the page before, with the same sort and filters. Not with page.',
      schema: { type: 'string', pattern: '^[A-Za-z0-9_-]+$' },
    },
    {
      name: 'count',
      in: 'query',
      description: `\`exact\` counts every row, and costs more; \`none\` counts none. By default \`total\` is exact up to ${resource.list.exactTotal} rows and an estimate beyond.`,
      schema: { type: 'string', enum: ['exact', 'none'] },
    },
  ]
}

/**
 * One text, since no list could say what it is: each field once, in whichever direction. The pattern is plain enough for every dialect of
 * regular expressions, so that each field is there only once is said in words.
 */
function sortParameter(resource: Resource): Parameter[] {
  const { sort, defaultSort } = resource.list
  if (sort.length === 0) return []
  const fields = sort.map((name) => `\`${name}\``)
  const which = `By ${sort.length === 1 ? fields[0] : `any of ${fields.join(', ')}, joined by commas, each once`}.`
  const nullable = sort.some((name) => resource.stored[name]!.nullable)
  const order = `\`-\` is descending, \`+\` or nothing ascending.${nullable ? ' What has no value is last in both.' : ''} Ties are broken by id.`
  const term = `[+-]?(${sort.join('|')})`
  const pattern = `^${term}${sort.length === 1 ? '' : `(,${term}){0,${sort.length - 1}}`}$`
  const example = [`-${sort.at(-1)}`, ...sort.slice(0, -1)].slice(0, 2).join(',')
  return [
    {
      name: 'sort',
      in: 'query',
      description: `${which} ${order}`,
      schema: {
        type: 'string',
        pattern,
        // What is sorted by without it may be no field that can be asked for.
        ...(new RegExp(pattern).test(defaultSort) && { default: defaultSort }),
      },
      example,
    },
  ]
}

function filterParameter({ name, field, comparison, spec }: FilterParameter): Parameter {
  const one = (description: string, schema: JsonSchema): Parameter => ({ name, in: 'query', description, schema })
  switch (comparison) {
    case 'in':
      return listOfValues(name, field, spec)
    case 'search':
      return one('A part of the text, in any case.', valueSchema(spec, 'request'))
    case 'min':
      return one(`${field} is this or more. Digits, without an exponent.`, BOUND)
    case 'max':
      return one(`${field} is this or less. Digits, without an exponent.`, BOUND)
    case 'after':
      return one(`${field} is later than this. A date alone is its midnight, UTC.`, MOMENT)
    case 'before':
      return one(`${field} is earlier than this. A date alone is its midnight, UTC.`, MOMENT)
    case 'exists':
      return one(`Whether ${field} has a value: \`false\` finds those where it is null.`, { type: 'boolean' })
  }
}

/**
 * Values joined by commas; those of free text repeated, because a comma may be part of them and clients disagree on how to
 * encode one inside a list. The server accepts both forms for every list.
 */
function listOfValues(name: string, field: string, spec: FilterParameter['spec']): Parameter {
  const items = itemOf(spec)
  const description =
    spec.kind === 'time' ? `${field} is one of these. A date alone is its midnight, UTC.` : `${field} is one of these.`
  const parameter = commaList(name, description, { type: 'array', items, minItems: 1, maxItems: 100 })
  return spec.kind === 'text' ? { ...parameter, explode: true } : parameter
}

const BOUND: JsonSchema = { type: 'number', minimum: -1e15, maximum: 1e15, 'x-lintel-decimals': 10 }
const MOMENT: JsonSchema = { type: 'string', anyOf: [{ format: 'date-time' }, { format: 'date' }] }

/** The schema of one value. A whole number, like a bound, may lie outside the limits of its field. */
function itemOf(spec: FilterParameter['spec']): JsonSchema {
  if (spec.kind === 'integer') return { type: 'integer', minimum: -1e15, maximum: 1e15 }
  if (spec.kind === 'time') return MOMENT
  const schema = valueSchema(lookedFor(spec), 'answer')
  return spec.kind === 'email' ? { ...schema, pattern: EMAIL_PATTERN } : schema
}

/** What is looked for is any value, and makes no transition. */
function lookedFor(spec: FieldSpec): FieldSpec {
  const { transitions: _, default: __, ...rest } = spec
  return { ...rest, nullable: false }
}

function commaList(name: string, description: string | undefined, schema: JsonSchema): Parameter {
  return { name, in: 'query', ...(description !== undefined && { description }), style: 'form', explode: false, schema }
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

import { EMAIL_PATTERN } from '../../base/email.ts'
import type { FieldSpec } from '../fields.ts'
import { type FilterParameter, filterParameters } from '../list-query.ts'
import type { Resource } from '../resource.ts'
import { EXAMPLE_TIME, exampleOf } from './examples.ts'
import { type JsonSchema, valueSchema } from './json-schema.ts'
import type { Parameter } from './openapi-types.ts'

export function fieldsParameter(shown: readonly string[]): Parameter {
  return commaList('fields', 'The only fields of each that the answer has, beside `id`; all by default.', {
    type: 'array',
    items: { type: 'string', enum: shown },
    minItems: 1,
  })
}

/** Limits as list-query.ts has them; a test holds the two together. */
export function pagingParameters(resource: Resource): Parameter[] {
  const deepest = resource.list.maxOffset
  return [
    {
      name: 'page',
      in: 'query',
      description: `Page from 1 (the default), as deep as ${deepest} rows: page × limit is at most that. Not with cursor.`,
      schema: { type: 'integer', minimum: 1, maximum: deepest },
      example: 1,
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
export function sortParameter(resource: Resource): Parameter[] {
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

export function filtersOf(resource: Resource): Parameter[] {
  return filterParameters(resource).map((filter) => withExample(filterParameter(filter), filter, resource))
}

function withExample(
  parameter: Parameter,
  { field, comparison, spec }: FilterParameter,
  resource: Resource,
): Parameter {
  const example = exampleFor()
  return example === undefined ? parameter : { ...parameter, example }

  function exampleFor(): unknown {
    switch (comparison) {
      case 'in': {
        const one = exampleOf(field, lookedFor(spec))
        return one === undefined ? undefined : [one]
      }
      case 'min':
      case 'max':
        return exampleOf(field, spec)
      case 'after':
      case 'before':
        return EXAMPLE_TIME.slice(0, 10)
      case 'search': {
        const [first] = resource.list.search
        return exampleOf(first!, resource.stored[first!]!)
      }
      case 'exists':
        return undefined
    }
  }
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
export const MOMENT: JsonSchema = { type: 'string', anyOf: [{ format: 'date-time' }, { format: 'date' }] }

/** The schema of one value. A whole number, like a bound, may lie outside the limits of its field. */
function itemOf(spec: FilterParameter['spec']): JsonSchema {
  if (spec.kind === 'integer') return { type: 'integer', minimum: -1e15, maximum: 1e15 }
  if (spec.kind === 'time') return MOMENT
  const schema = valueSchema(lookedFor(spec), 'answer')
  return spec.kind === 'email' ? { ...schema, pattern: EMAIL_PATTERN } : schema
}

/** What is looked for is any value, and makes no transition. */
export function lookedFor(spec: FieldSpec): FieldSpec {
  const { transitions: _, default: __, ...rest } = spec
  return { ...rest, nullable: false }
}

export function commaList(name: string, description: string | undefined, schema: JsonSchema): Parameter {
  return { name, in: 'query', ...(description !== undefined && { description }), style: 'form', explode: false, schema }
}

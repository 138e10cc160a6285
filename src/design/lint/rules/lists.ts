import { isPlural } from '../../../contract/words.ts'
import { type ApiOperation, type ApiParameter, isParameter, jsonOf } from '../../openapi/document.ts'
import type { Spot } from '../../openapi/spot.ts'
import type { LintedDocument, LintRule } from '../rule.ts'

export const listRules: readonly LintRule[] = [
  {
    id: 'R-PAGE-1/paged',
    severity: 'error',
    reason: 'A list without pages is short on the day it is published, and brings the server down in its second year.',
    hint: 'Take `limit`, and `cursor` or `page`.',
    check: (document, report) => {
      for (const { operation } of listsOf(document))
        if (!limitOf(operation) || !positionOf(operation)) report(operation.spot, 'returns a list without pages')
    },
  },
  {
    id: 'R-PAGE-1/limit-bounds',
    severity: 'error',
    reason: 'A limit without a maximum is no limit; without a default nobody knows how many rows to expect.',
    hint: 'Give `limit` minimum: 1, maximum: 100 and default: 20.',
    check: (document, report) => {
      for (const { operation } of listsOf(document)) {
        const limit = limitOf(operation)
        if (limit === undefined) continue
        const fault = boundsFault(document, limit)
        if (fault) report(limit.spot, `has the page size "${limit.name}" ${fault}`)
      }
    },
  },
  {
    id: 'R-PAGE-1/names',
    habit: 'pages by other names',
    places: (document) => listsOf(document).length,
    severity: 'warn',
    reason: 'Pages that are asked for by the same names everywhere need one loop in a client.',
    hint: 'Name them page, limit and cursor.',
    check: (document, report) => {
      for (const { operation } of listsOf(document))
        for (const parameter of [limitOf(operation), positionOf(operation)])
          if (parameter && !['page', 'limit', 'cursor'].includes(parameter.name))
            report(parameter.spot, `pages by "${parameter.name}"`)
    },
  },
  {
    id: 'R-PAGE-2/cursor',
    severity: 'warn',
    reason: 'Pages by number skip and repeat rows while others write, and cost more the deeper they are.',
    hint: 'Take an opaque `cursor`, and return nextCursor.',
    check: (document, report) => {
      for (const { operation } of listsOf(document)) {
        const position = positionOf(operation)
        if (position && !operation.parameters.some(({ name }) => CURSOR.test(name)))
          report(position.spot, `pages by "${position.name}" only`)
      }
    },
  },
  {
    id: 'R-PAGE-3/envelope',
    habit: 'returns its lists in another envelope, or in none',
    places: (document) => listsOf(document).length,
    severity: 'error',
    reason:
      'A bare array has no place for what comes with a list, and none can be added without breaking every client.',
    hint: 'Answer {"data":[…],"pagination":{"total","limit","hasMore","nextCursor"}}.',
    check: (document, report) => {
      for (const { operation, schema } of listsOf(document)) {
        const { properties, types } = document.schemas.flat(schema)
        const spot = operation.responses.find(({ status }) => status === '200')!.spot
        if (properties.size === 0)
          report(spot, types.has('array') ? 'returns a bare array' : 'returns a list without an envelope')
        else if (!properties.has('data') || !properties.has('pagination'))
          report(spot, `returns a list as {${[...properties.keys()].slice(0, 6).join(', ')}}`)
      }
    },
  },
  {
    id: 'R-PAGE-3/link',
    habit: 'returns its lists without a Link header',
    places: (document) => listsOf(document).length,
    severity: 'warn',
    reason: 'Links to the next and first page (RFC 8288) let generic clients walk a list without knowing the API.',
    hint: 'Declare the header Link on the 200 of lists.',
    check: (document, report) => {
      for (const { operation } of listsOf(document)) {
        const success = operation.responses.find(({ status }) => status === '200')!
        if (!success.headers.has('link')) report(success.spot, 'returns a list without a Link header')
      }
    },
  },
  {
    id: 'R-FILTER-1/names',
    severity: 'warn',
    reason: 'Ranges that are spelt in one way are guessed right: totalMin, createdAfter.',
    hint: 'Name them <field>Min and <field>Max for numbers, <field>After and <field>Before for times.',
    check: (document, report) => {
      for (const { operation } of listsOf(document))
        for (const { in: place, name, spot } of operation.parameters)
          if (place === 'query' && RANGE.test(name) && !CURSOR.test(name)) report(spot, `has the range "${name}"`)
    },
  },
  {
    id: 'R-FILTER-2/typed',
    severity: 'warn',
    reason: 'A parameter without a type takes anything: what is wrong with it comes to light in the database.',
    hint: 'Give query parameters a schema with a type.',
    check: ({ operations, schemas }, report) => {
      const seen = new Set<unknown>()
      for (const { parameters } of operations)
        for (const { in: place, name, schema, spot } of parameters) {
          if (place !== 'query' || seen.has(spot.value)) continue
          seen.add(spot.value)
          if (schema === undefined || !schemas.flat(schema).says)
            report(spot, `has the query parameter "${name}" without a type`)
        }
    },
  },
  {
    id: 'R-FILTER-2/open-query',
    severity: 'warn',
    reason: 'A parameter that stands for any parameters makes a misspelt filter return everything.',
    hint: 'Declare each filter by its name, and reject others.',
    check: ({ operations, schemas }, report) => {
      for (const { parameters } of operations)
        for (const { in: place, name, schema, spot } of parameters)
          if (
            place === 'query' &&
            schema &&
            schemas.flat(schema).types.has('object') &&
            schemas.flat(schema).properties.size === 0
          )
            report(spot, `takes any parameters as "${name}"`)
    },
  },
  {
    id: 'R-SORT-1/names',
    severity: 'warn',
    reason: 'One parameter says field and direction together, and several fields in order.',
    hint: 'Take sort=-createdAt,name.',
    check: (document, report) => {
      for (const { operation } of listsOf(document))
        for (const { in: place, name, spot } of operation.parameters)
          if (place === 'query' && SORT.test(name)) report(spot, `sorts by "${name}"`)
    },
  },
  {
    id: 'R-SORT-1/declared',
    severity: 'warn',
    reason: 'Not every field has an index: what may be sorted by is part of the contract.',
    hint: 'List the fields: an enum, or a pattern.',
    check: (document, report) => checkDeclared(document, 'sort', report),
  },
  {
    id: 'R-FIELDS-1/declared',
    severity: 'warn',
    reason: 'A client cannot guess which fields may be asked for by themselves.',
    hint: 'List them: an enum, or a pattern.',
    check: (document, report) => checkDeclared(document, 'fields', report),
  },
]

const LIMIT =
  /^(limit|(max|page)[_.-]?(results|size|limit|items|keys)|per[_-]?page|size|count|first|top|\$top|page\[(size|limit)\])$/i
const CURSOR =
  /cursor|^(starting_after|ending_before|after|before|(next_?)?page_?token|continue|continuation_?token|(next_?)?token|marker|start_?after|since_id|max_id|page\[(after|before)\])$/i
const PAGE =
  /^(page|offset|skip|\$skip|start|page[_-]?(number|index|num|no)|start[_-]?(at|index)|from|page\[(number|offset)\])$/i
const RANGE =
  /^(min|max)([_-]|[A-Z])|[_-](min|max|gte?|lte?|from|to|since|until)$|[a-z](From|Since|Until|Gte?|Lte?)$|\[(gte?|lte?)\]$/
const SORT =
  /^(sort|order)[_-]?(by|field|column|order|direction|dir|key)$|^(order|ordering|direction|\$orderby|sorts)$/i

interface List {
  readonly operation: ApiOperation
  readonly schema: Spot
}

const kept = new WeakMap<LintedDocument, List[]>()

/** GETs of collections: an array, or an object with one array where the path or the parameters speak of many. */
function listsOf(document: LintedDocument): List[] {
  const known = kept.get(document)
  if (known) return known
  const lists = document.operations.flatMap((operation) => {
    const schema = listSchema(document, operation)
    return schema ? [{ operation, schema }] : []
  })
  kept.set(document, lists)
  return lists
}

function listSchema({ schemas }: LintedDocument, operation: ApiOperation): Spot | undefined {
  const last = operation.path.segments.at(-1) ?? ''
  if (operation.method !== 'get' || isParameter(last) || /\.\w+$/.test(last)) return undefined
  const schema = jsonOf(operation.responses.find(({ status }) => status === '200')?.content)
  if (!schema) return undefined
  const { properties, types } = schemas.flat(schema)
  if (properties.size === 0) return types.has('array') ? schema : undefined
  const arrays = [...properties].filter(([, one]) => schemas.flat(one).types.has('array')).map(([name]) => name)
  const named = arrays.some((name) => ROWS.test(name) || name.toLowerCase() === last.replace(/[-_]/g, '').toLowerCase())
  const isList = arrays.length > 0 && (named || positionOf(operation) !== undefined)
  return isList && (isPlural(last.toLowerCase()) || positionOf(operation)) ? schema : undefined
}

const ROWS = /^(data|items|results|records|rows|entries|elements|values?|content|list)$/i

function limitOf({ parameters }: ApiOperation): ApiParameter | undefined {
  return parameters.find(({ in: place, name }) => place === 'query' && LIMIT.test(name))
}

function positionOf({ parameters }: ApiOperation): ApiParameter | undefined {
  const inQuery = parameters.filter((one) => one.in === 'query')
  return inQuery.find(({ name }) => PAGE.test(name)) ?? inQuery.find(({ name }) => CURSOR.test(name))
}

function boundsFault({ schemas }: LintedDocument, { schema }: ApiParameter): string | undefined {
  if (schema === undefined) return 'without a type'
  const most = schemas.keyword(schema, 'maximum') ?? schemas.keyword(schema, 'exclusiveMaximum')
  if (typeof most !== 'number') return 'without a maximum'
  if (most > 100) return `with the maximum ${most}`
  if (schemas.keyword(schema, 'minimum') === undefined && schemas.keyword(schema, 'exclusiveMinimum') === undefined)
    return 'without a minimum'
  return schemas.keyword(schema, 'default') === undefined ? 'without a default' : undefined
}

/** Known values, or a pattern, of a text or of the elements of a list. */
function checkDeclared(
  { operations, schemas }: LintedDocument,
  name: string,
  report: (spot: Spot, message: string) => void,
): void {
  const seen = new Set<unknown>()
  for (const { parameters } of operations)
    for (const { in: place, name: given, schema, spot } of parameters) {
      if (place !== 'query' || given !== name || seen.has(spot.value)) continue
      seen.add(spot.value)
      const items = schema && schemas.flat(schema).items
      const says = [schema, items].some(
        (one) => one && ['enum', 'pattern', 'const'].some((word) => schemas.keyword(one, word) !== undefined),
      )
      if (!says) report(spot, `does not say what "${name}" may have`)
    }
}

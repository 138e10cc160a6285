import type { FieldFault } from '../base/errors.ts'
import { Problem } from '../base/errors.ts'
import { checkOf, readTime } from './check.ts'
import type { FieldSpec } from './fields.ts'
import type { Resource } from './resource.ts'

/** How a parameter compares: with any of its values, a bound, or a part of a text. */
export type Comparison = 'in' | 'min' | 'max' | 'after' | 'before' | 'search'

/** A query parameter that filters a list. */
export interface FilterParameter {
  readonly name: string
  /** The field it filters by; for `search`, none. */
  readonly field: string
  readonly comparison: Comparison
  /** What one value is. */
  readonly spec: FieldSpec
}

/** The filter parameters that a resource's list takes, derived from the kinds of its fields (R-FILTER-1). */
export function filterParameters(resource: Resource): FilterParameter[] {
  const parameters: FilterParameter[] = []
  for (const [name, field] of Object.entries(resource.list.filter)) {
    const spec = resource.stored[field]!
    const add = (suffix: string, comparison: Comparison, base = name) =>
      parameters.push({ name: base + suffix, field, comparison, spec: spec.kind === 'list' ? spec.of! : spec })
    if (spec.kind === 'time') {
      add('After', 'after', name.replace(/At$/, ''))
      add('Before', 'before', name.replace(/At$/, ''))
    } else if (spec.kind === 'money' || spec.kind === 'decimal' || spec.kind === 'integer') {
      add('Min', 'min')
      add('Max', 'max')
    } else add('', 'in')
  }
  if (resource.list.search.length > 0)
    parameters.push({ name: 'q', field: '', comparison: 'search', spec: { kind: 'text', min: 1, max: 255 } })
  return parameters
}

export interface SortKey {
  readonly field: string
  readonly descending: boolean
}

export interface Filter {
  readonly parameter: FilterParameter
  /** More than one only for `in`. */
  readonly values: readonly (string | number | boolean)[]
}

/** What a request asks of a list, checked. */
export interface ListQuery {
  /** From 1; undefined in cursor mode. */
  readonly page: number | undefined
  readonly cursor: string | undefined
  readonly limit: number
  readonly count: 'auto' | 'exact' | 'none'
  readonly sort: readonly SortKey[]
  readonly filters: readonly Filter[]
  readonly fields: readonly string[] | undefined
}

export type Pairs = readonly (readonly [string, string])[]

const LIMIT = { default: 20, max: 100 }
const MAX_VALUES = 100

/** Compiles the reader of a list's query string. `shown` names the fields that this version of the API shows. */
export function listQueryReader(resource: Resource, shown: readonly string[]): (pairs: Pairs) => ListQuery {
  const filters = new Map(filterParameters(resource).map((parameter) => [parameter.name, parameter]))
  const known = ['page', 'limit', 'cursor', 'count', 'sort', 'fields', ...filters.keys()]
  const defaultSort = readSort(resource.list.defaultSort, [resource.list.defaultSort.replace(/^-/, '')], [])
  return (pairs) => {
    const faults: FieldFault[] = []
    const given = once(pairs, faults)
    for (const name of given.keys())
      if (!known.includes(name))
        faults.push({ field: name, message: `is not a parameter of this list: use ${known.join(', ')}` })
    const cursor = given.get('cursor')
    if (cursor !== undefined && given.has('page')) faults.push({ field: 'page', message: 'cannot go with cursor' })
    const page = cursor === undefined ? readWhole(given, 'page', 1, 1, Number.MAX_SAFE_INTEGER, faults) : undefined
    const limit = readWhole(given, 'limit', LIMIT.default, 1, LIMIT.max, faults)
    const count = given.get('count') ?? 'auto'
    if (count !== 'auto' && count !== 'exact' && count !== 'none')
      faults.push({ field: 'count', message: 'must be exact or none' })
    const sort = given.has('sort') ? readSort(given.get('sort')!, resource.list.sort, faults) : defaultSort
    const read: Filter[] = []
    for (const [name, parameter] of filters) {
      const text = given.get(name)
      if (text !== undefined) read.push({ parameter, values: readValues(parameter, text, faults) })
    }
    const fields = readFields(given.get('fields'), shown, faults)
    if (page !== undefined && faults.length === 0 && page * limit > resource.list.maxOffset)
      faults.push({
        field: 'page',
        message: `reaches deeper than ${resource.list.maxOffset} rows: go on with cursor=<pagination.nextCursor>`,
      })
    if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults })
    return { page, cursor, limit, count: count as ListQuery['count'], sort, filters: read, fields }
  }
}

/** Compiles the reader of a single read's query string: `fields` alone. */
export function fieldsReader(shown: readonly string[]): (pairs: Pairs) => readonly string[] | undefined {
  return (pairs) => {
    const faults: FieldFault[] = []
    const given = once(pairs, faults)
    for (const name of given.keys())
      if (name !== 'fields') faults.push({ field: name, message: 'is not a parameter here: use fields' })
    const fields = readFields(given.get('fields'), shown, faults)
    if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults })
    return fields
  }
}

function once(pairs: Pairs, faults: FieldFault[]): Map<string, string> {
  const given = new Map<string, string>()
  for (const [name, value] of pairs) {
    if (given.has(name)) faults.push({ field: name, message: 'is given twice: join values by commas' })
    else if (value.includes('\0')) faults.push({ field: name, message: 'must not contain NUL' })
    else given.set(name, value)
  }
  return given
}

function readWhole(given: Map<string, string>, name: string, unset: number, min: number, max: number, faults: FieldFault[]) {
  const text = given.get(name)
  if (text === undefined) return unset
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  faults.push({
    field: name,
    message: max === Number.MAX_SAFE_INTEGER ? `must be a whole number from ${min}` : `must be a whole number from ${min} to ${max}`,
  })
  return unset
}

function readSort(text: string, declared: readonly string[], faults: FieldFault[]): SortKey[] {
  const keys: SortKey[] = []
  for (const term of text.split(',')) {
    // A raw + decodes to a space (application/x-www-form-urlencoded), and means ascending all the same.
    const name = term.replace(/^[-+ ]/, '')
    if (!declared.includes(name))
      faults.push({ field: 'sort', message: `cannot sort by "${name}": use ${declared.join(', ') || 'no sort here'}` })
    else if (keys.some((key) => key.field === name)) faults.push({ field: 'sort', message: `names ${name} twice` })
    else keys.push({ field: name, descending: term.startsWith('-') })
  }
  return keys
}

function readFields(text: string | undefined, shown: readonly string[], faults: FieldFault[]): string[] | undefined {
  if (text === undefined) return undefined
  const names = text.split(',')
  for (const name of names)
    if (!shown.includes(name))
      faults.push({ field: 'fields', message: `has no field "${name}": use ${shown.join(', ')}` })
  return shown.filter((name) => name === 'id' || names.includes(name))
}

function readValues(parameter: FilterParameter, text: string, faults: FieldFault[]): Filter['values'] {
  const texts = parameter.comparison === 'in' ? text.split(',') : [text]
  if (texts.length > MAX_VALUES) {
    faults.push({ field: parameter.name, message: `takes at most ${MAX_VALUES} values` })
    return []
  }
  return texts.flatMap((one) => {
    const value = readValue(parameter, one)
    const before = faults.length
    valueCheck(parameter)(value, parameter.name, faults)
    return faults.length === before ? [parameter.spec.kind === 'time' ? new Date(readTime(value as string)!).toISOString() : (value as string)] : []
  })
}

/** A bound is not held to the limits of the field: `priceMax=1e9` is a question, not a price. */
function valueCheck({ spec }: FilterParameter) {
  const number = spec.kind === 'money' || spec.kind === 'decimal' || spec.kind === 'integer'
  return checkOf(number ? { kind: 'decimal', scale: 10, min: -1e15, max: 1e15 } : { ...spec, nullable: false })
}

function readValue({ spec }: FilterParameter, text: string): unknown {
  switch (spec.kind) {
    case 'integer':
    case 'decimal':
    case 'money':
      return /^-?\d{1,16}(\.\d{1,10})?$/.test(text) ? Number(text) : text
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'time':
      if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00Z`
      // The + of an offset decodes to a space where it was sent raw.
      return text.replace(/ (\d\d:\d\d)$/, '+$1')
    default:
      return text
  }
}

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
  const filters = new Map(filterParameters(resource).map((parameter) => [parameter.name, valuesReader(parameter)]))
  const known = ['page', 'limit', 'cursor', 'count', 'sort', 'fields', ...filters.keys()]
  const defaultSort = readSort(resource.list.defaultSort, Object.keys(resource.stored), [])
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
    if (given.has('count') && count !== 'exact' && count !== 'none')
      faults.push({ field: 'count', message: 'must be exact or none' })
    const sort = given.has('sort') ? readSort(given.get('sort')!, resource.list.sort, faults) : defaultSort
    const read: Filter[] = []
    for (const [name, readFilter] of filters) {
      const text = given.get(name)
      if (text !== undefined) read.push(readFilter(text, faults))
    }
    const fields = readFields(given.get('fields'), shown, faults)
    if (page !== undefined && page * limit > resource.list.maxOffset)
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

/** NaN for what is wrong: compared with anything, it is no further fault. */
function readWhole(
  given: Map<string, string>,
  name: string,
  unset: number,
  min: number,
  max: number,
  faults: FieldFault[],
) {
  const text = given.get(name)
  if (text === undefined) return unset
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  faults.push({
    field: name,
    message:
      max === Number.MAX_SAFE_INTEGER
        ? `must be a whole number from ${min}`
        : `must be a whole number from ${min} to ${max}`,
  })
  return Number.NaN
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

/** Compiles the reader of one filter's values. */
function valuesReader(parameter: FilterParameter): (text: string, faults: FieldFault[]) => Filter {
  const { name, comparison } = parameter
  const check = checkOf(valueSpec(parameter))
  return (text, faults) => {
    const texts = comparison === 'in' ? text.split(',') : [text]
    const values: (string | number | boolean)[] = []
    if (texts.length > MAX_VALUES) faults.push({ field: name, message: `takes at most ${MAX_VALUES} values` })
    else
      for (const one of texts) {
        const value = readValue(parameter, one)
        const before = faults.length
        check(value, name, faults)
        if (faults.length === before) values.push(normalised(parameter, value as string | number | boolean))
      }
    return { parameter, values }
  }
}

/** A bound is not held to the limits of the field: `priceMax=1000000000` is a question, not a price. */
function valueSpec({ spec }: FilterParameter): FieldSpec {
  return isNumber(spec) ? { kind: 'decimal', scale: 10, min: -1e15, max: 1e15 } : { ...spec, nullable: false }
}

function isNumber({ kind }: FieldSpec): boolean {
  return kind === 'money' || kind === 'decimal' || kind === 'integer'
}

function readValue({ spec }: FilterParameter, text: string): unknown {
  if (isNumber(spec)) return /^-?\d{1,16}(\.\d{1,10})?$/.test(text) ? Number(text) : text
  if (spec.kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if (spec.kind !== 'time') return text
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00Z`
  // The + of an offset decodes to a space where it was sent raw.
  return text.replace(/ (\d\d:\d\d)$/, '+$1')
}

/** As it is compared: times in UTC, and whole bounds of whole numbers, as PostgreSQL takes no others. */
function normalised(
  { spec, comparison }: FilterParameter,
  value: string | number | boolean,
): string | number | boolean {
  if (spec.kind === 'time') return new Date(readTime(value as string)!).toISOString()
  if (spec.kind === 'integer') return comparison === 'min' ? Math.ceil(value as number) : Math.floor(value as number)
  return value
}

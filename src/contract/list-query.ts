import { readEmail } from '../base/email.ts'
import { type FieldFault, MAX_FAULTS, Problem } from '../base/errors.ts'
import { checkOf, readTime } from './check.ts'
import type { FieldSpec } from './fields.ts'
import type { Resource } from './resource.ts'

/** How a parameter compares: equal to any of its values, a bound, whether there is a value, or a part of a text. */
export type Comparison = 'in' | 'min' | 'max' | 'after' | 'before' | 'exists' | 'search'

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
    const add = (name: string, comparison: Comparison, of = spec) =>
      parameters.push({ name, field, comparison, spec: of })
    const { kind } = spec
    // Amounts are asked for by bounds: nobody means 0.1 + 0.2 to the last decimal.
    if (kind !== 'money' && kind !== 'decimal') add(name, 'in', kind === 'list' ? spec.of : spec)
    if (kind === 'time') {
      const base = name.replace(/At$/, '')
      add(`${base}After`, 'after')
      add(`${base}Before`, 'before')
    } else if (isNumber(spec)) {
      add(`${name}Min`, 'min')
      add(`${name}Max`, 'max')
    }
    if (spec.nullable) add(`${name}Exists`, 'exists', { kind: 'boolean' })
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
export interface ListRequest {
  /** From 1; undefined in cursor mode. */
  readonly page: number | undefined
  readonly cursor: string | undefined
  readonly limit: number
  readonly count: 'auto' | 'exact' | 'none'
  readonly sort: readonly SortKey[]
  readonly filters: readonly Filter[]
  readonly fields: readonly string[] | undefined
}

/**
 * A query parameter, decoded. A value with raw commas also has `pieces`: the texts between those commas, each decoded. A
 * comma that was percent-encoded stays inside its piece.
 */
export type Pair = readonly [name: string, value: string, pieces?: readonly string[]]
export type Pairs = readonly Pair[]

const LIMIT = { default: 20, max: 100 }
const MAX_VALUES = 100

/** Compiles the reader of a list's query string. `shown` names the fields that this version of the API shows. */
export function listQueryReader(resource: Resource, shown: readonly string[]): (pairs: Pairs) => ListRequest {
  const parameters = filterParameters(resource)
  const filters = new Map(parameters.map((parameter) => [parameter.name, filterReader(parameter)]))
  const known = ['page', 'limit', 'cursor', 'count', 'sort', 'fields', ...filters.keys()]
  const lists = parameters.filter(({ comparison }) => comparison === 'in').map(({ name }) => name)
  const repeatable = new Set(['sort', 'fields', ...lists])
  const defaultSort = readSort(resource.list.defaultSort.split(','), Object.keys(resource.stored), [])
  return (pairs) => {
    const faults: FieldFault[] = []
    const given = gather(pairs, repeatable, faults)
    for (const name of given.keys())
      if (!known.includes(name))
        faults.push({ field: name, message: `is not a parameter of this list: use ${known.join(', ')}` })
    const cursor = single(given, 'cursor')
    if (cursor !== undefined && given.has('page'))
      faults.push({ field: 'page', message: 'cannot be combined with cursor' })
    const page = cursor === undefined ? readWhole(given, 'page', 1, 1, Number.MAX_SAFE_INTEGER, faults) : undefined
    const limit = readWhole(given, 'limit', LIMIT.default, 1, LIMIT.max, faults)
    const count = single(given, 'count') ?? 'auto'
    if (given.has('count') && count !== 'exact' && count !== 'none')
      faults.push({ field: 'count', message: 'must be exact or none' })
    const terms = termsOf(given, 'sort')
    const sort = terms ? readSort(terms, resource.list.sort, faults) : defaultSort
    const read: Filter[] = []
    for (const [name, readFilter] of filters) {
      const found = given.get(name)
      if (found !== undefined) read.push(readFilter(found, faults))
    }
    const fields = readFields(termsOf(given, 'fields'), shown, faults)
    if (page !== undefined && page * limit > resource.list.maxOffset)
      faults.push({
        field: 'page',
        message: `reaches deeper than ${resource.list.maxOffset} rows; continue with cursor=<pagination.nextCursor>`,
      })
    refuse(faults)
    return { page, cursor, limit, count: count as ListRequest['count'], sort, filters: read, fields }
  }
}

const FIELDS: ReadonlySet<string> = new Set(['fields'])

/** Compiles the reader of a single read's query string: `fields` alone. */
export function fieldsReader(shown: readonly string[]): (pairs: Pairs) => readonly string[] | undefined {
  return (pairs) => {
    const faults: FieldFault[] = []
    const given = gather(pairs, FIELDS, faults)
    for (const name of given.keys())
      if (name !== 'fields') faults.push({ field: name, message: 'is not a parameter of this request; use fields' })
    const fields = readFields(termsOf(given, 'fields'), shown, faults)
    refuse(faults)
    return fields
  }
}

function refuse(faults: readonly FieldFault[]): void {
  if (faults.length > 0) throw new Problem('VALIDATION_ERROR', undefined, { details: faults.slice(0, MAX_FAULTS) })
}

type Parameters = ReadonlyMap<string, readonly Pair[]>

/** The parameters by name, in order. One that takes a single value and is given several is reported once. */
export function gather(pairs: Pairs, repeatable: ReadonlySet<string>, faults: FieldFault[]): Parameters {
  const given = new Map<string, Pair[]>()
  for (const pair of pairs) {
    const [name, value] = pair
    const before = given.get(name)
    if (before !== undefined && !repeatable.has(name)) {
      if (before.length === 1) faults.push({ field: name, message: 'is given twice' })
      before.push(pair)
    } else if (value.includes('\0')) faults.push({ field: name, message: 'must not contain NUL' })
    else if (before !== undefined) before.push(pair)
    else given.set(name, [pair])
  }
  return given
}

function single(given: Parameters, name: string): string | undefined {
  return given.get(name)?.[0]?.[1]
}

/** The names that `sort` or `fields` lists: by commas, by repetition or both, in order. */
function termsOf(given: Parameters, name: string): string[] | undefined {
  const pairs = given.get(name)
  return pairs?.length === 1 ? pairs[0]![1].split(',') : pairs?.flatMap(([, value]) => value.split(','))
}

/** NaN for what is wrong: compared with anything, it is no further fault. */
function readWhole(given: Parameters, name: string, unset: number, min: number, max: number, faults: FieldFault[]) {
  const text = single(given, name)
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

function readSort(terms: readonly string[], declared: readonly string[], faults: FieldFault[]): SortKey[] {
  const keys: SortKey[] = []
  for (const term of terms) {
    // A raw + decodes to a space (application/x-www-form-urlencoded), and means ascending all the same.
    const name = term.replace(/^[-+ ]/, '')
    if (!declared.includes(name))
      faults.push({ field: 'sort', message: `cannot sort by "${name}": use ${declared.join(', ') || 'no sort here'}` })
    else if (keys.some((key) => key.field === name)) faults.push({ field: 'sort', message: `names ${name} twice` })
    else keys.push({ field: name, descending: term.startsWith('-') })
  }
  return keys
}

function readFields(
  names: readonly string[] | undefined,
  shown: readonly string[],
  faults: FieldFault[],
): string[] | undefined {
  if (names === undefined) return undefined
  for (const name of names)
    if (!shown.includes(name))
      faults.push({ field: 'fields', message: `has no field "${name}": use ${shown.join(', ')}` })
  return shown.filter((name) => name === 'id' || names.includes(name))
}

/** Compiles the reader of one filter. */
function filterReader(parameter: FilterParameter): (given: readonly Pair[], faults: FieldFault[]) => Filter {
  const { name } = parameter
  const check = checkOf(valueSpec(parameter))
  const textsOf = textsReader(parameter)
  return (given, faults) => {
    const texts = given.length === 1 ? textsOf(given[0]!) : given.flatMap(textsOf)
    const values: (string | number | boolean)[] = []
    if (texts.length > MAX_VALUES) faults.push({ field: name, message: `takes at most ${MAX_VALUES} values` })
    else
      for (const text of texts) {
        const value = readValue(parameter.spec, text)
        const before = faults.length
        check(value, name, faults)
        if (faults.length === before) values.push(normalised(parameter, value as string | number | boolean))
      }
    return { parameter, values }
  }
}

/** Compiles how what a filter is given becomes the texts of its values. */
export function textsReader({ comparison, spec }: FilterParameter): (pair: Pair) => readonly string[] {
  return comparison === 'in' ? separator(spec) : wholeValue
}

const wholeValue = ([, value]: Pair): readonly string[] => [value]

/**
 * How a parameter is split into values. A raw comma always separates. An encoded comma is part of a free text; elsewhere it
 * separates too, because many clients encode the commas of a list, unless the text with its comma is a valid value.
 */
function separator(spec: FieldSpec): (pair: Pair) => readonly string[] {
  const { kind, pattern, values = [] } = spec
  if (kind === 'text' && pattern === undefined) return ([, value, pieces]) => pieces ?? [value]
  if (kind !== 'text' && !values.some((value) => value.includes(','))) return ([, value]) => value.split(',')
  const check = checkOf({ ...spec, nullable: false })
  const isValue = (text: string) => {
    const faults: FieldFault[] = []
    check(text, '', faults)
    return faults.length === 0
  }
  return ([, value, pieces = [value]]) => pieces.flatMap((text) => (isValue(text) ? [text] : text.split(',')))
}

/**
 * Numbers and bounds are not held to the limits of the field: `priceMax=1000000000` is a question, not a price.
 * A whole number is asked for by a whole number, though a bound may lie between two.
 */
function valueSpec({ spec, comparison }: FilterParameter): FieldSpec {
  if (!isNumber(spec)) return { ...spec, nullable: false }
  const limits = { min: -1e15, max: 1e15 }
  return comparison === 'in' ? { kind: 'integer', ...limits } : { kind: 'decimal', scale: 10, ...limits }
}

function isNumber({ kind }: FieldSpec): boolean {
  return kind === 'money' || kind === 'decimal' || kind === 'integer'
}

export function readValue(spec: FieldSpec, text: string): unknown {
  if (isNumber(spec)) return /^-?\d{1,16}(\.\d{1,10})?$/.test(text) ? Number(text) : text
  if (spec.kind === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  if (spec.kind !== 'time') return text
  if (/^\d{4}-\d\d-\d\d$/.test(text)) return `${text}T00:00:00Z`
  // The + of an offset decodes to a space where it was sent raw.
  return text.replace(/ (\d\d:\d\d)$/, '+$1')
}

/** As it is compared: times in UTC to the millisecond, addresses in their one spelling, bounds of whole numbers whole. */
function normalised(
  { spec, comparison }: FilterParameter,
  value: string | number | boolean,
): string | number | boolean {
  if (spec.kind === 'time') return new Date(readTime(value as string)!).toISOString()
  if (spec.kind === 'email' && comparison === 'in') return readEmail(value as string)!
  if (spec.kind === 'integer' && comparison === 'min') return Math.ceil(value as number)
  if (spec.kind === 'integer' && comparison === 'max') return Math.floor(value as number)
  return value
}

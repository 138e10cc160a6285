import { foldCase } from '../base/email.ts'
import type { Filter } from '../contract/list-query.ts'
import { columnFor, type Table } from './table.ts'

/** Rows that a list is confined to, by equality: the parent's id, the owner's, or what a handler asks for. */
export interface Scope {
  readonly field: string
  readonly id: string | number | boolean
}

/** The conditions of a list, with the values of their parameters. */
export interface Where {
  readonly terms: readonly string[]
  readonly values: readonly unknown[]
}

export function conditions(table: Table, filters: readonly Filter[], scopes: readonly Scope[]): Where {
  const terms: string[] = []
  const values: unknown[] = []
  const param = (value: unknown) => `$${values.push(value)}`
  for (const { field, id } of scopes) {
    const column = columnFor(table, field)
    terms.push(`${column.sql} = ${param(column.toParam(id))}`)
  }
  for (const filter of filters) terms.push(condition(table, filter, param))
  return { terms, values }
}

const BOUNDS = { min: '>=', max: '<=', after: '>', before: '<' } as const

function condition(table: Table, { parameter, values }: Filter, param: (value: unknown) => string): string {
  const { comparison, field } = parameter
  if (comparison === 'search') {
    const pattern = param(`%${String(values[0]).replace(/[\\%_]/g, '\\$&')}%`)
    return `(${table.resource.list.search.map((one) => `${columnFor(table, one).sql} ilike ${pattern}`).join(' or ')})`
  }
  const column = columnFor(table, field)
  // A whole number may lie beyond the column's integers, where the column's own type would refuse it.
  const type = column.spec.kind === 'integer' ? '::bigint' : ''
  if (comparison === 'exists') return `${column.sql} is ${values[0] ? 'not null' : 'null'}`
  if (comparison !== 'in') return `${column.sql} ${BOUNDS[comparison]} ${param(values[0])}${type}`
  // Served by a GIN index on the column.
  if (column.spec.kind === 'list') return `${column.sql} ?| ${param(values)}`
  // Lower case is PostgreSQL's on both sides: JavaScript's differs, as in the last letter of ΟΔΥΣΣΕΥΣ.
  if (column.spec.kind === 'email')
    return `lower(${column.sql}) = any(array(select lower(value) from unnest(${param(values)}::text[]) value))`
  // One value by equality: the planner then knows how many rows have it, and that a sort behind it needs no sorting.
  if (values.length === 1) return `${column.sql} = ${param(column.toParam(values[0]))}${type}`
  return `${column.sql} = any(${param(values.map(column.toParam))}${type && `${type}[]`})`
}

/**
 * What the filters of a list mean, however they were spelt: neither the order of values, nor repetitions, nor the case of
 * an address or of `q` makes a difference. A cursor is bound to it.
 */
export function meaningOf(filters: readonly Filter[], scopes: readonly Scope[]): unknown[] {
  return [
    scopes.map(({ field, id }) => [field, id]),
    filters.map(({ parameter: { name, spec, comparison }, values }) => {
      const folds = spec.kind === 'email' || comparison === 'search'
      const meant = folds ? values.map((value) => foldCase(String(value))) : values
      return [name, ...(meant.length > 1 ? [...new Set(meant)].sort() : meant)]
    }),
  ]
}

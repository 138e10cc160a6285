import type { SortKey } from '../contract/list-query.ts'
import { columnFor, type Table } from './table.ts'

/** A column that rows are ordered by. */
export interface Key {
  readonly column: string
  readonly place: number
  readonly descending: boolean
}

/** The sort, with the id behind it: so no two rows are level, and order is total (R-SORT-1). */
export function keysetOf(table: Table, sort: readonly SortKey[]): Key[] {
  const keys = sort.map(({ field, descending }) => ({
    column: columnFor(table, field).sql,
    place: table.places.get(field)!,
    descending,
  }))
  const place = table.places.get('id')!
  if (keys.some((key) => key.place === place)) return keys
  return [...keys, { column: 'id', place, descending: keys.at(-1)?.descending ?? false }]
}

export function orderBy(keys: readonly Key[]): string {
  return keys.map((key) => `${key.column} ${key.descending ? 'desc' : 'asc'}`).join(', ')
}

/**
 * Rows behind the cursor. By row value where all keys point one way: that is what an index can seek. Mixed directions
 * have no row value; the bound on the first key keeps the scan from starting at the beginning.
 */
export function afterKeyset(keys: readonly Key[], before: number): string {
  const param = (i: number) => `$${before + i + 1}`
  const beyond = (i: number) => (keys[i]!.descending ? '<' : '>')
  if (keys.every((key) => key.descending === keys[0]!.descending))
    return `(${keys.map((key) => key.column).join(', ')}) ${beyond(0)} (${keys.map((_, i) => param(i)).join(', ')})`
  const alternatives = keys.map((key, i) =>
    [
      ...keys.slice(0, i).map((same, j) => `${same.column} = ${param(j)}`),
      `${key.column} ${beyond(i)} ${param(i)}`,
    ].join(' and '),
  )
  return `${keys[0]!.column} ${beyond(0)}= ${param(0)} and (${alternatives.join(' or ')})`
}

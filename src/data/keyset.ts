import type { SortKey } from '../contract/list-query.ts'
import { columnFor, type Table } from './table.ts'

/** A column that rows are ordered by. */
export interface Key {
  readonly column: string
  readonly place: number
  readonly descending: boolean
  /** Rows without a value come last, in both directions (R-SORT-1). */
  readonly nullable: boolean
}

/** The sort, with the id behind it: so no two rows are level, and order is total (R-SORT-1). */
export function keysetOf(table: Table, sort: readonly SortKey[]): Key[] {
  const keys = sort.map(({ field, descending }) => {
    const { sql, spec } = columnFor(table, field)
    return { column: sql, place: table.places.get(field)!, descending, nullable: spec.nullable === true }
  })
  const place = table.places.get('id')!
  if (keys.some((key) => key.place === place)) return keys
  return [...keys, { column: 'id', place, descending: keys.at(-1)?.descending ?? false, nullable: false }]
}

export function orderBy(keys: readonly Key[]): string {
  return keys.map(orderOf).join(', ')
}

/** PostgreSQL puts nulls last where it ascends, and first where it descends. */
function orderOf(key: Key): string {
  return key.descending ? `${key.column} desc${key.nullable ? ' nulls last' : ''}` : `${key.column} asc`
}

/** A part of a list that one index scan can give in order. */
export interface Stretch {
  readonly terms: readonly string[]
  readonly orderBy: string
}

/**
 * The list in stretches, one behind the other: where the first key may be null, the rows that have it, then those that do
 * not. So one plain index on `(key, id)` serves both directions: within a stretch nulls are nowhere or everywhere, and it
 * is read forwards or backwards. In one piece, `desc nulls last` would need an index of its own, and no row value can
 * seek past a null.
 *
 * `after` are the sort values of the last row seen: what lies before it is left out.
 */
export function stretchesOf(
  keys: readonly Key[],
  after: readonly (string | null)[] | undefined,
  param: (value: unknown) => string,
): Stretch[] {
  const seen = after?.map((value) => (value === null ? undefined : param(value)))
  const stretches: Stretch[] = []
  const absent: string[] = []
  let order = ''
  for (let i = 0; ; i++) {
    const key = keys[i]!
    const rest = keys.slice(i)
    // Behind a stretch that the cursor lies in, whole ones follow.
    const behind = stretches.length === 0 && seen ? seen.slice(i) : undefined
    if (!behind || behind[0] !== undefined)
      stretches.push({
        terms: [
          ...absent,
          ...(key.nullable ? [`${key.column} is not null`] : []),
          ...(behind ? [afterKeyset(rest, behind)] : []),
        ],
        orderBy: order + orderBy([{ ...key, nullable: false }, ...rest.slice(1)]),
      })
    if (!key.nullable) return stretches
    absent.push(`${key.column} is null`)
    // All alike here; named all the same, as the planner knows an index by its whole order.
    order += `${orderOf({ ...key, nullable: false })}, `
  }
}

/**
 * Rows behind the cursor, where the first key has a value. By row value where all keys point one way and none may be
 * null: that is what an index can seek. Otherwise there is none; the bound on the first key keeps the scan from starting
 * at the beginning.
 */
function afterKeyset(keys: readonly Key[], seen: readonly (string | undefined)[]): string {
  const beyond = (i: number) => `${keys[i]!.column} ${keys[i]!.descending ? '<' : '>'} ${seen[i]}`
  const [first] = keys
  if (keys.every((key, i) => key.descending === first!.descending && !(key.nullable && i > 0)))
    return `(${keys.map((key) => key.column).join(', ')}) ${first!.descending ? '<' : '>'} (${seen.join(', ')})`
  const alternatives: string[] = []
  for (const [i, { column, nullable }] of keys.entries()) {
    // Nothing comes behind a null but by the keys that follow.
    if (seen[i] === undefined) continue
    const level = keys
      .slice(0, i)
      .map((same, j) => (seen[j] === undefined ? `${same.column} is null` : `${same.column} = ${seen[j]}`))
    const last = nullable && i > 0 ? `(${beyond(i)} or ${column} is null)` : beyond(i)
    alternatives.push([...level, last].join(' and '))
  }
  return `${first!.column} ${first!.descending ? '<=' : '>='} ${seen[0]} and (${alternatives.join(' or ')})`
}

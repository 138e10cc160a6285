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
 * Splits a list into stretches that follow each other: if the first key is nullable, the rows that have a value, then the
 * rows that have none. One plain index on `(key, id)` then serves both directions, because the place of nulls does not
 * matter inside a stretch and the index can be read forwards or backwards. As a single query, `desc nulls last` would need
 * an index of its own, and a row value cannot seek past a null.
 *
 * `after` holds the sort values of the last row seen; rows before it are left out. With `onlyPresent` the filters already
 * exclude the rows without a value of the first key.
 */
export function stretchesOf(
  keys: readonly Key[],
  after: readonly (string | null)[] | undefined,
  param: (value: unknown) => string,
  { onlyPresent = false } = {},
): Stretch[] {
  const seen = after?.map((value) => (value === null ? undefined : param(value)))
  // Most lists: one stretch, and nothing to copy.
  if (!keys[0]!.nullable) return [{ terms: seen ? [afterKeyset(keys, seen)] : [], orderBy: orderBy(keys) }]
  const stretches: Stretch[] = []
  const absent: string[] = []
  let order = ''
  for (let i = 0; ; i++) {
    const key = keys[i]!
    const rest = keys.slice(i)
    // The cursor lies in the first stretch that is kept; the stretches after it are whole.
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
    if (!key.nullable || (onlyPresent && stretches.length > 0)) return stretches
    absent.push(`${key.column} is null`)
    // Every row is null here, yet the planner matches an index only by its whole order.
    order += `${orderOf({ ...key, nullable: false })}, `
  }
}

/**
 * The condition for rows behind the cursor, in a stretch whose first key has a value. If all keys point one way and no
 * later one is nullable, it is a row value, which an index can seek. Otherwise it is a list of alternatives; the bound on
 * the first key keeps the scan from starting at the beginning.
 */
function afterKeyset(keys: readonly Key[], seen: readonly (string | undefined)[]): string {
  const beyond = (i: number) => `${keys[i]!.column} ${keys[i]!.descending ? '<' : '>'} ${seen[i]}`
  const [first] = keys
  if (keys.every((key, i) => key.descending === first!.descending && !(key.nullable && i > 0)))
    return `(${keys.map((key) => key.column).join(', ')}) ${first!.descending ? '<' : '>'} (${seen.join(', ')})`
  const alternatives: string[] = []
  for (const [i, { column, nullable }] of keys.entries()) {
    // Nulls are last: only later keys put a row behind one.
    if (seen[i] === undefined) continue
    const level = keys
      .slice(0, i)
      .map((same, j) => (seen[j] === undefined ? `${same.column} is null` : `${same.column} = ${seen[j]}`))
    const last = nullable && i > 0 ? `(${beyond(i)} or ${column} is null)` : beyond(i)
    alternatives.push([...level, last].join(' and '))
  }
  return `${first!.column} ${first!.descending ? '<=' : '>='} ${seen[0]} and (${alternatives.join(' or ')})`
}

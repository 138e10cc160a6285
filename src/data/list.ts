import type { Filter, ListQuery, SortKey } from '../contract/list-query.ts'
import type { Resource } from '../contract/resource.ts'
import { readCursor, writeCursor } from './cursor.ts'
import type { Database } from './pool.ts'
import { type Cells, type Row, rowOf } from './row.ts'
import { columnFor, type Table, tableOf } from './table.ts'

/** Rows that a list is confined to, by equality: the parent's id, or the owner's. */
export interface Scope {
  readonly field: string
  readonly id: string
}

export interface Page {
  readonly rows: readonly Row[]
  /** Null when the count was not wanted. */
  readonly total: number | null
  readonly totalIsEstimate: boolean
  readonly hasMore: boolean
  readonly nextCursor: string | null
}

/** How long a list is known to be longer than the bound, and its estimate kept. It is an estimate either way. */
const ESTIMATE_MS = 10_000
const MAX_ESTIMATES = 1000

/** Compiles the list of a resource: `page(query, scopes)` reads one page of it by keyset or, in page mode, by offset. */
export function listOf(database: Database, resource: Resource, cursorSecret: string) {
  const table = tableOf(resource)
  const estimates = new Map<string, { total: number; until: number }>()

  async function page(query: ListQuery, scopes: readonly Scope[]): Promise<Page> {
    const keys = keysetOf(table, query.sort)
    const where = conditions(table, query.filters, scopes)
    const binding = JSON.stringify([
      resource.table,
      keys.map((key) => [key.column, key.descending]),
      where.sql,
      where.values,
    ])
    const counted = countOf(where, query, binding)
    // Heard in any case: the page may fail first.
    counted.catch(() => {})
    const rows = await pageOf(query, keys, where, binding)
    const hasMore = rows.length > query.limit
    if (hasMore) rows.pop()
    const last = rows.at(-1)
    return {
      rows: rows.map((cells) => rowOf(table, cells)),
      ...(await counted),
      hasMore,
      nextCursor:
        hasMore && last
          ? writeCursor(
              cursorSecret,
              binding,
              keys.map((key) => last[key.place]!),
            )
          : null,
    }
  }

  async function pageOf(query: ListQuery, keys: Key[], where: Where, binding: string): Promise<Cells[]> {
    const values = [...where.values]
    const terms = [...where.terms]
    if (query.cursor !== undefined) {
      const after = readCursor(cursorSecret, binding, query.cursor)
      terms.push(afterKeyset(keys, values.length))
      values.push(...after)
    }
    const offset = query.page === undefined ? 0 : (query.page - 1) * query.limit
    values.push(query.limit + 1)
    const sql = `select ${table.select} from ${resource.view}${whereSql(terms)} order by ${orderBy(keys)} limit $${values.length}${offset > 0 ? ` offset ${offset}` : ''}`
    return database.slow.cells(sql, values)
  }

  /** Exact up to the bound, by counting no further; the planner's estimate beyond it (R-PAGE-6). */
  async function countOf(where: Where, query: ListQuery, binding: string) {
    if (query.count === 'none') return { total: null, totalIsEstimate: false }
    const bound = resource.list.exactTotal
    const from = `from ${resource.view}${whereSql(where.terms)}`
    if (query.count === 'exact') {
      const [row] = await database.slow.cells(`select count(*) ${from}`, where.values)
      return { total: Number(row![0]), totalIsEstimate: false }
    }
    const known = estimates.get(binding)
    if (known && known.until > performance.now()) return { total: known.total, totalIsEstimate: true }
    const [row] = await database.slow.cells(
      `select count(*) from (select 1 ${from} limit ${bound + 1}) bounded`,
      where.values,
    )
    const total = Number(row![0])
    if (total <= bound) return { total, totalIsEstimate: false }
    const estimate = Math.max(await plannedRows(from, where.values), bound + 1)
    if (estimates.size >= MAX_ESTIMATES) estimates.clear()
    estimates.set(binding, { total: estimate, until: performance.now() + ESTIMATE_MS })
    return { total: estimate, totalIsEstimate: true }
  }

  async function plannedRows(from: string, values: readonly unknown[]): Promise<number> {
    const rows = await database.slow.cells(`explain (format json) select 1 ${from}`, values)
    const plan = JSON.parse(rows.map((row) => row[0]).join('')) as [{ Plan: { 'Plan Rows': number } }]
    return plan[0].Plan['Plan Rows']
  }

  return { page }
}

interface Key {
  readonly column: string
  readonly place: number
  readonly descending: boolean
}

/** The sort, with the id behind it: so no two rows are level, and order is total (R-SORT-1). */
function keysetOf(table: Table, sort: readonly SortKey[]): Key[] {
  const keys = sort.map(({ field, descending }) => ({
    column: columnFor(table, field).sql,
    place: table.places.get(field)!,
    descending,
  }))
  const place = table.places.get('id')!
  if (keys.some((key) => key.place === place)) return keys
  return [...keys, { column: 'id', place, descending: keys.at(-1)?.descending ?? false }]
}

function orderBy(keys: readonly Key[]): string {
  return keys.map((key) => `${key.column} ${key.descending ? 'desc' : 'asc'}`).join(', ')
}

/**
 * Rows behind the cursor. By row value where all keys point one way: that is what an index can seek. Mixed directions
 * have no row value; the bound on the first key keeps the scan from starting at the beginning.
 */
function afterKeyset(keys: readonly Key[], before: number): string {
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

interface Where {
  readonly terms: string[]
  readonly values: unknown[]
  readonly sql: string
}

function conditions(table: Table, filters: readonly Filter[], scopes: readonly Scope[]): Where {
  const terms: string[] = []
  const values: unknown[] = []
  const param = (value: unknown) => `$${values.push(value)}`
  for (const { field, id } of scopes) {
    const column = columnFor(table, field)
    terms.push(`${column.sql} = ${param(column.toParam(id))}`)
  }
  for (const filter of filters) terms.push(condition(table, filter, param))
  return { terms, values, sql: terms.join(' and ') }
}

const BOUNDS = { min: '>=', max: '<=', after: '>', before: '<' } as const

function condition(table: Table, { parameter, values }: Filter, param: (value: unknown) => string): string {
  const { comparison, field } = parameter
  if (comparison === 'search') {
    const pattern = param(`%${String(values[0]).replace(/[\\%_]/g, '\\$&')}%`)
    return `(${table.resource.list.search.map((one) => `${columnFor(table, one).sql} ilike ${pattern}`).join(' or ')})`
  }
  const column = columnFor(table, field)
  if (comparison !== 'in') {
    // A bound may lie beyond the column's integers, where the column's own type would refuse it.
    const type = column.spec.kind === 'integer' ? '::bigint' : ''
    return `${column.sql} ${BOUNDS[comparison]} ${param(values[0])}${type}`
  }
  if (column.spec.kind === 'list') return `${column.sql} ?| ${param(values)}`
  // Lower case is PostgreSQL's on both sides: JavaScript's differs, as in the last letter of ΟΔΥΣΣΕΥΣ.
  if (column.spec.kind === 'email')
    return `lower(${column.sql}) = any(array(select lower(value) from unnest(${param(values)}::text[]) value))`
  // One value by equality: the planner then knows how many rows have it, and that a sort behind it needs no sorting.
  if (values.length === 1) return `${column.sql} = ${param(column.toParam(values[0]))}`
  return `${column.sql} = any(${param(values.map(column.toParam))})`
}

function whereSql(terms: readonly string[]): string {
  return terms.length === 0 ? '' : ` where ${terms.join(' and ')}`
}

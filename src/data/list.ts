import type { ListQuery } from '../contract/list-query.ts'
import type { Resource } from '../contract/resource.ts'
import { conditions, type Scope, type Where } from './conditions.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { afterKeyset, type Key, keysetOf, orderBy } from './keyset.ts'
import type { Database } from './pool.ts'
import { type Cells, type Row, rowOf } from './row.ts'
import { tableOf } from './table.ts'

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

function whereSql(terms: readonly string[]): string {
  return terms.length === 0 ? '' : ` where ${terms.join(' and ')}`
}

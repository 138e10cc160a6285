import { createSecretKey } from 'node:crypto'
import { scans } from '../contract/list-cost.ts'
import type { Filter, ListRequest } from '../contract/list-query.ts'
import type { Resource } from '../contract/resource.ts'
import { conditions, meaningOf, type Scope, type Where } from './conditions.ts'
import { type Count, counterOf, countSeen } from './count.ts'
import { cursorsOf } from './cursor.ts'
import { type Key, keysetOf, orderBy, type Stretch, stretchesOf } from './keyset.ts'
import type { Database, ListReading } from './pool.ts'
import { type Cells, type Row, rowOf } from './row.ts'
import type { Asker } from './statement.ts'
import { columnFor, type Table, tableOf } from './table.ts'

/** A page of a list, of rows unless a handler has made something else of them. */
export interface RowPage<T = Row> extends Count {
  readonly rows: readonly T[]
  readonly hasMore: boolean
  readonly nextCursor: string | null
}

/**
 * Compiles the list of a resource: `page(query, scopes)` reads one page of it by keyset or, in page mode, by offset, for
 * `asker` where somebody's request is to be answered.
 */
export function listOf(database: Database, resource: Resource, cursorSecret: string) {
  const table = tableOf(resource)
  const countOf = counterOf(database, resource)
  const cursors = cursorsOf(createSecretKey(cursorSecret, 'utf8'))

  async function page(query: ListRequest, scopes: readonly Scope[], asker?: Asker): Promise<RowPage> {
    const reading = { asker, isLong: isLong(resource, query) }
    const keys = keysetOf(table, query.sort)
    const where = conditions(table, query.filters, scopes)
    const binding = JSON.stringify([
      resource.table,
      keys.map((key) => [key.column, key.descending]),
      ...meaningOf(query.filters, scopes),
    ])
    const counted = countOf(where, query.count, binding, reading)
    // Heard in any case: the page may fail first.
    counted.catch(() => {})
    const rows = await pageOf(query, keys, scopes, where, binding, reading)
    const hasMore = rows.length > query.limit
    if (hasMore) rows.pop()
    const last = rows.at(-1)
    return {
      rows: rows.map((cells) => rowOf(table, cells)),
      ...countSeen(await counted, query, rows.length, hasMore),
      hasMore,
      nextCursor:
        hasMore && last
          ? cursors.write(
              binding,
              keys.map((key) => last[key.place] ?? null),
            )
          : null,
    }
  }

  async function pageOf(
    query: ListRequest,
    keys: Key[],
    scopes: readonly Scope[],
    all: Where,
    binding: string,
    reading: ListReading,
  ): Promise<Cells[]> {
    const after = query.cursor === undefined ? undefined : cursors.read(binding, query.cursor)
    const left = after ? query.filters.filter((filter) => !isImplied(table, filter, keys[0]!, after)) : query.filters
    const where = left.length === query.filters.length ? all : conditions(table, left, scopes)
    const values = [...where.values]
    const stretches = stretchesOf(keys, after, (value) => `$${values.push(value)}`, {
      onlyPresent: query.filters.some((filter) => wantsValue(table, filter, keys[0]!)),
    })
    const offset = query.page === undefined ? 0 : (query.page - 1) * query.limit
    const limit = query.limit + 1
    const part = ({ terms, orderBy }: Stretch, rows: string) =>
      `select ${table.select} from ${resource.view}${whereSql([...where.terms, ...terms])} order by ${orderBy} limit ${rows}`
    // As parameters: one statement for all pages, where each of its own would fill what connections keep prepared.
    const window = () => `$${values.push(limit)}${offset > 0 ? ` offset $${values.push(offset)}` : ''}`
    if (stretches.length === 1) return database.slow.cells(part(stretches[0]!, window()), values, reading)
    const parts = stretches
      .map((stretch) => `(${part(stretch, `$${values.push(offset + limit)}`)})`)
      .join(' union all ')
    const sql = `select ${table.select} from (${parts}) page order by ${orderBy(keys)} limit ${window()}`
    return database.slow.cells(sql, values, reading)
  }

  return { page }
}

/** Whether it may go through much of the table, as a search does, an exact count, and what the contract names in `scans`. */
function isLong(resource: Resource, { count, filters }: ListRequest): boolean {
  if (count === 'exact') return true
  for (const { parameter } of filters)
    if (parameter.comparison === 'search' || scans(resource, parameter.field)) return true
  return false
}

/**
 * Whether every row behind the cursor meets the filter because the cursor's own row does, as with `createdBefore` where the
 * newest come first. Left in, it is taken for where the scan begins, and a page reads every entry that earlier pages gave.
 */
function isImplied(table: Table, filter: Filter, first: Key, after: readonly (string | null)[]): boolean {
  const { comparison } = filter.parameter
  const implied = first.descending
    ? comparison === 'before' || comparison === 'max'
    : comparison === 'after' || comparison === 'min'
  return implied && after[0] !== null && isOf(table, filter, first)
}

/** Whether no row without a value of the first key can meet the filter. */
function wantsValue(table: Table, filter: Filter, first: Key): boolean {
  const { comparison } = filter.parameter
  if (!first.nullable || comparison === 'search' || !isOf(table, filter, first)) return false
  return comparison !== 'exists' || filter.values[0] === true
}

function isOf(table: Table, { parameter }: Filter, key: Key): boolean {
  return columnFor(table, parameter.field).sql === key.column
}

function whereSql(terms: readonly string[]): string {
  return terms.length === 0 ? '' : ` where ${terms.join(' and ')}`
}

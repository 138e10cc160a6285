import type { ListQuery } from '../contract/list-query.ts'
import type { Resource } from '../contract/resource.ts'
import { conditions, meaningOf, type Scope, type Where } from './conditions.ts'
import { type Count, counterOf, countSeen } from './count.ts'
import { readCursor, writeCursor } from './cursor.ts'
import { type Key, keysetOf, orderBy, type Stretch, stretchesOf } from './keyset.ts'
import type { Database } from './pool.ts'
import { type Cells, type Row, rowOf } from './row.ts'
import { tableOf } from './table.ts'

export interface Page extends Count {
  readonly rows: readonly Row[]
  readonly hasMore: boolean
  readonly nextCursor: string | null
}

/** Compiles the list of a resource: `page(query, scopes)` reads one page of it by keyset or, in page mode, by offset. */
export function listOf(database: Database, resource: Resource, cursorSecret: string) {
  const table = tableOf(resource)
  const countOf = counterOf(database, resource)

  async function page(query: ListQuery, scopes: readonly Scope[]): Promise<Page> {
    const keys = keysetOf(table, query.sort)
    const where = conditions(table, query.filters, scopes)
    const binding = JSON.stringify([
      resource.table,
      keys.map((key) => [key.column, key.descending]),
      ...meaningOf(query.filters, scopes),
    ])
    const counted = countOf(where, query.count, binding)
    // Heard in any case: the page may fail first.
    counted.catch(() => {})
    const rows = await pageOf(query, keys, where, binding)
    const hasMore = rows.length > query.limit
    if (hasMore) rows.pop()
    const last = rows.at(-1)
    return {
      rows: rows.map((cells) => rowOf(table, cells)),
      ...countSeen(await counted, query, rows.length, hasMore),
      hasMore,
      nextCursor:
        hasMore && last
          ? writeCursor(
              cursorSecret,
              binding,
              keys.map((key) => last[key.place] ?? null),
            )
          : null,
    }
  }

  async function pageOf(query: ListQuery, keys: Key[], where: Where, binding: string): Promise<Cells[]> {
    const values = [...where.values]
    const after = query.cursor === undefined ? undefined : readCursor(cursorSecret, binding, query.cursor)
    const stretches = stretchesOf(keys, after, (value) => `$${values.push(value)}`)
    const offset = query.page === undefined ? 0 : (query.page - 1) * query.limit
    const limit = query.limit + 1
    const part = ({ terms, orderBy }: Stretch, rows: string) =>
      `select ${table.select} from ${resource.view}${whereSql([...where.terms, ...terms])} order by ${orderBy} limit ${rows}`
    // As parameters: one statement for all pages, where each of its own would fill what connections keep prepared.
    const window = () => `$${values.push(limit)}${offset > 0 ? ` offset $${values.push(offset)}` : ''}`
    if (stretches.length === 1) return database.slow.cells(part(stretches[0]!, window()), values)
    const parts = stretches
      .map((stretch) => `(${part(stretch, `$${values.push(offset + limit)}`)})`)
      .join(' union all ')
    const sql = `select ${table.select} from (${parts}) page order by ${orderBy(keys)} limit ${window()}`
    return database.slow.cells(sql, values)
  }

  return { page }
}

function whereSql(terms: readonly string[]): string {
  return terms.length === 0 ? '' : ` where ${terms.join(' and ')}`
}

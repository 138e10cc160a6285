import type { AnyResource } from '../contract/resource.ts'
import type { Queryable } from './pool.ts'
import { type Cells, type RowOf, rowOf } from './row.ts'
import { columnFor, type Table, tableOf } from './table.ts'

/** How many rows `findBy` may find. */
const MOST_FOUND = 10_000

/**
 * The living rows whose fields have these values, in the order of their ids; of a list of values any, null where nothing is to be
 * there; addresses without case. `for update` locks them until the transaction ends, in that order too, so that two of these never
 * wait for each other in a circle. An Error where there are more than 10,000, or the field is an object or a list.
 */
export async function findBy<R extends AnyResource>(
  db: Queryable,
  resource: R,
  where: object,
  lock: 'for update' | '' = '',
): Promise<RowOf<R>[]> {
  const table = tableOf(resource)
  const params: unknown[] = []
  const terms = termsOf(table, where, params)
  const select = (what: string, more: readonly string[], rest: string) =>
    db.cells(
      `select ${what} from ${resource.view} where ${[...terms, ...more].join(' and ')} order by id limit ${MOST_FOUND + 1} ${rest}`,
      params,
    )
  if (lock === '' || !resource.derived) return rowsOf<R>(table, await select(table.select, [], lock))
  // A view that joins or groups cannot be locked: the table's rows are, and then what the view shows of those is read.
  const ids = (await select('id', [], '')).map(([id]) => id)
  await db.cells(`select 1 from ${resource.table} where id = any($1::uuid[]) order by id ${lock}`, [ids])
  const among = `id = any($${params.push(ids)}::uuid[])`
  return rowsOf<R>(table, await select(table.select, [among], ''))
}

/** `params` grows by what the conditions need. */
function termsOf(table: Table, where: object, params: unknown[]): string[] {
  const given = Object.entries(where).filter(([, value]) => value !== undefined)
  if (given.length === 0) throw new Error(`findBy(${table.resource.name}) names no field`)
  return given.map(([field, value]) => {
    if (!table.places.has(field)) throw new Error(`${table.resource.table} has no field "${field}"`)
    const { sql, spec, types, toParam } = columnFor(table, field)
    if (spec.kind === 'list' || spec.kind === 'object')
      throw new Error(`findBy(${table.resource.name}) by "${field}", which is ${spec.kind}: give single values`)
    if (value === null) return `${sql} is null`
    const param = (one: unknown) => `$${params.push(one)}`
    // As lists compare addresses: lower case is PostgreSQL's on both sides.
    if (spec.kind === 'email')
      return Array.isArray(value)
        ? `lower(${sql}) = any(array(select lower(value) from unnest(${param(value)}::text[]) value))`
        : `lower(${sql}) = lower(${param(value)})`
    if (!Array.isArray(value)) return `${sql} = ${param(toParam(value) ?? null)}`
    return `${sql} = any(${param(value.map((one) => toParam(one) ?? null))}::${types[0]}[])`
  })
}

function rowsOf<R extends AnyResource>(table: Table, cells: readonly Cells[]): RowOf<R>[] {
  if (cells.length > MOST_FOUND)
    throw new Error(`findBy(${table.resource.name}) found more than ${MOST_FOUND} rows: ask for fewer`)
  return cells.map((one) => rowOf<R>(table, one))
}

import { parseAccess } from '../contract/access.ts'
import type { Contract } from '../contract/contract.ts'
import { indexedOrders, isOrdered, isUnique, scans } from '../contract/list-cost.ts'
import type { AnyResource, Resource } from '../contract/resource.ts'
import { bare, type Index, type Relation, readCatalog } from './catalog.ts'
import type { Queryable } from './pool.ts'
import { columnFor, tableOf } from './table.ts'

/** An index that a list of the contract needs, so that a page of it costs what it costs on a small table. */
interface NeededIndex {
  readonly method: 'btree' | 'gin'
  /** Columns that one value is asked of, in any order, and behind them those that rows are ordered by. */
  readonly equal: readonly string[]
  readonly order: readonly string[]
  readonly operators: string
}

/** Which indexes the lists of a resource need: for every way in (at the root, below the parent, of the owner). */
function neededIndexes(resource: Resource): NeededIndex[] {
  if (resource.access.list === undefined) return []
  const needed: NeededIndex[] = []
  const sql = (field: string) => columnFor(tableOf(resource), field).name
  const ordered = (equal: readonly string[], order: readonly string[]) => {
    const held = [...new Set(equal)].map(sql)
    const rest = [...new Set([...order, 'id'])].map(sql).filter((column) => !held.includes(column))
    // Nothing comes behind a column that no two rows share.
    const end = rest.indexOf('id')
    needed.push({ method: 'btree', equal: held, order: rest.slice(0, end + 1), operators: '' })
  }
  const orders = indexedOrders(resource)
  const declared = [...new Set(Object.values(resource.list.filter))].filter((field) => !scans(resource, field))
  for (const scope of scopesOf(resource)) {
    for (const { fields, filters } of orders) {
      ordered(scope, fields)
      for (const filter of filters) ordered([...scope, filter], fields)
    }
    if (scope.length > 0 && orders.length === 0) ordered(scope, [])
    for (const field of declared) {
      const { kind } = resource.stored[field]!
      if (isUnique(resource, field)) continue
      if (isOrdered(kind)) ordered(scope, [field])
      else if (kind === 'email')
        needed.push({ method: 'btree', equal: [...scope.map(sql), `lower(${sql(field)})`], order: [], operators: '' })
    }
  }
  for (const field of declared)
    if (resource.stored[field]!.kind === 'list')
      needed.push({ method: 'gin', equal: [sql(field)], order: [], operators: '' })
  if (!scans(resource, 'q'))
    for (const field of resource.list.search)
      needed.push({ method: 'gin', equal: [sql(field)], order: [], operators: ' gin_trgm_ops' })
  return distinct(needed)
}

/** Fields that a list is confined by, one set for each place where it stands. */
function scopesOf({ parent, owner, list, access }: Resource): string[][] {
  const scopes: string[][] = parent ? [[parent.field]] : []
  if (parent && !list.root) return scopes
  const { owner: own, ...others } = parseAccess(access.list!)
  if (own && owner !== undefined && owner !== 'id') scopes.push([owner])
  if (others.public || others.authenticated || others.roles.length > 0) scopes.push([])
  return scopes
}

function distinct(needed: readonly NeededIndex[]): NeededIndex[] {
  return needed.filter((one, i) => needed.findIndex((other) => JSON.stringify(other) === JSON.stringify(one)) === i)
}

/**
 * What lists lack to cost on a large table what they cost on a small one: an index, with the statement that makes it. They
 * work without it.
 */
export async function missingIndexes(db: Queryable, contract: Contract): Promise<string[]> {
  const resources = Object.values<AnyResource>(contract.resources)
  const catalog = await readCatalog(db, [...new Set(resources.map(({ table }) => table))])
  return [...new Set(resources.flatMap((resource) => missingIndexesOf(resource, catalog.get(resource.table))))]
}

/** The same of one resource, on a table as it is or will be. */
export function missingIndexesOf(resource: Resource, table: Relation | undefined): string[] {
  // Below a view there is no telling which index serves what.
  if (!table?.isTable) return []
  const columns = new Set(table.columns.map(({ name }) => name))
  return neededIndexes(resource).flatMap((needed) => {
    if (table.indexes.some((index) => serves(index, needed, resource))) return []
    const lacking = [...needed.equal, ...needed.order].find(
      (column) => !columns.has(column.replace(/^lower\((.*)\)$/, '$1')),
    )
    if (lacking === undefined) return [statementFor(resource, needed)]
    return [
      `no index of ${resource.table} can serve lists by ${lacking}, which is not a column of it: name the field in list.scans`,
    ]
  })
}

/** Whether a list that needs such an index can go by this one. */
function serves(index: Index, { method, equal, order, operators }: NeededIndex, { softDelete }: Resource): boolean {
  const living = softDelete && bare(index.predicate) === bare('deleted_at is null')
  if (!index.valid || index.method !== method || !(index.predicate === null || living)) return false
  const keys = index.keys.map((key) => bare(key))
  const wanted = [...equal.map(bare), ...order.map(bare)]
  if (method === 'gin')
    return (
      keys.includes(wanted[0]) && index.definition.includes(operators) && !index.definition.includes('jsonb_path_ops')
    )
  const held = keys.slice(0, equal.length)
  if (!equal.every((column) => held.includes(bare(column)))) return false
  const rest = keys.slice(equal.length)
  const given = order.findIndex((column, i) => rest[i] !== bare(column))
  // A unique index ends the order where its own columns end: there are no two rows to be ordered any further.
  return given < 0 || (index.unique && given === rest.length && rest.length > 0)
}

function statementFor({ table, softDelete }: Resource, { method, equal, order, operators }: NeededIndex): string {
  const columns = [...equal.map(quoted), ...order.map(quoted)].join(', ')
  const using = method === 'btree' ? '' : ` using ${method}`
  const where = softDelete ? ' where deleted_at is null' : ''
  const statement = `create index on ${table}${using} (${columns}${operators})${where}`
  return operators.includes('trgm') ? `create extension if not exists pg_trgm; ${statement}` : statement
}

/** Fields may be called `order` or `user`. */
function quoted(column: string): string {
  const lower = /^lower\((.*)\)$/.exec(column)
  if (lower) return `lower(${quoted(lower[1]!)})`
  return column === 'id' ? column : `"${column}"`
}

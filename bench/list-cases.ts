import { encodeId } from '../src/base/ids.ts'
import { parseAccess } from '../src/contract/access.ts'
import type { Contract } from '../src/contract/contract.ts'
import { listCostReader } from '../src/contract/list-cost.ts'
import { type FilterParameter, filterParameters, listQueryReader } from '../src/contract/list-query.ts'
import type { AnyResource, Resource } from '../src/contract/resource.ts'
import { isoTime } from '../src/data/columns.ts'
import type { Scope } from '../src/data/conditions.ts'
import { listOf } from '../src/data/list.ts'
import type { Database } from '../src/data/pool.ts'
import { columnFor, tableOf } from '../src/data/table.ts'
import { readQuery } from '../src/gateway/query.ts'
import { nextPlan, type PlanNode } from '../src/testing/query-plan.ts'

/** One way of asking for a list that a contract declares, with values of the rows that there are. */
export interface ListCase {
  readonly resource: Resource
  readonly place: string
  readonly scopes: readonly Scope[]
  readonly sort: string
  /** What it is filtered by, without the values: `status (rare)`. */
  readonly filter: string
  readonly query: string
  /** The contract says that it reads more on a larger table: it takes more tokens. */
  readonly declared: boolean
}

/** Every list × sort × filter: by nothing, by each filter, and by pairs of them. */
export async function listCases(database: Database, contract: Contract): Promise<ListCase[]> {
  const cases: ListCase[] = []
  for (const resource of Object.values<AnyResource>(contract.resources)) {
    if (resource.access.list === undefined) continue
    const costOf = listCostReader(resource)
    const sorts = ['', ...(resource as Resource).list.sort.flatMap((field) => [field, `-${field}`])]
    for (const { place, scopes } of await placesOf(database, resource)) {
      const single = await filtersOf(database, resource, scopes)
      for (const sort of sorts)
        for (const [filter, given] of [['', ''] as const, ...single, ...pairsOf(single)]) {
          const query = [sort && `sort=${sort}`, given].filter(Boolean).join('&')
          const declared = costOf(readQuery(query)) > 0
          cases.push({ resource, place, scopes, sort: sort || 'default', filter: filter || 'none', query, declared })
        }
    }
  }
  return cases
}

interface Place {
  readonly place: string
  readonly scopes: readonly Scope[]
}

/** Where a list stands; below a parent, of the one that has most. */
async function placesOf(database: Database, resource: Resource): Promise<Place[]> {
  const { parent, owner, plural, list, access } = resource
  const places: Place[] = []
  const confined = async (field: string) => [
    { field, id: String(await textOf(database, resource, [], field, 'common')) },
  ]
  if (parent) places.push({ place: `${plural} by ${parent.field}`, scopes: await confined(parent.field) })
  if (parent && !list.root) return places
  const { owner: own } = parseAccess(access.list!)
  if (own && owner !== undefined && owner !== 'id' && owner !== parent?.field)
    places.push({ place: `${plural} by ${owner}`, scopes: await confined(owner) })
  return [...places, { place: plural, scopes: [] }]
}

type Given = readonly [name: string, query: string]

async function filtersOf(database: Database, resource: Resource, scopes: readonly Scope[]): Promise<Given[]> {
  const filters: Given[] = []
  for (const parameter of filterParameters(resource))
    for (const [how, value] of await valuesOf(database, resource, scopes, parameter))
      filters.push([`${parameter.name} (${how})`, `${parameter.name}=${encodeURIComponent(value)}`])
  return filters
}

/** The first filter with each other one, and the second with the third: a table of all pairs would be read by nobody. */
function pairsOf(single: readonly Given[]): Given[] {
  const names = new Map<string, Given>()
  for (const one of single) names.set(one[0].replace(/ .*/, ''), names.get(one[0].replace(/ .*/, '')) ?? one)
  const [first, second, third, ...others] = [...names.values()]
  const pairs = [[first, second], [first, third], [second, third], ...others.map((other) => [first, other])]
  return pairs.flatMap(([a, b]) => (a && b ? [[`${a[0]}, ${b[0]}`, `${a[1]}&${b[1]}`] as const] : []))
}

async function valuesOf(
  database: Database,
  resource: Resource,
  scopes: readonly Scope[],
  { comparison, field, spec }: FilterParameter,
): Promise<[string, string][]> {
  const text = (how: How) => textOf(database, resource, scopes, field, how)
  switch (comparison) {
    case 'search':
      return [
        ['common', 'number 1'],
        ['rare', await textOf(database, resource, scopes, resource.list.search.at(-1)!, 'middle')],
        ['short', 'zz'],
        ['no letters', '%%%%'],
      ]
    case 'exists':
      return [['', 'true']]
    case 'in':
      if (resource.stored[field]!.kind === 'list') return spec.values!.map((value) => [value, value])
      return [
        ['common', await text('common')],
        ['rare', await text('rare')],
      ]
    default:
      return [
        ['half', await text('middle')],
        ['few', await text(comparison === 'max' || comparison === 'before' ? 'low' : 'high')],
      ]
  }
}

type How = 'common' | 'rare' | 'middle' | 'low' | 'high'
const SHARE = { low: 0.0005, middle: 0.5, high: 0.9995 }

/** A value of the field as a query has it: the one that most rows have, or fewest, or that so many are below. */
async function textOf(database: Database, resource: Resource, scopes: readonly Scope[], field: string, how: How) {
  const table = tableOf(resource)
  const { sql, spec } = columnFor(table, field)
  const values = scopes.map((scope) => columnFor(table, scope.field).toParam(scope.id))
  const where = scopes.map((scope, i) => `${columnFor(table, scope.field).sql} = $${i + 1}`).join(' and ') || 'true'
  const from = `from ${resource.view} where ${where}`
  const statement =
    how === 'common' || how === 'rare'
      ? `select ${sql} ${from} group by 1 order by count(*) ${how === 'common' ? 'desc' : ''}, 1 limit 1`
      : `select ${sql} ${from} order by 1 offset (select floor(count(*) * ${SHARE[how]})::bigint ${from}) limit 1`
  const [row] = await database.cells(statement, values)
  const text = row?.[0]
  if (text === undefined || text === null) throw new Error(`${resource.table} has no row with ${field}`)
  return spec.kind === 'id' ? encodeId(spec.prefix!, text) : spec.kind === 'time' ? isoTime(text) : text
}

/** What one page takes: the blocks of 8 kB that it looks at, the rows that its scans go through, and its time. */
export interface Cost {
  readonly blocks: number
  readonly rows: number
  readonly ms: number
}

export interface Measured {
  /** Rows of the first page. */
  readonly shown: number
  readonly first: Cost
  readonly twentieth: Cost
  /** A page half-way through, by cursor; undefined where the list is short. */
  readonly deep: Cost | undefined
  readonly plan: PlanNode | undefined
}

const STOPPED: Cost = { blocks: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY, ms: Number.POSITIVE_INFINITY }
/** Of a list that took longer than any statement may. */
export const TIMED_OUT: Measured = { shown: 0, first: STOPPED, twentieth: STOPPED, deep: undefined, plan: undefined }

const USES = 20

/**
 * Asks for a list through the code that serves it, again and again, and looks at the plan by which PostgreSQL ran its page.
 * After `patienceMs` the use that comes next stands for the twentieth: a list that scans takes too long to be had so often.
 */
export async function measureCase(
  database: Database,
  one: ListCase,
  depth: number,
  patienceMs: number,
): Promise<Measured> {
  const sent: { text: string; values: readonly unknown[] }[] = []
  const cells = (text: string, values: readonly unknown[] = []) => {
    sent.push({ text, values })
    return database.slow.cells(text, values)
  }
  const list = listOf({ ...database, slow: { ...database.slow, cells } }, one.resource, 'secret')
  const read = listQueryReader(one.resource, Object.keys(one.resource.shown))
  const query = read(readQuery(one.query ? `${one.query}&count=none` : 'count=none'))
  const ask = async (asked = query) => {
    sent.length = 0
    const page = await list.page(asked, one.scopes)
    return { page, ...sent[0]! }
  }
  const planned = async ({ text, values }: { text: string; values: readonly unknown[] }) => {
    const { plan, executionMs } = await nextPlan(database.slow, text, values)
    return { plan, cost: { ...readBy(plan), ms: executionMs } }
  }
  const start = performance.now()
  const opened = await ask()
  const first = await planned(opened)
  for (let use = 3; use < USES && performance.now() - start < patienceMs; use++) await ask()
  const twentieth = await planned(await ask())
  const deep = one.declared ? undefined : await deepQuery()
  return {
    shown: opened.page.rows.length,
    first: first.cost,
    twentieth: twentieth.cost,
    deep: deep && (await planned(await ask(deep))).cost,
    plan: twentieth.plan,
  }

  async function deepQuery() {
    // The way there is by OFFSET, which makes every row of a view on the way.
    const rows = one.resource.derived ? Math.min(depth, 1000) : depth
    const { page } = await ask({ ...query, page: Math.floor(rows / 100), limit: 100 })
    return page.nextCursor === null ? undefined : { ...query, page: undefined, cursor: page.nextCursor }
  }
}

/** Of a whole plan. Rows that an index handed to a bitmap are counted where the table's rows are read. */
function readBy(plan: PlanNode): { blocks: number; rows: number } {
  const blocks = (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
  return { blocks, rows: rowsRead(plan) }
}

function rowsRead(node: PlanNode): number {
  const below = (node.Plans ?? []).reduce((sum, one) => sum + rowsRead(one), 0)
  if (!node['Node Type'].includes('Scan') || node['Node Type'] === 'Bitmap Index Scan') return below
  const { 'Actual Rows': rows = 0, 'Actual Loops': loops = 1 } = node
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return below + (rows + removed) * loops
}

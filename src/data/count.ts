import { createRest } from '../base/rest.ts'
import type { ListRequest } from '../contract/list-query.ts'
import type { Resource } from '../contract/resource.ts'
import type { Where } from './conditions.ts'
import { type Database, type ListReading, queryable } from './pool.ts'

export interface Count {
  /** Null when the count was not wanted. */
  readonly total: number | null
  readonly totalIsEstimate: boolean
}

/** How long a list is known to be longer than the bound, and its estimate kept. It is an estimate either way. */
const ESTIMATE_MS = 10_000
const MAX_ESTIMATES = 1000

/**
 * Compiles the count of a resource's lists (R-PAGE-6): exact up to the bound, by counting no further; beyond it the
 * planner's estimate. `binding` names the list with its filters.
 */
export function counterOf(database: Database, resource: Resource) {
  const bound = resource.list.exactTotal
  const estimates = new Map<string, { total: number; until: number }>()
  const refreshStatistics = refresherOf(database, resource.table)

  return async (where: Where, mode: ListRequest['count'], binding: string, reading?: ListReading): Promise<Count> => {
    if (mode === 'none') return { total: null, totalIsEstimate: false }
    const from = `from ${resource.view}${where.terms.length === 0 ? '' : ` where ${where.terms.join(' and ')}`}`
    if (mode === 'exact')
      return { total: await count(`select count(*) ${from}`, where.values, reading), totalIsEstimate: false }
    const known = estimates.get(binding)
    if (known && known.until > performance.now()) return { total: known.total, totalIsEstimate: true }
    const bounded = `select count(*) from (select 1 ${from} limit ${bound + 1}) bounded`
    const total = await count(bounded, where.values, reading)
    if (total <= bound) return { total, totalIsEstimate: false }
    const estimate = await estimateOf(from, where.values)
    if (estimates.size >= MAX_ESTIMATES) estimates.clear()
    estimates.set(binding, { total: estimate, until: performance.now() + ESTIMATE_MS })
    return { total: estimate, totalIsEstimate: true }
  }

  async function count(sql: string, values: readonly unknown[], reading: ListReading | undefined): Promise<number> {
    const [row] = await database.slow.cells(sql, values, reading)
    return Number(row![0])
  }

  async function estimateOf(from: string, values: readonly unknown[]): Promise<number> {
    await refreshStatistics()
    const rows = await database.slow.cells(`explain (format json) select 1 ${from}`, values)
    const plan = JSON.parse(rows.map((row) => row[0]).join('')) as [{ Plan: { 'Plan Rows': number } }]
    return Math.max(plan[0].Plan['Plan Rows'], bound + 1)
  }
}

/** What the rows of one page tell of the total beside its count: an estimate is not below what has been seen (FC-116). */
export function countSeen(count: Count, { page, limit }: ListRequest, rows: number, hasMore: boolean): Count {
  if (!count.totalIsEstimate || page === undefined) return count
  const seen = (page - 1) * limit + rows
  if (hasMore) return seen < count.total! ? count : { total: seen + 1, totalIsEstimate: true }
  // The last row is the last of the list; behind it there is none to count by.
  return rows === 0 && page > 1 ? count : { total: seen, totalIsEstimate: false }
}

/** How often a table's statistics are looked at. */
const LOOK_EVERY_MS = 60_000
/** How long lists wait for that. ANALYZE may take until it is stopped, after 15 s; the estimates that follow it have what it found. */
const PATIENCE_MS = 500

/** Whether so much was written since the last ANALYZE that its estimates mean little; the same share as autovacuum's. */
const STALE = `select 1 from pg_class where oid = to_regclass($1) and relkind in ('r', 'm')
  and (reltuples <= 0 or pg_stat_get_mod_since_analyze(oid) > reltuples / 10)`

/**
 * Compiles what makes a table's statistics fit for an estimate. Where they are not, as after an import that autovacuum has
 * yet to hear of, PostgreSQL guesses: it takes one row in 200 for alive, and said 10,001 for 600,000. ANALYZE reads a
 * sample whose size does not grow with the table.
 */
function refresherOf(database: Database, table: string): () => Promise<void> {
  let looked: Promise<void> | undefined
  let lookAgainAt = 0

  async function look(): Promise<void> {
    if ((await database.slow.cells(STALE, [table])).length === 0) return
    // Not on a list's connection, where other lists would wait for it.
    const held = await database.acquire()
    try {
      await queryable(held.send).cells(`analyze (skip_locked) ${table}`)
    } finally {
      held.release()
    }
  }

  return () => {
    if (!looked || performance.now() >= lookAgainAt) {
      lookAgainAt = performance.now() + LOOK_EVERY_MS
      const rest = createRest()
      looked = rest.take(PATIENCE_MS)
      // A total that is a guess is better than no list, or a late one.
      look().then(rest.end, rest.end)
    }
    return looked
  }
}

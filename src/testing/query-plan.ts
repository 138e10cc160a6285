import type { Queryable } from '../data/pool.ts'

/** A node of PostgreSQL's plan, as EXPLAIN has it in JSON. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Relation Name'?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

export interface QueryPlan {
  readonly plan: PlanNode
  readonly executionMs: number
  readonly planningMs: number
}

/**
 * Runs a statement that this connection has prepared once more, and tells by which plan: the one that its next use would
 * have had, as PostgreSQL keeps and chooses plans by connection. `db` must be one connection.
 */
export async function nextPlan(db: Queryable, text: string, values: readonly unknown[]): Promise<QueryPlan> {
  const [prepared] = await db.query<{ name: string }>('select name from pg_prepared_statements where statement = $1', [
    text,
  ])
  const literals = values.length === 0 ? '' : ` (${values.map(literal).join(', ')})`
  const explain = 'explain (analyze, buffers, format json)'
  // One that goes unnamed, as they do without parameters and past a number of names, is planned anew in any case.
  const rows = prepared
    ? await db.cells(`${explain} execute ${prepared.name}${literals}`)
    : await db.cells(`${explain} ${text}`, values)
  const [run] = JSON.parse(rows.map(([line]) => line).join('')) as [
    { Plan: PlanNode; 'Execution Time': number; 'Planning Time'?: number },
  ]
  return { plan: run.Plan, executionMs: run['Execution Time'], planningMs: run['Planning Time'] ?? 0 }
}

/** Every node of a plan, from the top. */
export function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = Array.isArray(value) ? `{${value.map((one) => JSON.stringify(String(one))).join(',')}}` : String(value)
  return `'${text.replaceAll("'", "''")}'`
}

import type { Queryable } from '../data/pool.ts'

/** A node of PostgreSQL's plan, as EXPLAIN has it in JSON. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly 'Relation Name'?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly Plans?: readonly PlanNode[]
}

export interface RunPlan {
  readonly plan: PlanNode
  readonly executionMs: number
  readonly planningMs: number
}

/**
 * Runs a statement that this connection has prepared once more, and tells by which plan: the one that its next use would
 * have had, as PostgreSQL keeps and chooses plans by connection. `db` must be one connection.
 */
export async function nextPlan(db: Queryable, text: string, values: readonly unknown[]): Promise<RunPlan> {
  const [prepared] = await db.query<{ name: string }>('select name from pg_prepared_statements where statement = $1', [
    text,
  ])
  if (!prepared) throw new Error(`this connection has not prepared: ${text}`)
  const literals = values.length === 0 ? '' : ` (${values.map(literal).join(', ')})`
  const rows = await db.cells(`explain (analyze, buffers, format json) execute ${prepared.name}${literals}`)
  const [run] = JSON.parse(rows.map(([line]) => line).join('')) as [
    { Plan: PlanNode; 'Execution Time': number; 'Planning Time'?: number },
  ]
  return { plan: run.Plan, executionMs: run['Execution Time'], planningMs: run['Planning Time'] ?? 0 }
}

/** Every node of a plan, from the top. */
export function nodesOf(plan: PlanNode): PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)]
}

/** Blocks of 8 kB that a run looked at, wherever they were. */
export function blocksOf(plan: PlanNode): number {
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0)
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = Array.isArray(value) ? `{${value.map((one) => JSON.stringify(String(one))).join(',')}}` : String(value)
  return `'${text.replaceAll("'", "''")}'`
}

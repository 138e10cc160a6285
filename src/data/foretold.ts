import type { AnyResource, ValuesOf } from '../contract/resource.ts'
import { type Cells, type Row, rowOf } from './row.ts'
import type { Table } from './table.ts'

/** An insert whose row is known before it is sent, as it leaves nothing to the database. */
export interface ForetoldInsert<V = unknown> {
  readonly row: Row<V>
  /** As text. */
  readonly values: Cells
  /** The statement. It fails with `REFUTED` where what is written is not what was foretold, as a trigger may see to: answer and event have been made of it. */
  readonly text: string
  /** The same with an event of it, for whose id, type, aggregate, data and headers it takes five values more. */
  readonly textWithEvent: string
  /** Forgets for a minute that rows of its table can be foretold. */
  refuted(): void
}

/** division_by_zero, in lack of a way to raise something in plain SQL. */
export const REFUTED = '22012'

/** Tables whose triggers have the last word, and until when that is remembered. */
const refutedUntilMs = new WeakMap<Table, number>()
const REMEMBERED_MS = 60_000

type Texts = Pick<ForetoldInsert, 'text' | 'textWithEvent'>

/** By table; each insert has every column. */
const texts = new WeakMap<Table, Texts>()

/** The insert of a row that is known, or undefined: where a column is left to its default, or a view decides what is shown. */
export function foretell<R extends AnyResource>(
  table: Table,
  given: Readonly<Record<string, unknown>> & { readonly id: string },
): ForetoldInsert<ValuesOf<R>> | undefined {
  const { resource, columns, places } = table
  if (resource.derived || (refutedUntilMs.get(table) ?? 0) > performance.now()) return undefined
  const now = new Date().toISOString()
  const known: Record<string, unknown> = { version: 1, createdAt: now, updatedAt: now, ...given }
  const cells: (string | null)[] = []
  for (const [field, place] of places) {
    const value = known[field]
    if (value === undefined) return undefined
    const text = value === null ? null : columns[place]!.toText(value)
    if (text === undefined) return undefined
    cells.push(text)
  }
  for (const name in given) if (!places.has(name)) throw new Error(`${resource.table} has no field "${name}"`)
  return {
    row: rowOf<R>(table, cells),
    values: cells,
    ...textsOf(table),
    refuted: () => void refutedUntilMs.set(table, performance.now() + REMEMBERED_MS),
  }
}

function textsOf(table: Table): Texts {
  let known = texts.get(table)
  if (known === undefined) {
    const { resource, columns, select } = table
    const param = (i: number) => `$${i + 1}`
    const params = columns.map((_, i) => param(i)).join(', ')
    const made = `with made as (insert into ${resource.table} (${select}) values (${params}) returning ${select})`
    const event = ['uuid', 'text', 'text', 'json', 'json'].map((type, i) => `${param(columns.length + i)}::${type}`)
    const sent = `sent as (insert into lintel.outbox (id, type, aggregate_id, data, headers) select ${event.join(', ')} from made)`
    const guard = columns.map(({ sql, spec }, i) => same(spec, sql, param(i))).join(' and ')
    const check = `select 1 / count(*) from made where ${guard}`
    known = { text: `${made} ${check}`, textWithEvent: `${made}, ${sent} ${check}` }
    texts.set(table, known)
  }
  return known
}

/** json has no equality; as text, json is what was sent, and jsonb is the same of both. */
function same({ kind, nullable }: { kind: string; nullable?: boolean }, column: string, param: string): string {
  const cast = kind === 'list' || kind === 'object' ? '::text' : ''
  return `${column}${cast} ${nullable ? 'is not distinct from' : '='} ${param}${cast}`
}

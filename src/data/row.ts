import type { Stored } from '../contract/fields.ts'
import type { AnyResource, ShownOf } from '../contract/resource.ts'
import type { Table } from './table.ts'

export type Cells = readonly (string | null)[]

/** A row as PostgreSQL sent it, column by column as text. Objects are built only when somebody asks for them. */
export interface Row<R extends AnyResource = AnyResource> {
  readonly kind: 'row'
  readonly table: Table
  readonly cells: Cells
  /** Types only; never set. */
  readonly '~'?: R
}

export function rowOf<R extends AnyResource>(table: Table, cells: Cells): Row<R> {
  return { kind: 'row', table, cells }
}

export function isRow(value: unknown): value is Row {
  return (value as { kind?: unknown } | undefined)?.kind === 'row'
}

/** Its JSON, copied column by column; `fields` chooses some of them. */
export function writeRow({ table, cells }: Row, fields?: readonly string[]): string {
  let json = '{'
  for (const { place, name, key } of table.shown) {
    if (fields && !fields.includes(name)) continue
    const text = cells[place]
    const value = text === null || text === undefined ? 'null' : table.columns[place]!.toJson(text)
    json += json.length === 1 ? key + value : `,${key}${value}`
  }
  return `${json}}`
}

/** The whole row as values, hidden fields included. */
export function readRow<R extends AnyResource>(row: Row<R>): ShownOf<R> & Stored<R['fields']> {
  const value: Record<string, unknown> = {}
  for (const [field, place] of row.table.places) value[field] = cell(row, place)
  return value as ShownOf<R> & Stored<R['fields']>
}

/** One field's value. */
export function readField(row: Row, field: string): unknown {
  return cell(row, row.table.places.get(field)!)
}

function cell({ table, cells }: Row, place: number): unknown {
  const text = cells[place]
  return text === null || text === undefined ? null : table.columns[place]!.toValue(text)
}

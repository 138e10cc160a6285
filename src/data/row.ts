import type { AnyResource, ValuesOf } from '../contract/resource.ts'
import type { Table } from './table.ts'

export type Cells = readonly (string | null)[]

/** A row as PostgreSQL sent it, column by column as text. Objects are built only when somebody asks for them: `readRow` makes a `V`. */
export interface Row<V = unknown> {
  readonly kind: 'row'
  readonly table: Table
  readonly cells: Cells
  /** Values of those whose text was made of what the contract names and nothing else, by their place; nobody may change them. */
  readonly values?: readonly unknown[] | undefined
  /** Types only; never set. */
  readonly '~'?: V | undefined
}

/** A row of a resource: `RowOf<typeof Order>`. */
export type RowOf<R extends AnyResource> = Row<ValuesOf<R>>

export function rowOf<R extends AnyResource>(table: Table, cells: Cells, values?: readonly unknown[]): RowOf<R> {
  return { kind: 'row', table, cells, values }
}

export function isRow(value: unknown): value is Row {
  return (value as { kind?: unknown } | undefined)?.kind === 'row'
}

/** Its JSON, copied column by column; `fields` chooses some of them. */
export function writeRow(row: Row, fields?: readonly string[]): string {
  const { table, cells, values } = row
  let json = '{'
  let at = 0
  try {
    for (const { place, name, key } of table.shown) {
      if (fields && !fields.includes(name)) continue
      at = place
      const text = cells[place]
      // What is chosen need not begin with the row's first: the data of an event has what its contract says.
      json += json.length === 1 && key.startsWith(',') ? key.slice(1) : key
      if (text === null || text === undefined) json += 'null'
      else json += values?.[place] === undefined ? table.columns[place]!.toJson(text) : text
    }
  } catch (error) {
    throw unreadable(row, at, error as Error)
  }
  return `${json}}`
}

/** The whole row as values, hidden fields included. */
export function readRow<V>(row: Row<V>): V {
  const value: Record<string, unknown> = {}
  for (const [field, place] of row.table.places) value[field] = cell(row, place)
  return value as V
}

/** What `writeRow` writes, as values, for a look: what is changed in them may be changed in the row. */
export function readShown(row: Row, fields?: readonly string[]): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const { place, name } of row.table.shown)
    if (!fields || fields.includes(name)) value[name] = row.values?.[place] ?? cell(row, place)
  return value
}

/** One field's value. */
export function readField(row: Row, field: string): unknown {
  return cell(row, row.table.places.get(field)!)
}

function cell(row: Row, place: number): unknown {
  const text = row.cells[place]
  if (text === null || text === undefined) return null
  try {
    return row.table.columns[place]!.toValue(text)
  } catch (error) {
    throw unreadable(row, place, error as Error)
  }
}

/** SQL can write what no answer can hold, such as NaN: the log then says where it is (R-BODY-7). */
function unreadable({ table, cells }: Row, place: number, cause: Error): Error {
  const id = table.columns[0]!.toValue(cells[0]!)
  return new Error(`${table.resource.table}.${table.columns[place]!.name} of ${id} ${cause.message}: correct the row`, {
    cause,
  })
}

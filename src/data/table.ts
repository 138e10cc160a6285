import { snakeCase } from '../contract/names.ts'
import type { AnyResource, Resource } from '../contract/resource.ts'
import { type Column, columnOf } from './columns.ts'

/** A resource as PostgreSQL sees it: compiled once, used by every statement. */
export interface Table {
  readonly resource: Resource
  readonly columns: readonly Column[]
  /** Names of the fields, in the order of their columns. */
  readonly fields: readonly string[]
  /** Field name to its place in `columns`, and so in every row. */
  readonly places: ReadonlyMap<string, number>
  /** The select list, in the order of `columns`. */
  readonly select: string
  /** Selects the living row whose id is `$1`. */
  readonly find: string
  /** The columns that leave the service, `id` first, with the JSON before each value: `"id":`, `,"name":`. */
  readonly shown: readonly { place: number; name: string; key: string }[]
}

const tables = new WeakMap<object, Table>()

export function tableOf(resource: AnyResource): Table {
  let table = tables.get(resource)
  if (!table) {
    table = compile(resource)
    tables.set(resource, table)
  }
  return table
}

function compile(resource: Resource): Table {
  const columns = Object.entries(resource.stored).map(([field, spec]) => columnOf(snakeCase(field), spec))
  const fields = Object.keys(resource.stored)
  const places = new Map(fields.map((field, place) => [field, place]))
  const select = columns.map((column) => column.sql).join(', ')
  return {
    resource,
    columns,
    fields,
    places,
    select,
    find: `select ${select} from ${resource.view} where id = $1`,
    shown: Object.keys(resource.shown).map((name, i) => ({
      place: places.get(name)!,
      name,
      key: `${i > 0 ? ',' : ''}"${name}":`,
    })),
  }
}

/** The column of a field; the field is known to the contract. */
export function columnFor(table: Table, field: string): Column {
  return table.columns[table.places.get(field)!]!
}

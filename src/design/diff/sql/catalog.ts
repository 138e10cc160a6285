import type { Action, Column } from './action.ts'

export interface Table {
  readonly columns: Map<string, Column>
  readonly constraints: Set<string>
  /** Made by the statements that are judged: no replica knows it. */
  readonly isNew: boolean
}

/** A schema, as far as statements show it. */
export interface Catalog {
  readonly tables: Map<string, Table>
  readonly views: Map<string, string>
  readonly indexes: Map<string, { readonly table: string; readonly unique: boolean; readonly isNew: boolean }>
}

export function emptyCatalog(): Catalog {
  return { tables: new Map(), views: new Map(), indexes: new Map() }
}

/** Changes the catalog as the action changes the schema. */
export function apply(action: Action, { tables, views, indexes }: Catalog, isNew: boolean): void {
  const columnsOf = (table: string) => tables.get(table)?.columns
  const change = (table: string, name: string, to: Partial<Column>) => {
    const column = columnsOf(table)?.get(name)
    if (column) columnsOf(table)!.set(name, { ...column, ...to })
  }
  switch (action.is) {
    case 'create-table': {
      const constraints = [
        ...action.constraints,
        ...action.columns.flatMap(({ name, constraints }) => constraints.map((one) => `${name} ${one}`)),
      ]
      if (!tables.has(action.table))
        tables.set(action.table, {
          columns: new Map(action.columns.map((one) => [one.name, one])),
          constraints: new Set(constraints),
          isNew,
        })
      return
    }
    case 'drop-table':
      tables.delete(action.table)
      return
    case 'rename-table': {
      const table = tables.get(action.table)
      tables.delete(action.table)
      if (table) tables.set(action.to, table)
      return
    }
    case 'add-column':
      columnsOf(action.table)?.set(action.column.name, action.column)
      return
    case 'drop-column':
      columnsOf(action.table)?.delete(action.column)
      return
    case 'rename-column': {
      const columns = columnsOf(action.table)
      const column = columns?.get(action.column)
      columns?.delete(action.column)
      if (column) columns?.set(action.to, { ...column, name: action.to })
      return
    }
    case 'set-type':
      change(action.table, action.column, { type: action.type })
      return
    case 'set-not-null':
    case 'drop-not-null':
      change(action.table, action.column, { notNull: action.is === 'set-not-null' })
      return
    case 'set-default':
    case 'drop-default':
      change(action.table, action.column, { hasDefault: action.is === 'set-default' })
      return
    case 'add-constraint':
      tables.get(action.table)?.constraints.add(action.text)
      return
    case 'drop-constraint':
      for (const one of tables.get(action.table)?.constraints ?? [])
        if (one.startsWith(`constraint ${action.name} `)) tables.get(action.table)!.constraints.delete(one)
      return
    case 'create-index':
      indexes.set(action.name, { table: action.table, unique: action.unique, isNew })
      return
    case 'drop-index':
      indexes.delete(action.name)
      return
    case 'create-view':
      views.set(action.name, action.text)
      return
    case 'drop-view':
      views.delete(action.name)
      return
    default:
      return
  }
}

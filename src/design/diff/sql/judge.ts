import type { Kind } from '../kinds.ts'
import type { Action, Column } from './action.ts'
import type { Catalog } from './catalog.ts'
import { widening } from './read-column.ts'

export type ReportSql = (kind: Kind, where: string, what: string) => void

/** What an action means for replicas that still run the code of before. `catalog` is the schema before it. */
export function judge(action: Action, catalog: Catalog, report: ReportSql): void {
  if ('table' in action && isNew(action, catalog)) return
  switch (action.is) {
    case 'create-table':
      report('sql-created', action.table, 'is new')
      return
    case 'drop-table':
      report('sql-table-dropped', action.table, 'is dropped')
      return
    case 'rename-table':
      report('sql-table-renamed', action.table, `is renamed to ${action.to}`)
      return
    case 'add-column':
      judgeColumn(action.table, action.column, report)
      return
    case 'drop-column':
      report('sql-column-dropped', `${action.table}.${action.column}`, 'is dropped')
      return
    case 'rename-column':
      report('sql-column-renamed', `${action.table}.${action.column}`, `is renamed to ${action.to}`)
      return
    case 'set-type':
      judgeType(`${action.table}.${action.column}`, columnOf(action, catalog)?.type, action.type, report)
      return
    case 'set-not-null': {
      const hasDefault = columnOf(action, catalog)?.hasDefault ?? false
      report(
        hasDefault ? 'sql-not-null-with-default' : 'sql-not-null',
        `${action.table}.${action.column}`,
        'is not null now',
      )
      return
    }
    case 'drop-not-null':
      report('sql-nullable', `${action.table}.${action.column}`, 'may be null now')
      return
    case 'set-default':
      report('sql-default-set', `${action.table}.${action.column}`, 'has a default now')
      return
    case 'drop-default':
      report('sql-default-dropped', `${action.table}.${action.column}`, 'has no default any more')
      return
    case 'add-constraint':
      report('sql-constraint-added', action.table, `has the new constraint: ${action.text}`)
      return
    case 'drop-constraint':
      report('sql-constraint-dropped', action.table, `has no constraint ${action.name} any more`)
      return
    case 'create-index':
      if (action.unique) report('sql-index-unique', action.table, `has the new unique index ${action.name}`)
      if (!action.concurrently) report('sql-index-locks', action.table, `gets the index ${action.name}`)
      else if (!action.unique) report('sql-created', action.name, 'is new')
      return
    case 'drop-index':
      if (!catalog.indexes.get(action.name)?.isNew) report('sql-index-dropped', action.name, 'is dropped')
      return
    case 'create-view': {
      const before = catalog.views.get(action.name)
      if (before === undefined && !action.replaces) report('sql-created', action.name, 'is new')
      else if (before !== action.text) report('sql-view-replaced', action.name, 'is made or replaced')
      return
    }
    case 'drop-view':
      report('sql-view-dropped', action.name, 'is dropped')
      return
    case 'drop-object':
      report('sql-object-dropped', `${action.what} ${action.name}`, 'is dropped')
      return
    case 'rename-object':
      report('sql-object-dropped', `${action.what} ${action.name}`, 'is renamed or altered')
      return
    case 'trigger':
      report('sql-trigger', action.table, `has its triggers or rules changed: ${action.text}`)
      return
    case 'add-value':
      report('sql-enum-value-added', `type ${action.type}`, `has the new value ${action.value}`)
      return
    case 'rename-value':
      report('sql-enum-value-renamed', `type ${action.type}`, `has the value ${action.value} renamed`)
      return
    case 'truncate':
    case 'delete-rows':
      report('sql-rows-removed', action.table, 'loses rows')
      return
    case 'update-rows':
      report('sql-rows-changed', action.table, 'has rows changed')
      return
    case 'revoke':
      report('sql-rights-revoked', 'rights', `are revoked: ${action.text}`)
      return
    case 'created':
      report('sql-created', action.text, 'is new')
      return
    case 'unseen':
      report('sql-not-seen', 'statement', action.text)
      return
    case 'harmless':
      return
  }
}

export function judgeColumn(table: string, column: Column, report: ReportSql): void {
  const where = `${table}.${column.name}`
  if (column.notNull && !column.hasDefault) report('sql-column-required', where, 'is new, not null, and has no default')
  else if (column.rewrites) report('sql-column-rewrites', where, 'is new, with a value for each row')
  else report('sql-column-added', where, 'is new')
  if (column.constraints.length > 0)
    report('sql-constraint-added', where, `is checked: ${column.constraints.join(', ')}`)
}

export function judgeType(where: string, old: string | undefined, now: string, report: ReportSql): void {
  if (old === now) return
  const wider = old === undefined ? undefined : widening(old, now)
  const kind = wider === 'same' ? 'sql-type-widened' : wider === 'rewritten' ? 'sql-type-rewritten' : 'sql-type-changed'
  report(kind, where, `is ${now} now${old === undefined ? '' : `, not ${old}`}`)
}

/** Of a table that these statements have made. */
function isNew(action: Action & { readonly table: string }, { tables }: Catalog): boolean {
  return action.is !== 'create-table' && tables.get(action.table)?.isNew === true
}

function columnOf(
  { table, column }: { readonly table: string; readonly column: string },
  { tables }: Catalog,
): Column | undefined {
  return tables.get(table)?.columns.get(column)
}

import type { Catalog, Table } from './catalog.ts'
import { judgeColumn, judgeType, type ReportSql } from './judge.ts'

/** Compares two schemas, for texts that are whole schemas rather than migrations. What was renamed is gone, and something else new. */
export function compareCatalogs(old: Catalog, now: Catalog, report: ReportSql): void {
  for (const [name, table] of old.tables) {
    const same = now.tables.get(name)
    if (same) compareTables(name, table, same, report)
    else report('sql-table-dropped', name, 'is gone')
  }
  for (const name of now.tables.keys()) if (!old.tables.has(name)) report('sql-created', name, 'is new')
  for (const [name, text] of old.views) {
    if (!now.views.has(name)) report('sql-view-dropped', name, 'is gone')
    else if (now.views.get(name) !== text) report('sql-view-replaced', name, 'is another')
  }
  for (const [name, { table }] of old.indexes)
    if (!now.indexes.has(name) && now.tables.has(table)) report('sql-index-dropped', name, 'is gone')
  for (const [name, { table, unique }] of now.indexes)
    if (!old.indexes.has(name) && old.tables.has(table))
      report(unique ? 'sql-index-unique' : 'sql-index-locks', table, `has the new index ${name}`)
}

function compareTables(name: string, old: Table, now: Table, report: ReportSql): void {
  for (const [column, before] of old.columns) {
    const where = `${name}.${column}`
    const after = now.columns.get(column)
    if (!after) {
      report('sql-column-dropped', where, 'is gone')
      continue
    }
    judgeType(where, before.type, after.type, report)
    if (!before.notNull && after.notNull)
      report(after.hasDefault ? 'sql-not-null-with-default' : 'sql-not-null', where, 'is not null now')
    if (before.notNull && !after.notNull) report('sql-nullable', where, 'may be null now')
    if (before.hasDefault && !after.hasDefault) report('sql-default-dropped', where, 'has no default any more')
    if (!before.hasDefault && after.hasDefault) report('sql-default-set', where, 'has a default now')
  }
  for (const [column, after] of now.columns) if (!old.columns.has(column)) judgeColumn(name, after, report)
  for (const one of now.constraints)
    if (!old.constraints.has(one) && !isOfNewColumn(one, old))
      report('sql-constraint-added', name, `has the new constraint: ${one}`)
  for (const one of old.constraints)
    if (!now.constraints.has(one)) report('sql-constraint-dropped', name, `has no constraint any more: ${one}`)
}

/** Said of the column already. */
function isOfNewColumn(constraint: string, { columns }: Table): boolean {
  const [first] = constraint.split(' ')
  return !['constraint', 'primary', 'unique', 'check', 'foreign', 'exclude'].includes(first!) && !columns.has(first!)
}

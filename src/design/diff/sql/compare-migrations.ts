import type { Kind } from '../kinds.ts'
import { apply, type Catalog, emptyCatalog } from './catalog.ts'
import { compareCatalogs } from './compare-catalogs.ts'
import { judge } from './judge.ts'
import { readActions } from './read-actions.ts'
import { type Statement, statementsOf, textOfStatement } from './statements.ts'

/** SQL files by their name, in the order in which they are applied. */
export type SqlFiles = ReadonlyMap<string, string>

/** `offset` is in the file named, on its side. */
export type ReportMigration = (
  kind: Kind,
  where: string,
  what: string,
  file: string,
  offset: number,
  side: 'old' | 'new',
) => void

/**
 * Compares two folders of migrations: what new files do to a running system is judged, statement by statement. A file that was
 * changed is applied nowhere again, so that is breaking, but for its comments.
 */
export function compareMigrations(old: SqlFiles, now: SqlFiles, report: ReportMigration): void {
  const catalog = emptyCatalog()
  for (const [file, text] of [...old].sort(byName)) {
    const same = now.get(file)
    if (same === undefined) report('sql-migration-changed', file, 'is gone, and may have been applied', file, 0, 'old')
    else if (wordsOf(same) !== wordsOf(text))
      report('sql-migration-changed', file, 'is changed, and may have been applied', file, 0, 'new')
    for (const statement of statementsOf(text))
      for (const action of readActions(statement)) apply(action, catalog, false)
  }
  for (const [file, text] of [...now].sort(byName))
    if (!old.has(file)) judgeStatements(statementsOf(text), file, catalog, report)
}

/** Compares two SQL files: one that begins as the other does is judged by what it adds, others by the schemas that they make. */
export function compareSql(file: string, old: string, now: string, report: ReportMigration): void {
  const before = statementsOf(old)
  const after = statementsOf(now)
  const isLonger = before.every(
    (one, i) => after[i] !== undefined && textOfStatement(one) === textOfStatement(after[i]),
  )
  const catalog = catalogOf(before)
  if (isLonger) judgeStatements(after.slice(before.length), file, catalog, report)
  else compareCatalogs(catalog, catalogOf(after), (kind, where, what) => report(kind, where, what, file, 0, 'new'))
}

function judgeStatements(
  statements: readonly Statement[],
  file: string,
  catalog: Catalog,
  report: ReportMigration,
): void {
  for (const statement of statements)
    for (const action of readActions(statement)) {
      judge(action, catalog, (kind, where, what) => report(kind, where, what, file, action.offset, 'new'))
      apply(action, catalog, true)
    }
}

function catalogOf(statements: readonly Statement[]): Catalog {
  const catalog = emptyCatalog()
  for (const statement of statements) for (const action of readActions(statement)) apply(action, catalog, false)
  return catalog
}

function wordsOf(text: string): string {
  return statementsOf(text).map(textOfStatement).join(' ; ')
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1
}

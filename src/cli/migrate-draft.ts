import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Fault } from '../base/errors.ts'
import { draftMigration } from '../data/draft.ts'
import { migrationFolders, migrationStatus } from '../data/migrate.ts'
import { nextNumber } from '../data/migration-files.ts'
import { openDatabase } from '../data/pool.ts'
import { wrong } from './arguments.ts'
import { eachService } from './each-service.ts'

export interface DraftOptions {
  readonly name?: string
}

/** Writes a draft into the folder of the service's migrations. It is not applied before a person has removed its first line. */
export async function migrateDraftCommand(file: string, name: string, options: DraftOptions): Promise<void> {
  if (options.name !== undefined && !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(options.name))
    throw wrong(`--name is "${options.name}": give lower-case words joined by hyphens, such as add-price`)
  await eachService(file, [name], async (service, { url }) => {
    const folder = fileURLToPath(service.migrations)
    const { pending } = await migrationStatus(url, migrationFolders(service))
    if (pending.length > 0)
      throw new Fault(
        'MIGRATIONS_PENDING',
        `${name} has migrations that are not applied (${pending.join(', ')}): apply them first (lintel migrate), or remove them, ` +
          'so that a draft has what is missing then',
        { exitCode: 1 },
      )
    const database = openDatabase(name, url)
    const draft = await draftMigration(database, service.contract).finally(() => database.close())
    if (draft === undefined) return console.log(`${name}: the database is what the contract needs`)
    // A service that extends another has none before its first.
    mkdirSync(folder, { recursive: true })
    const path = join(folder, `${nextNumber(folder)}-${options.name ?? nameOf(draft)}.sql`)
    writeFileSync(path, draft, { flag: 'wx' })
    console.log(
      `${relative('.', path)}: read it, mend it, and remove its first line; then \`lintel migrate\` applies it`,
    )
  })
}

/** After the first thing that it does. */
function nameOf(draft: string): string {
  const [, table, column] =
    /^(?:create table|alter table) (\w+)(?: add column "(\w+)")?/m.exec(draft) ??
    /^create .*\bon (\w+)/m.exec(draft) ??
    []
  const words = table === undefined ? 'changes' : column === undefined ? table : `${table}-${column}`
  return words.replaceAll('_', '-').toLowerCase()
}

import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Fault } from '../base/errors.ts'

/** The platform's own, to be named before the service's. */
export const PLATFORM_MIGRATIONS = new URL('./migrations/', import.meta.url)

/** A service's SQL files: its own, and before them those of the service that it extends, if it does. */
export interface Migrated {
  readonly migrations: string | URL
  readonly baseMigrations?: string | URL | undefined
}

/** The folders of a service's files, the platform's first. */
export function migrationFolders({ migrations, baseMigrations }: Migrated): (string | URL)[] {
  return [PLATFORM_MIGRATIONS, ...(baseMigrations === undefined ? [] : [baseMigrations]), migrations]
}

export const SOURCES = ['lintel', 'service', 'extension'] as const

export interface Migration {
  /** Each numbers its files for itself; `extension` are those of a service that extends another, whose files are `service`. */
  readonly source: (typeof SOURCES)[number]
  /** `0001-orders.sql` */
  readonly name: string
  readonly path: string
  readonly sql: string
  readonly checksum: string
}

/**
 * The files of the folders in the order in which they are applied; other files than .sql are passed over. The platform's folder aside, a
 * second one is of a service that extends the first, and may be missing.
 */
export async function readMigrations(folders: readonly (string | URL)[]): Promise<Migration[]> {
  const platform = pathOf(PLATFORM_MIGRATIONS)
  const migrations: Migration[] = []
  let extended = false
  for (const folder of new Set(folders.map(pathOf))) {
    const source: Migration['source'] = folder === platform ? 'lintel' : extended ? 'extension' : 'service'
    extended ||= source === 'service'
    const names = await readdir(folder).catch((cause) => {
      if (source === 'extension' && cause.code === 'ENOENT') return []
      const message = `The migrations folder ${folder} can't be read: ${cause.message}. Make it, or correct its path.`
      throw new Fault('MIGRATION_MISSING', message, { cause })
    })
    for (const name of names.filter((one) => one.endsWith('.sql')).sort()) {
      const path = join(folder, name)
      // What an editor or git on Windows does to line ends and the first bytes is no change.
      const sql = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '').replaceAll('\r\n', '\n')
      const same = migrations.find((other) => other.source === source && numberOf(other.name) === numberOf(name))
      if (!/^\d{4}-[a-z0-9-]+\.sql$/.test(name))
        throw badName(
          path,
          'is not a valid migration name: expected four digits and a name, such as 0002-add-price.sql',
        )
      if (same) throw badName(path, `has the same number as ${relative('.', same.path)}: give it the next free one`)
      migrations.push({ source, name, path, sql, checksum: createHash('sha256').update(sql).digest('hex') })
    }
  }
  const rank = ({ source, name }: Migration) => SOURCES.indexOf(source) + name
  return migrations.sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

/** The first line of a file that nobody has read yet. */
export const DRAFT = '-- lintel: draft'

export function isDraft({ sql }: Pick<Migration, 'sql'>): boolean {
  return sql.startsWith(DRAFT)
}

export function badName(path: string, what: string): Fault {
  return new Fault('MIGRATION_NAME', `${relative('.', path)} ${what}.`)
}

export function numberOf(name: string): number {
  return Number(name.slice(0, 4))
}

/** The next free number of a folder: `0007`. */
export function nextNumber(folder: string): string {
  const numbers = readdirSync(folder).map((file) => Number(/^(\d{4})-.*\.sql$/.exec(file)?.[1] ?? 0))
  return String(Math.max(0, ...numbers) + 1).padStart(4, '0')
}

function pathOf(folder: string | URL): string {
  return resolve(typeof folder === 'string' ? folder : fileURLToPath(folder))
}

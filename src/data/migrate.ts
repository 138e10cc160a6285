import { relative } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { Fault } from '../base/errors.ts'
import { connect } from './connection.ts'
import { badName, isDraft, type Migration, numberOf, readMigrations, SOURCES } from './migration-files.ts'
import { lineAt, type Statement, statementsOf } from './statements.ts'

export { migrationFolders, PLATFORM_MIGRATIONS } from './migration-files.ts'

export interface MigrateOptions {
  log?: (line: string) => void
  signal?: AbortSignal
}

/**
 * Applies the files `NNNN-name.sql` of the folders that this database hasn't had yet (R-OPS-6), in order of their
 * numbers, the platform's first, those of a service that extends another last; answers their names. Each runs in one transaction with the row that records it, but
 * for files that begin with the line `-- lintel: no transaction` (for CREATE INDEX CONCURRENTLY): their statements are
 * sent one by one. Only one caller migrates at a time, the others wait and find nothing to do.
 *
 * Faults: MIGRATION_NAME, MIGRATION_CHANGED, MIGRATION_MISSING, MIGRATION_DRAFT, MIGRATION_FAILED (exit code 1), those of `connect`.
 *
 * ```ts
 * await migrate(url, [PLATFORM_MIGRATIONS, 'services/orders/migrations'], { log: console.log })
 * ```
 */
export async function migrate(
  url: string,
  folders: readonly (string | URL)[],
  { log = () => {}, signal }: MigrateOptions = {},
): Promise<string[]> {
  const migrations = await readMigrations(folders)
  const client = await connect(url, { signal })
  try {
    await client.query(SESSION)
    await lock(client, log, signal)
    await client.query(RECORDS)
    const pending = pendingOf(migrations, await appliedOn(client), log)
    for (const one of pending) if (isDraft(one)) throw draftFault(one)
    for (const migration of pending) {
      const begun = performance.now()
      await apply(client, migration)
      log(`migrated ${migration.name} (${Math.round(performance.now() - begun)} ms)`)
    }
    return pending.map(({ name }) => name)
  } finally {
    await client.end() // which frees the lock
  }
}

/** The names of the files that `migrate` would apply; changes nothing. Faults as in `migrate`. */
export async function pendingMigrations(url: string, folders: readonly (string | URL)[]): Promise<string[]> {
  const migrations = await readMigrations(folders)
  const client = await connect(url)
  try {
    const { rows } = await client.query<{ begun: boolean }>(BEGUN)
    return pendingOf(migrations, rows[0]!.begun ? await appliedOn(client) : [], () => {}).map(({ name }) => name)
  } finally {
    await client.end()
  }
}

/** The migrations of a service, without the platform's. */
export interface MigrationStatus {
  readonly applied: readonly { readonly name: string; readonly appliedAt: Date }[]
  readonly pending: readonly string[]
}

/** What a database has had of the files of the folders, and what not; changes nothing. Faults as in `migrate`. */
export async function migrationStatus(url: string, folders: readonly (string | URL)[]): Promise<MigrationStatus> {
  const pending = await pendingMigrations(url, folders)
  const client = await connect(url)
  try {
    const { rows } = await client.query<{ begun: boolean }>(BEGUN)
    const applied = rows[0]!.begun ? (await client.query<MigrationStatus['applied'][number]>(APPLIED)).rows : []
    return { applied, pending }
  } finally {
    await client.end()
  }
}

const BEGUN = `select to_regclass('lintel.migrations') is not null as begun`
const APPLIED = `select name, applied_at as "appliedAt" from lintel.migrations where source <> 'lintel' order by source desc, name`

interface Applied {
  source: string
  name: string
  checksum: string
}

/**
 * Polled: a session that waits inside a statement holds a snapshot, CREATE INDEX CONCURRENTLY of the session that has
 * the lock would wait for that snapshot to go, and PostgreSQL would end one of the two as a deadlock.
 */
async function lock(client: pg.Client, log: (line: string) => void, signal: AbortSignal | undefined): Promise<void> {
  for (let tries = 0; ; tries++) {
    const { rows } = await client.query<{ got: boolean }>(
      `select pg_try_advisory_lock(hashtextextended('lintel migrate', 0)) as got`,
    )
    if (rows[0]!.got) return
    if (tries === 0) log('waiting for another process that is migrating this database')
    await delay(50, undefined, { signal }).catch(() => {})
    signal?.throwIfAborted()
  }
}

const RECORDS = `create schema if not exists lintel;
create table if not exists lintel.migrations (
  source text,
  name text,
  checksum text not null,
  applied_at timestamptz(3) not null default now(),
  primary key (source, name)
)`

async function appliedOn(client: pg.Client): Promise<Applied[]> {
  return (await client.query<Applied>('select source, name, checksum from lintel.migrations order by name')).rows
}

function pendingOf(
  migrations: readonly Migration[],
  applied: readonly Applied[],
  log: (line: string) => void,
): Migration[] {
  const pending: Migration[] = []
  for (const migration of migrations) {
    const { source, name, path, checksum } = migration
    const known = applied.find((one) => one.source === source && one.name === name)
    if (known && known.checksum !== checksum) {
      throw new Fault(
        'MIGRATION_CHANGED',
        `${relative('.', path)} has changed since it was applied to this database. ` +
          'Restore its old content, and put the change into a new file.',
      )
    }
    if (!known) pending.push(migration)
  }
  for (const source of SOURCES) {
    const [here, there] = [migrations, applied].map((all) =>
      all.filter((one) => one.source === source).map(({ name }) => name),
    )
    checkOrder(here!, there!, log)
  }
  return pending
}

/** The database may be ahead of the files, as after a roll-back of the code: whether it still fits, the drift check says. */
function checkOrder(here: readonly string[], there: readonly string[], log: (line: string) => void): void {
  const newestHere = numberOf(here.at(-1) ?? '')
  const newestThere = there.at(-1) ?? ''
  const gone = there.filter((name) => !here.includes(name))
  const lost = gone.find((name) => numberOf(name) <= newestHere)
  if (lost !== undefined) {
    throw new Fault(
      'MIGRATION_MISSING',
      `The migration ${lost} was applied to this database, but its file is missing. Restore it under its old name: ` +
        'applied migrations must not be renamed or removed.',
    )
  }
  const late = here.find((name) => !there.includes(name) && numberOf(name) < numberOf(newestThere))
  if (late !== undefined)
    throw badName(late, `comes before ${newestThere}, which has been applied already: give it the next free number`)
  if (gone.length > 0) log(`the database is newer than this code: unknown migrations applied: ${gone.join(', ')}`)
}

function draftFault({ path }: Migration): Fault {
  const file = relative('.', path)
  return new Fault(
    'MIGRATION_DRAFT',
    `${file} is a draft: read it, mend it, and remove its first line to have it applied.`,
  )
}

/** What an earlier file has set, such as the empty search_path of a pg_dump, is not for the next one; nor are timeouts. */
const SESSION =
  'reset all; set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0'

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const { source, name, sql, checksum } = migration
  const record = () =>
    client.query('insert into lintel.migrations (source, name, checksum) values ($1, $2, $3)', [source, name, checksum])
  await client.query(SESSION)
  const statements = statementsOf(sql)
  if (/^-- lintel: no transaction\s*$/m.test(sql.slice(0, statements[0]?.offset))) {
    for (const [done, statement] of statements.entries())
      await client.query(statement.text).catch((error) => {
        throw failed(migration, error, statement, `${done || 'None'} of its ${statements.length} statements are done.`)
      })
    await record()
    return
  }
  const own = statements.find(({ text }) => /^(begin|start\s+transaction|commit|rollback)\b(?!\s+to\b)/i.test(text))
  if (own) throw failed(migration, new Error('migrations run in a transaction: remove BEGIN and COMMIT'), own)
  try {
    await client.query('begin')
    await client.query(sql)
    await record()
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw failed(migration, error)
  }
}

function failed(migration: Migration, error: unknown, at?: Statement, left = 'Nothing was applied.'): Fault {
  const { message, detail, hint, where, position } = error as Partial<pg.DatabaseError> & Error
  const place = at || position ? lineAt(migration.sql, at?.offset ?? 0, Number(position ?? 1)) : ''
  const more = [detail, hint, where].filter(Boolean).map((line) => `\n  ${line}`)
  return new Fault(
    'MIGRATION_FAILED',
    `${relative('.', migration.path)}${place}: ${message}. ${left}${more.join('')}`,
    {
      cause: error,
      exitCode: 1,
    },
  )
}

import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, urlFor } from '../data/connection.ts'
import { migrate } from '../data/migrate.ts'
import { type Migrated, migrationFolders, readMigrations } from '../data/migration-files.ts'
import { provision, serviceUrl } from '../data/provision.ts'
import { startEmbeddedPostgres } from '../embedded/postgres.ts'

export interface TestServer {
  /** Of an administrator. */
  readonly url: string
  stop(): Promise<void>
}

/**
 * A PostgreSQL server for a run of tests: the one of `TEST_DATABASE_URL`, else an embedded one in a temporary folder,
 * which `stop` takes away with everything in it. On a given server templates stay, for the next run; clones that a
 * crashed run has left behind go once they are an hour old.
 *
 * ```ts
 * const server = await testServer()                                    // once per run
 * const template = await templateFor(server.url, { contract, migrations })
 * const database = await cloneOf(server.url, template)                 // once per test file
 * // … tests on database.url …
 * await database.drop()
 * ```
 */
export async function testServer(): Promise<TestServer> {
  const given = process.env.TEST_DATABASE_URL
  if (given) {
    await dropOldClones(given)
    return { url: given, stop: async () => {} }
  }
  const root = await quickFolder()
  await removeOld(root)
  const dataDir = await mkdtemp(join(root, FOLDER))
  const remove = () => rm(dataDir, { recursive: true, force: true })
  try {
    const server = await startEmbeddedPostgres({ dataDir, durable: false, settings: { max_wal_size: '256MB' } })
    return { url: server.url, stop: () => server.stop().then(remove) }
  } catch (error) {
    await remove()
    throw error
  }
}

const FOLDER = 'lintel-test-'

/** Memory, where there is plenty: a clone is some 300 files, which take 12 ms there and 35 to 350 ms on a disk. */
async function quickFolder(): Promise<string> {
  const memory = '/dev/shm'
  const free = await statfs(memory).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  )
  return free >= 2 ** 31 ? memory : tmpdir()
}

/** What killed runs have left: soon after their server has ended (it ends with its run), at the latest after a day. */
async function removeOld(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(FOLDER)) continue
    const path = join(root, name)
    const ageMs = Date.now() - ((await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now())
    const mayRun = existsSync(join(path, 'postgres', 'postmaster.pid'))
    if (ageMs > (mayRun ? 86_400_000 : 600_000)) await rm(path, { recursive: true, force: true }).catch(() => {})
  }
}

/** A migrated database that nobody connects to. */
export interface Template {
  readonly database: string
  /** With the service's own role, as the service would have it. */
  readonly url: string
}

/** The template of a service, made at first use: of many callers, in many processes, one makes it. */
export async function templateFor(serverUrl: string, service: NamedService): Promise<Template> {
  return onServer(serverUrl, (admin) => templateOn(admin, serverUrl, service))
}

type Admin = Awaited<ReturnType<typeof connect>>

interface NamedService extends Migrated {
  readonly contract: { readonly name: string }
}

async function templateOn(admin: Admin, serverUrl: string, service: NamedService): Promise<Template> {
  const folders = migrationFolders(service)
  const hash = createHash('sha256')
  for (const { source, name, checksum } of await readMigrations(folders)) hash.update(`${source}/${name}:${checksum};`)
  const prefix = `lintel_test_${hash.digest('hex').slice(0, 10)}`
  const { name } = service.contract
  const template = {
    database: `${prefix}_${name}`.replaceAll('-', '_'),
    url: serviceUrl(serverUrl, name, { prefix }),
  }
  const isMade = async () => {
    const made = 'select from pg_database where datname = $1 and datistemplate'
    return (await admin.query(made, [template.database])).rowCount === 1
  }
  if (await isMade()) return template
  // The lock is held until the end of its session.
  await onServer(serverUrl, async (maker) => {
    await maker.query(`select pg_advisory_lock(hashtextextended($1, 0))`, [`lintel template ${template.database}`])
    if (await isMade()) return
    await migrate(await provision(serverUrl, name, { prefix }), folders)
    // A session in it would hold up every clone.
    await maker.query(`alter database ${template.database} with is_template true allow_connections false`)
  })
  return template
}

export interface Clone {
  readonly url: string
  drop(): Promise<void>
}

const CLONE = 'lintel_clone_'

/** A database of its own for one test file, like the template. */
export async function cloneOf(serverUrl: string, template: Template): Promise<Clone> {
  const url = await onServer(serverUrl, (admin) => cloneOn(admin, template))
  return { url, drop: () => dropAll(serverUrl, [url]) }
}

export interface Clones {
  /** By the names of the services. */
  readonly urls: Readonly<Record<string, string>>
  drop(): Promise<void>
}

/** A database for each of several services, over one connection: a new one costs the server half of what a clone does. */
export async function clonesOf(serverUrl: string, services: readonly NamedService[]): Promise<Clones> {
  const urls: Record<string, string> = {}
  const drop = () => dropAll(serverUrl, Object.values(urls))
  try {
    await onServer(serverUrl, async (admin) => {
      for (const service of services)
        urls[service.contract.name] = await cloneOn(admin, await templateOn(admin, serverUrl, service))
    })
  } catch (error) {
    await drop().catch(() => {})
    throw error
  }
  return { urls, drop }
}

/**
 * Where nothing waits for a disk, copying files takes a third of the CPU that writing every page to the log takes, and
 * leaves no dirty pages for the next checkpoint. Elsewhere each of 300 files would be waited for.
 */
async function cloneOn(admin: Admin, { database, url }: Template): Promise<string> {
  const name = `${CLONE}${Date.now().toString(36)}_${randomBytes(5).toString('hex')}`
  const { rows } = await admin.query<{ fsync: string }>('show fsync')
  const strategy = rows[0]!.fsync === 'off' ? 'file_copy' : 'wal_log'
  await admin.query(`create database ${name} owner ${database} template ${database} strategy ${strategy}`)
  return urlFor(url, name)
}

async function dropAll(serverUrl: string, urls: readonly string[]): Promise<void> {
  await onServer(serverUrl, async (admin) => {
    for (const url of urls) await admin.query(`drop database if exists ${databaseOf(url)} with (force)`)
  })
}

function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1)
}

async function onServer<T>(url: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = await connect(url)
  try {
    return await work(admin)
  } finally {
    await admin.end()
  }
}

async function dropOldClones(url: string): Promise<void> {
  await onServer(url, async (admin) => {
    const { rows } = await admin.query<{ name: string }>(
      'select datname as name from pg_database where starts_with(datname, $1)',
      [CLONE],
    )
    for (const { name } of rows) {
      const madeAt = Number.parseInt(name.slice(CLONE.length), 36)
      if (Date.now() - madeAt > 3_600_000) await admin.query(`drop database if exists ${name} with (force)`)
    }
  })
}

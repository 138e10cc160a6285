import { resolve } from 'node:path'
import { Fault } from '../base/errors.ts'
import type { Contract } from '../contract/contract.ts'
import { readConstraints } from '../data/constraints.ts'
import { assertNoDrift } from '../data/drift.ts'
import { faultsOf } from '../data/faults.ts'
import { missingIndexes } from '../data/list-indexes.ts'
import { migrate, migrationFolders, pendingMigrations } from '../data/migrate.ts'
import { observed } from '../data/observed.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../data/pool.ts'
import { provision, serviceUrl, waitForServer } from '../data/provision.ts'
import { type EmbeddedOptions, type EmbeddedPostgres, startEmbeddedPostgres } from '../embedded/postgres.ts'
import { findRunningPostgres } from '../embedded/running.ts'
import type { Log } from '../observe/log.ts'
import type { Tracer } from '../observe/span.ts'
import { statementObserver } from '../observe/statement-spans.ts'
import type { Service } from '../service/implement.ts'
import type { Settings } from './settings.ts'
import { type System, serviceNames } from './system.ts'

/** The databases of a system, one per service, on the server that the settings name or on an embedded one. */
export interface Databases {
  /** URL of each service's own database and role, by the service's name. */
  readonly urls: ReadonlyMap<string, string>
  /** The data folder of the embedded server, where there is one. */
  readonly dataDir: string | undefined
  /** Resolves with a message when an embedded server ended by itself. */
  readonly died: Promise<string>
  /** Why nothing that is written would be kept, where that is so: the folder of an embedded server was deleted. */
  readonly lost: () => string | undefined
  stop(): Promise<void>
}

export interface FindOptions {
  readonly log: Log
  readonly signal?: AbortSignal | undefined
  /** Whether an embedded server will do: it is for a whole system in one process; true. */
  readonly embeddable?: boolean
  /** Whether the embedded server of a system that is running will do, as it does for a command beside it. */
  readonly shared?: boolean
  /** The embedded server that the primary of this worker has opened, where there is one. */
  readonly server?: EmbeddedServer | undefined
  /** Starts an embedded server, or finds the one that another process keeps for this one; by default this process starts it. */
  readonly embed?: Embed | undefined
}

export type Embed = (options: EmbeddedOptions) => Promise<EmbeddedPostgres>

/** A PostgreSQL that runs for this system alone. */
export type EmbeddedServer = Pick<Databases, 'dataDir' | 'died' | 'lost' | 'stop'> & { readonly url: string }

/** Finds or starts the server, and makes what is missing on it: databases and roles. */
export async function findDatabases(system: System, settings: Settings, options: FindOptions): Promise<Databases> {
  const { log, signal } = options
  const urls = new Map(settings.serviceDatabaseUrls)
  const shared = namesOnServer(system, settings)
  const embedded = options.server ?? (await openEmbeddedServer(system, settings, options))
  try {
    signal?.throwIfAborted()
    const server = embedded?.url ?? settings.databaseUrl!
    const end = performance.now() + settings.startTimeoutMs
    for (const url of new Set([...(shared.length > 0 ? [server] : []), ...urls.values()]))
      await waitForServer(url, {
        timeoutMs: end - performance.now(),
        log: (line) => log.warn(line),
        ...(signal ? { signal } : {}),
      })
    for (const name of shared) urls.set(name, await provision(server, name, { prefix: system.name }))
    return {
      urls,
      dataDir: embedded?.dataDir,
      died: embedded?.died ?? new Promise(() => {}),
      lost: embedded?.lost ?? (() => undefined),
      stop: async () => embedded?.stop(),
    }
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

/** Starts an embedded server, unless every database of this system is on a server that settings name. */
export async function openEmbeddedServer(
  system: System,
  settings: Settings,
  options: FindOptions,
): Promise<EmbeddedServer | undefined> {
  const needed = settings.databaseUrl === undefined && namesOnServer(system, settings).length > 0
  return needed ? embeddedServer(settings, options) : undefined
}

/** URL of each service's database, where all is on `server` that has no database of its own; nothing is asked or made. */
export function databaseUrls(system: System, settings: Settings, server: string): Map<string, string> {
  const own = settings.serviceDatabaseUrls
  return new Map(
    serviceNames(system).map((name) => [name, own.get(name) ?? serviceUrl(server, name, { prefix: system.name })]),
  )
}

/** Whose databases are on the one server of the system. */
function namesOnServer(system: System, { serviceDatabaseUrls }: Settings): string[] {
  return serviceNames(system).filter((name) => !serviceDatabaseUrls.has(name))
}

async function embeddedServer(
  settings: Settings,
  { log, shared, embeddable = true, embed = startEmbeddedPostgres }: FindOptions,
): Promise<EmbeddedServer> {
  if (!embeddable)
    throw new Fault(
      'NO_DATABASE',
      'DATABASE_URL is not set, and this process runs a part of the system: an embedded database is for the whole system in one process. Set DATABASE_URL to a PostgreSQL server, the same for all parts',
    )
  if (settings.production && !settings.env.LINTEL_DATA_DIR)
    throw new Fault(
      'NO_DATABASE',
      'DATABASE_URL is not set, and this is production: set it to a PostgreSQL server, or LINTEL_DATA_DIR to the folder of an ' +
        'embedded one. For development run `lintel dev`, or set NODE_ENV=development',
    )
  const dataDir = resolve(settings.dataDir)
  try {
    return await embed({
      dataDir,
      log: (line) => log.info(line),
      alarm: (line) => log.fatal(line),
      startTimeoutMs: settings.startTimeoutMs,
    })
  } catch (error) {
    if (!shared || !(error instanceof Fault) || error.code !== 'DATA_DIR_IN_USE') throw error
    const url = await findRunningPostgres(dataDir)
    if (url === undefined) throw error
    return { url, dataDir, died: new Promise<string>(() => {}), lost: () => undefined, stop: async () => {} }
  }
}

/** Applies what is new of the platform's and the service's migrations (R-OPS-6). */
export async function migrateService(
  service: Service<any>,
  url: string,
  { log, signal }: Pick<FindOptions, 'log' | 'signal'>,
): Promise<string[]> {
  const { name } = service.contract
  const applied = await migrate(url, migrationFolders(service), {
    log: (line) => log.debug({ service: name }, line),
    ...(signal ? { signal } : {}),
  })
  if (applied.length > 0)
    log.info(
      { service: name, applied },
      `${name}: ${applied.length} ${applied.length === 1 ? 'migration' : 'migrations'} applied`,
    )
  return applied
}

/** Where migrations are not applied at start, the platform's tables too have to be there. */
export async function assertMigrated(service: Service<any>, url: string): Promise<void> {
  const pending = await pendingMigrations(url, migrationFolders(service))
  if (pending.length === 0) return
  throw new Fault(
    'MIGRATIONS_PENDING',
    `The database of the ${service.contract.name} service lacks ${pending.join(', ')}: run \`lintel migrate\` first.`,
  )
}

export interface ServiceDatabaseOptions extends Pick<DatabaseOptions, 'poolSize' | 'readLanes' | 'listLanes' | 'lost'> {
  /** Records its statements. */
  readonly tracer?: Tracer | undefined
}

/** Opens a service's database; one that does not match the contract is a Fault that names the difference. */
export async function openServiceDatabase(
  service: Service<any>,
  url: string,
  log: Log,
  { tracer, ...options }: ServiceDatabaseOptions = {},
): Promise<Database> {
  const faults = faultsOf(service.refusals)
  const database = observed(
    openDatabase(service.contract.name, url, { ...options, faults, log: (line) => log.warn(line) }),
    statementObserver(log, tracer),
  )
  try {
    await assertNoDrift(database, service.contract)
    faults.learn(await readConstraints(database, service.contract))
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/**
 * For a start, once: `lintel migrate` comes right before one, and who creates a user has not asked. Lists work without their
 * indexes: a table of ten rows needs none, and a system that runs is not stopped for being slow.
 */
export async function warnOfMissingIndexes(database: Database, contract: Contract, log: Log): Promise<void> {
  const missing = await missingIndexes(database, contract)
  if (missing.length === 0) return
  log.warn(
    { service: contract.name, missing },
    `${contract.name}: some lists need indexes to stay fast on large tables. Write a migration with these, ` +
      `or add the fields to list.scans, which raises the cost of such requests: ${missing.join('; ')}`,
  )
}

import { resolve } from 'node:path'
import { assertNoDrift } from '../data/drift.ts'
import { startEmbeddedPostgres } from '../data/embedded/postgres.ts'
import { migrate, PLATFORM_MIGRATIONS } from '../data/migrate.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { provision, waitForServer } from '../data/provision.ts'
import type { Log } from '../observe/log.ts'
import type { Service } from '../service/implement.ts'
import { serviceDatabaseUrl, type Settings } from './settings.ts'
import type { System } from './system.ts'

/** The databases of a system, one per service, on the server that the settings name or on an embedded one. */
export interface Databases {
  /** URL of each service's own database and role, by the service's name. */
  readonly urls: ReadonlyMap<string, string>
  /** Resolves with a message when an embedded server ended by itself. */
  readonly died: Promise<string>
  stop(): Promise<void>
}

/** Finds or starts the server, and makes what is missing on it: databases and roles. */
export async function findDatabases(system: System, settings: Settings, log: Log): Promise<Databases> {
  const say = (line: string) => log.info(line)
  const own = new Map<string, string>()
  for (const { contract } of system.services) {
    const url = serviceDatabaseUrl(settings.env, contract.name)
    if (url) own.set(contract.name, url)
  }
  const shared = system.services.filter(({ contract }) => !own.has(contract.name))
  const embedded =
    shared.length > 0 && !settings.databaseUrl
      ? await startEmbeddedPostgres({
          dataDir: resolve(settings.dataDir),
          log: say,
          startTimeoutMs: settings.startTimeoutMs,
        })
      : undefined
  try {
    const server = embedded?.url ?? settings.databaseUrl
    for (const url of new Set([...(shared.length > 0 ? [server!] : []), ...own.values()]))
      await waitForServer(url, { timeoutMs: settings.startTimeoutMs, log: say })
    const urls = new Map(own)
    for (const { contract } of shared)
      urls.set(contract.name, await provision(server!, contract.name, { prefix: system.name }))
    return { urls, died: embedded?.died ?? new Promise(() => {}), stop: async () => embedded?.stop() }
  } catch (error) {
    await embedded?.stop()
    throw error
  }
}

/** Applies what is new of the platform's and the service's migrations (R-OPS-6). */
export async function migrateService(service: Service<any>, url: string, log: Log): Promise<string[]> {
  const { name } = service.contract
  const applied = await migrate(url, [PLATFORM_MIGRATIONS, service.migrations], {
    log: (line) => log.debug({ service: name }, line),
  })
  if (applied.length > 0) log.info({ service: name, applied }, `${name}: ${applied.length} migrations applied`)
  return applied
}

/** Opens a service's database; one that does not match the contract is a Fault that names the difference. */
export async function openServiceDatabase(service: Service<any>, url: string, log: Log): Promise<Database> {
  const database = openDatabase(service.contract.name, url, { log: (line) => log.warn(line) })
  try {
    await assertNoDrift(database, service.contract)
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

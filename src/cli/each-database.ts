import type { Database } from '../data/pool.ts'
import { createLog, STDERR } from '../observe/log.ts'
import type { Service } from '../service/implement.ts'
import { assertMigrated, findDatabases, openServiceDatabase } from '../start/databases.ts'
import { readSettings, type Settings } from '../start/settings.ts'
import { contractsOf } from '../start/system.ts'
import { loadSystem } from './load-system.ts'

/** Works on the database of each service of a system in turn; also beside one that is running. */
export async function eachDatabase(
  file: string,
  work: (service: Service<any>, database: Database, settings: Settings) => Promise<void>,
): Promise<void> {
  const system = await loadSystem(file)
  const settings = readSettings(process.env, contractsOf(system))
  const log = await createLog(settings.logLevel, { fd: STDERR })
  const databases = await findDatabases(system, settings, { log, shared: true })
  try {
    for (const service of system.services) {
      const url = databases.urls.get(service.contract.name)!
      try {
        const database = await openServiceDatabase(service, url, log)
        await work(service, database, settings).finally(() => database.close())
      } catch (error) {
        if (isOfMissing(error)) await assertMigrated(service, url)
        throw error
      }
    }
  } finally {
    await databases.stop()
  }
}

/** A table or a column is not there. */
function isOfMissing(error: unknown): boolean {
  return ['42P01', '42703'].includes((error as { code?: string }).code ?? '')
}

import type { Database } from '../data/pool.ts'
import { createLog, STDERR } from '../observe/log.ts'
import type { Service } from '../service/implement.ts'
import { findDatabases, openServiceDatabase } from '../start/databases.ts'
import { readSettings, type Settings } from '../start/settings.ts'
import { serviceNames } from '../start/system.ts'
import { loadSystem } from './load-system.ts'

/** Works on the database of each service of a system in turn; also beside one that is running. */
export async function eachDatabase(
  file: string,
  work: (service: Service<any>, database: Database, settings: Settings) => Promise<void>,
): Promise<void> {
  const system = await loadSystem(file)
  const settings = readSettings(process.env, serviceNames(system))
  const log = await createLog(settings.logLevel, { fd: STDERR })
  const databases = await findDatabases(system, settings, { log, shared: true })
  try {
    for (const service of system.services) {
      const database = await openServiceDatabase(service, databases.urls.get(service.contract.name)!, log)
      try {
        await work(service, database, settings)
      } finally {
        await database.close()
      }
    }
  } finally {
    await databases.stop()
  }
}

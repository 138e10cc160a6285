import { createLog, STDERR } from '../observe/log.ts'
import { findDatabases, migrateService, openServiceDatabase } from '../start/databases.ts'
import { readSettings } from '../start/settings.ts'
import { contractsOf } from '../start/system.ts'
import { loadSystem } from './load-system.ts'

/** Makes databases and roles that are missing, applies new migrations, and compares the result with the contracts. */
export async function migrateCommand(file: string): Promise<void> {
  const system = await loadSystem(file)
  const settings = readSettings(process.env, contractsOf(system))
  const log = await createLog(settings.logLevel, { fd: STDERR })
  const databases = await findDatabases(system, settings, { log, shared: true })
  try {
    for (const service of system.services) {
      const url = databases.urls.get(service.contract.name)!
      const applied = await migrateService(service, url, { log })
      await (await openServiceDatabase(service, url, log)).close()
      say(service.contract.name, applied)
    }
  } finally {
    await databases.stop()
  }
}

function say(name: string, applied: readonly string[]): void {
  console.log(`${name}: ${applied.length === 0 ? 'up to date' : `applied ${applied.join(', ')}`}`)
}

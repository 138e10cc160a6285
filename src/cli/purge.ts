import { parseDuration } from '../base/duration.ts'
import { Fault } from '../base/errors.ts'
import { purge } from '../data/purge.ts'
import { createLog, STDERR } from '../observe/log.ts'
import { findDatabases, openServiceDatabase } from '../start/databases.ts'
import { readSettings } from '../start/settings.ts'
import { serviceNames } from '../start/system.ts'
import { loadSystem } from './load-system.ts'

/** Removes rows that were soft-deleted longer ago than `olderThan` (R-DEL-1). */
export async function purgeCommand(file: string, olderThan: string): Promise<void> {
  const olderThanMs = parseDuration(olderThan)
  if (olderThanMs === undefined)
    throw new Fault('WRONG_ARGUMENT', `--older-than is "${olderThan}": give a duration such as 30d or 12h`, {
      exitCode: 2,
    })
  const system = await loadSystem(file)
  const settings = readSettings(process.env, serviceNames(system))
  const log = await createLog(settings.logLevel, STDERR)
  const databases = await findDatabases(system, settings, { log, shared: true })
  try {
    for (const service of system.services) {
      const database = await openServiceDatabase(service, databases.urls.get(service.contract.name)!, log)
      try {
        for (const [table, rows] of Object.entries(await purge(database, service.contract, olderThanMs)))
          console.log(`${service.contract.name}.${table}: ${rows} removed`)
      } finally {
        await database.close()
      }
    }
  } finally {
    await databases.stop()
  }
}

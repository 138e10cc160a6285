import { type Buckets, memoryBuckets } from '../limits/buckets.ts'
import type { Log } from '../observe/log.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import { type Opened, shareOut, warnOfFewConnections } from './connection-budget.ts'
import {
  assertMigrated,
  type Databases,
  findDatabases,
  migrateService,
  openServiceDatabase,
  warnOfMissingIndexes,
} from './databases.ts'
import { type RunningService, runService } from './run-service.ts'
import type { Settings } from './settings.ts'
import type { System } from './system.ts'

export interface RunningServices {
  readonly byName: ReadonlyMap<string, RunningService>
  readonly databases: Databases
  /** Ends them, and their connections; the databases are stopped when nothing else uses them. */
  stop(): Promise<void>
}

export interface RunOptions {
  readonly log: Log
  readonly signal?: AbortSignal | undefined
  /** As in `findDatabases`. */
  readonly shared?: boolean
  /** Where buckets are kept; in these services alone without it. */
  readonly buckets?: Buckets
  /** Where lines about security go; nowhere without it. */
  readonly security?: SecurityLog
}

/** Runs every service of a system on its own database, without a gateway. */
export async function runServices(system: System, settings: Settings, options: RunOptions): Promise<RunningServices> {
  const { log, signal, buckets = memoryBuckets() } = options
  const databases = await findDatabases(system, settings, options)
  const byName = new Map<string, RunningService>()
  const opened: Opened[] = []
  const stop = async () => {
    for (const running of byName.values()) await running.stop().catch((error) => log.error(error, 'while stopping'))
  }
  try {
    for (const service of system.services) {
      const url = databases.urls.get(service.contract.name)!
      // In production a deployment migrates first (`lintel migrate`), so that replicas start with nothing to wait for. A
      // command beside a system is no start: whoever creates a user has not asked for migrations.
      if (databases.dataDir || (!settings.production && !options.shared)) await migrateService(service, url, options)
      else await assertMigrated(service, url)
      signal?.throwIfAborted()
      const database = await openServiceDatabase(service, url, log, {
        ...shareOut(settings.databasePoolSize),
        lost: databases.lost,
      })
      opened.push({ contract: service.contract, database, url })
      const running = await runService(service, database, byName, {
        env: settings.env,
        url,
        lost: databases.lost,
        outboxRetentionMs: settings.outboxRetentionMs,
        checkAnswers: !settings.production,
        log,
        limits: { buckets, authMaxRequests: settings.rateLimit.authMaxRequests },
        security: options.security,
        stopGraceMs: settings.shutdownTimeoutMs / 10,
      })
      byName.set(running.name, running)
      if (!options.shared) await warnOfMissingIndexes(database, service.contract, log)
    }
    if (!options.shared) await warnOfFewConnections(opened, settings.databasePoolSize, log)
    return { byName, databases, stop }
  } catch (error) {
    await stop()
    await databases.stop()
    throw error
  }
}

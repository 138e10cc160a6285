import { type Buckets, memoryBuckets } from '../limits/buckets.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import type { Tracer } from '../observe/span.ts'
import type { Redis } from '../redis/connection.ts'
import { type Opened, shareOut, warnOfFewConnections } from './connection-budget.ts'
import {
  assertMigrated,
  type Databases,
  type FindOptions,
  findDatabases,
  migrateService,
  openServiceDatabase,
  warnOfMissingIndexes,
} from './databases.ts'
import { nearPeer, type Peer } from './peers.ts'
import { type RunningService, runService } from './run-service.ts'
import { type CacheSetting, serviceCache, warnOfNoCache } from './service-cache.ts'
import { settingValues } from './service-settings.ts'
import type { Settings } from './settings.ts'
import { contractsOf, type System } from './system.ts'
import { speaksForAll, type Worker } from './workers/worker.ts'

export interface RunningServices {
  readonly byName: ReadonlyMap<string, RunningService>
  /** What they and the gateway call, here and elsewhere. */
  readonly peers: ReadonlyMap<string, Peer>
  readonly databases: Databases
  /** Ends them, and their connections; the databases are stopped when nothing else uses them. */
  stop(): Promise<void>
}

export interface RunOptions extends FindOptions {
  /** This process's place among several of one machine. */
  readonly worker?: Worker | undefined
  /** Where buckets are kept; in these services alone without it. */
  readonly buckets?: Buckets
  /** Where lines about security go; nowhere without it. */
  readonly security?: SecurityLog
  /** Records what they do. */
  readonly tracer?: Tracer | undefined
  /** Services that run in other processes, by name: those here may call them. */
  readonly far?: ReadonlyMap<string, Peer>
  /** By which processes tell each other what has changed. */
  readonly redis?: Redis | undefined
  /** The consumers of each service's events, all over the system. */
  readonly readers?: ReadonlyMap<string, ReadonlySet<string>>
}

/** Runs every service of a system on its own database, without a gateway. */
export async function runServices(system: System, settings: Settings, options: RunOptions): Promise<RunningServices> {
  const { log, signal, worker, buckets = memoryBuckets(), tracer } = options
  const says = !options.shared && speaksForAll(worker)
  const values = settingValues(contractsOf(system), settings.env)
  const databases = await findDatabases(system, settings, { ...options, server: worker?.server })
  const byName = new Map<string, RunningService>()
  const peers = new Map<string, Peer>(options.far)
  const caching: CacheSetting = { redis: options.redis, processes: processesOf(databases, settings, options) }
  const contracts = system.services.map(({ contract }) => contract)
  if (speaksForAll(worker)) warnOfNoCache(contracts, caching, log)
  const opened: Opened[] = []
  const stop = async () => {
    const all = [...byName.values()]
    const ended = (stopping: Promise<void>) => stopping.catch((error) => log.error(error, 'while stopping'))
    // Handlers of one may call another, and consumers read its events, until they have ended.
    await Promise.all(all.map((running) => ended(running.end())))
    for (const running of all) await ended(running.stop())
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
        tracer,
      })
      opened.push({ contract: service.contract, database, url })
      const cache = serviceCache(service.contract, database, caching, log)
      const running = await runService(service, database, peers, {
        cache,
        tracer,
        settings: values.get(service.contract.name)!,
        url,
        lost: databases.lost,
        outboxRetentionMs: settings.outboxRetentionMs,
        readers:
          settings.natsUrl === undefined ? (options.readers?.get(service.contract.name) ?? new Set()) : undefined,
        checkAnswers: !settings.production,
        log,
        limits: { buckets, authMaxRequests: settings.rateLimit.authMaxRequests },
        security: options.security,
        stopGraceMs: settings.shutdownTimeoutMs / 10,
        ...(worker && !worker.first && { wakeElsewhere: () => worker.wake(service.contract.name) }),
      })
      byName.set(running.name, running)
      peers.set(running.name, nearPeer(service.contract, running.port))
      if (says) await warnOfMissingIndexes(database, service.contract, log)
    }
    const pool = { poolSize: settings.databasePoolSize, workers: worker?.count ?? 1 }
    if (says) await warnOfFewConnections(opened, pool, log)
    return { byName, peers, databases, stop }
  } catch (error) {
    await stop()
    await databases.stop()
    throw error
  }
}

/**
 * On an embedded database, whose folder one process holds, and in development nobody else serves these services. Elsewhere
 * another may, now or later, and nothing would tell.
 */
function processesOf(
  { dataDir }: Databases,
  { production }: Settings,
  { shared, worker, embeddable = true }: RunOptions,
): CacheSetting['processes'] {
  if (shared) return 'command'
  if (worker !== undefined) return 'several'
  return embeddable && (dataDir !== undefined || !production) ? 'alone' : 'several'
}

import { Fault } from '../base/errors.ts'
import type { Carrier } from '../events/carrier.ts'
import { createPostgresCarrier } from '../events/postgres-carrier.ts'
import type { Log } from '../observe/log.ts'
import { createStatementLog } from '../observe/statement-log.ts'
import { CARRIER_SIZES } from './connection-budget.ts'
import { assertCarrierMigrated, type Databases, migrateCarrier } from './databases.ts'
import type { Settings } from './settings.ts'
import { EVENTS, hasEvents, type System } from './system.ts'

/**
 * What carries the events of a system: NATS where NATS_URL says so, else PostgreSQL; undefined where no service has any.
 * Fault NATS_UNREACHABLE (exit code 1) once START_TIMEOUT has passed.
 */
export async function openCarrier(
  system: System,
  settings: Settings,
  databases: Databases,
  { log, signal }: { log: Log; signal?: AbortSignal | undefined },
): Promise<Carrier | undefined> {
  if (!system.services.some(hasEvents)) return undefined
  const { natsUrl, outboxRetentionMs: retentionMs } = settings
  if (natsUrl !== undefined) return reachNats(system, natsUrl, settings, { log, signal })
  const url = databases.urls.get(EVENTS)!
  if (databases.dataDir || !settings.production) await migrateCarrier(url, { log, signal })
  else await assertCarrierMigrated(url)
  return createPostgresCarrier({
    url,
    retentionMs,
    sizes: CARRIER_SIZES,
    log: (line) => log.warn(line),
    statements: createStatementLog(log),
  })
}

const SAY_EVERY_MS = 5_000

async function reachNats(
  { name }: System,
  url: string,
  { startTimeoutMs, outboxRetentionMs: retentionMs }: Settings,
  { log, signal }: { log: Log; signal?: AbortSignal | undefined },
): Promise<Carrier> {
  const { createNatsCarrier } = await import('../events/nats-carrier.ts')
  const end = performance.now() + startTimeoutMs
  let saidAt = Number.NEGATIVE_INFINITY
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await createNatsCarrier({ url, stream: name, retentionMs, connectTimeoutMs: 2_000 })
    } catch (error) {
      const now = performance.now()
      const where = url.replaceAll(/\/\/[^@/,]*@/g, '//…@')
      const message = `NATS at ${where} can't be used (${(error as Error).message}). Start it with JetStream (nats-server -js), or correct NATS_URL.`
      if (now >= end) throw new Fault('NATS_UNREACHABLE', message, { cause: error, exitCode: 1 })
      if (now - saidAt >= SAY_EVERY_MS) {
        log.warn(`${message} Trying for another ${Math.ceil((end - now) / 1000)} s.`)
        saidAt = now
      }
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
  }
}

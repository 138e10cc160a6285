import { Fault } from '../base/errors.ts'
import type { Carrier } from '../events/carrier.ts'
import { createFeedCarrier } from '../events/feed-carrier.ts'
import type { Log } from '../observe/log.ts'
import type { Peer } from './peers.ts'
import type { Settings } from './settings.ts'
import { hasEvents, type System } from './system.ts'

/**
 * What carries the events of a system: NATS where NATS_URL says so, else consumers read them from `peers`, the services that publish;
 * undefined where no service has any.
 * Fault NATS_UNREACHABLE (exit code 1) once START_TIMEOUT has passed.
 */
export async function openCarrier(
  system: System,
  settings: Settings,
  peers: ReadonlyMap<string, Peer>,
  { log, signal }: { log: Log; signal?: AbortSignal | undefined },
): Promise<Carrier | undefined> {
  if (!system.services.some(hasEvents)) return undefined
  const { natsUrl, outboxRetentionMs: retentionMs } = settings
  if (natsUrl !== undefined) return reachNats(system, natsUrl, settings, { log, signal })
  return createFeedCarrier(peers, { retentionMs })
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

import type { ServiceHealth } from '../call/health.ts'
import type { Carrier } from '../events/carrier.ts'
import type { RunningService } from './run-service.ts'

/**
 * How the events of a system are doing, as the check `queue` (R-OPS-1). A carrier that does not answer makes it degraded:
 * requests go on, and their events wait in the outbox. A dead letter is somebody's work to do, no outage.
 */
export async function eventsHealth(carrier: Carrier, services: readonly RunningService[]): Promise<ServiceHealth> {
  const [latency, states] = await Promise.all([
    carrier.ping().catch(() => undefined),
    Promise.all(services.map((service) => service.events().catch(() => undefined))),
  ])
  const known = states.filter((state) => state !== undefined)
  const inboxes = known.flatMap(({ inbox }) => inbox)
  const sum = (all: readonly number[]) => all.reduce((whole, one) => whole + one, 0)
  const figures = {
    unpublished: sum(known.map(({ outbox }) => outbox.waiting)),
    oldestUnpublishedMs: Math.max(0, ...known.map(({ outbox }) => outbox.oldestMs)),
    waiting: sum(inboxes.map(({ waiting }) => waiting)),
    lagMs: Math.max(0, ...inboxes.map(({ lagMs }) => lagMs)),
    deadLetters: sum(inboxes.map(({ dead }) => dead)),
    redeliveries: sum(known.map(({ redelivered }) => redelivered)),
  }
  const slow = states.flatMap((state, i) => {
    const by = state?.outbox.heldUp
    return by
      ? [
          `the events of ${services[i]!.name} wait for a transaction of ${by.application} (process ${by.pid} of PostgreSQL)`,
        ]
      : []
  })
  if (latency === undefined)
    return {
      status: 'degraded',
      checks: { queue: { status: 'down', message: 'the carrier is unreachable', ...figures } },
    }
  const message = slow.length > 0 ? { message: slow.join('; ') } : {}
  return {
    status: 'healthy',
    checks: { queue: { status: 'up', latency: Math.round(latency * 10) / 10, ...message, ...figures } },
  }
}

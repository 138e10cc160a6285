import type { ServiceHealth } from '../call/health.ts'
import type { Carrier } from '../events/carrier.ts'
import type { RunningService } from './run-service.ts'

/**
 * How the events of a system are doing, as the check `queue` (R-OPS-1). A carrier that does not answer makes it degraded:
 * requests go on, and their events wait in the outbox. A dead letter is somebody's work to do, no outage.
 */
export async function eventsHealth(carrier: Carrier, services: readonly RunningService[]): Promise<ServiceHealth> {
  const [latency, states] = await Promise.all([
    carrier.name === 'nats' ? carrier.ping().catch(() => 'down' as const) : undefined,
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
  const troubles = known.flatMap((state) =>
    [...state.troubles].map(([consumer, why]) => `${consumer} receives no events: ${why}`),
  )
  states.forEach((state, i) => {
    for (const consumer of state?.overdue ?? [])
      troubles.push(
        `${consumer} has not read events of ${services[i]!.name} for longer than OUTBOX_RETENTION: they are kept until it has, or \`lintel events skip ${consumer}\` passes over them`,
      )
  })
  if (latency === 'down') troubles.unshift('the carrier is unreachable')
  if (troubles.length > 0)
    return { status: 'degraded', checks: { queue: { status: 'down', message: troubles.join('; '), ...figures } } }
  return {
    status: 'healthy',
    checks: {
      queue: {
        status: 'up',
        ...(typeof latency === 'number' && { latency: Math.round(latency * 10) / 10 }),
        ...(slow.length > 0 && { message: slow.join('; ') }),
        ...figures,
      },
    },
  }
}

import type { ServiceHealth } from '../call/health.ts'
import type { Carrier } from '../events/carrier.ts'
import type { EventsState } from '../events/run.ts'
import { NoAnswer } from '../resilience/bounded-check.ts'
import type { RunningService } from './run-service.ts'

/**
 * How the events of a system are doing, as the check `queue` (R-OPS-1). A carrier that does not answer makes it degraded:
 * requests go on, and their events wait in the outbox. A dead letter is somebody's work to do, no outage.
 */
export async function eventsHealth(carrier: Carrier, services: readonly RunningService[]): Promise<ServiceHealth> {
  const [latency, asked] = await Promise.all([
    carrier.name === 'nats' ? carrier.ping().catch(whyDown) : undefined,
    Promise.allSettled(services.map((service) => service.events())),
  ])
  const known = asked.flatMap((one, i) =>
    one.status === 'fulfilled' && one.value ? [{ service: services[i]!.name, state: one.value }] : [],
  )
  // The database is away; its own check says so.
  const unknown = asked.flatMap((one, i) =>
    one.status === 'rejected' ? [`how many events of ${services[i]!.name} wait is not known`] : [],
  )
  // Of some services alone they would be too good.
  const figures = unknown.length > 0 ? {} : figuresOf(known.map(({ state }) => state))
  const troubles = known.flatMap(({ service, state }) => troublesOf(service, state))
  if (typeof latency === 'string') troubles.unshift(latency)
  if (troubles.length > 0) {
    const message = [...troubles, ...unknown].join('; ')
    return { status: 'degraded', checks: { queue: { status: 'down', message, ...figures } } }
  }
  const notes = [...known.flatMap(({ service, state }) => heldUp(service, state)), ...unknown]
  return {
    status: 'healthy',
    checks: {
      queue: {
        status: 'up',
        ...(typeof latency === 'number' && { latency: Math.round(latency * 10) / 10 }),
        ...(notes.length > 0 && { message: notes.join('; ') }),
        ...figures,
      },
    },
  }
}

function whyDown(error: unknown): string {
  return `the carrier ${error instanceof NoAnswer ? 'does not answer' : 'is unreachable'}`
}

function troublesOf(service: string, { troubles, overdue }: EventsState): string[] {
  return [
    ...[...troubles].map(([consumer, why]) => `${consumer} receives no events: ${why}`),
    ...overdue.map(
      (consumer) =>
        `${consumer} has not read events of ${service} for longer than OUTBOX_RETENTION: they are kept until it has, or \`lintel events skip ${consumer}\` passes over them`,
    ),
  ]
}

function heldUp(service: string, { outbox }: EventsState): readonly string[] {
  const by = outbox.heldUp
  return by
    ? [`the events of ${service} wait for a transaction of ${by.application} (process ${by.pid} of PostgreSQL)`]
    : []
}

function figuresOf(states: readonly EventsState[]) {
  const inboxes = states.flatMap(({ inbox }) => inbox)
  const sum = (all: readonly number[]) => all.reduce((whole, one) => whole + one, 0)
  return {
    unpublished: sum(states.map(({ outbox }) => outbox.waiting)),
    oldestUnpublishedMs: Math.max(0, ...states.map(({ outbox }) => outbox.oldestMs)),
    waiting: sum(inboxes.map(({ waiting }) => waiting)),
    lagMs: Math.max(0, ...inboxes.map(({ lagMs }) => lagMs)),
    deadLetters: sum(inboxes.map(({ dead }) => dead)),
    redeliveries: sum(states.map(({ redelivered }) => redelivered)),
  }
}

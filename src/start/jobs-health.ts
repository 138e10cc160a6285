import type { ServiceHealth } from '../call/health.ts'
import type { Carrier } from '../events/carrier.ts'
import type { JobsState } from '../events/run-jobs.ts'
import { eventsHealth } from './events-health.ts'
import type { RunningService } from './run-service.ts'
import { hasEvents, hasJobs } from './system.ts'

/** A job that is due is taken at once, unless all are busy; and then they are done with one some time. */
const STUCK_MS = 60_000

/** The checks `queue` and `jobs`, of what services do behind their requests. */
export async function workHealth(
  carrier: Carrier | undefined,
  services: readonly RunningService[],
): Promise<ServiceHealth> {
  const parts = await Promise.all([
    ...(carrier && services.some(({ service }) => hasEvents(service)) ? [eventsHealth(carrier, services)] : []),
    ...(services.some(({ service }) => hasJobs(service)) ? [jobsHealth(services)] : []),
  ])
  return {
    status: parts.every(({ status }) => status === 'healthy') ? 'healthy' : 'degraded',
    checks: Object.assign({}, ...parts.map(({ checks }) => checks)),
  }
}

/** Degraded where jobs that are due are not taken. A dead one is somebody's work to do, no outage. */
async function jobsHealth(services: readonly RunningService[]): Promise<ServiceHealth> {
  const asked = await Promise.allSettled(services.map((service) => service.jobs()))
  const known = asked.flatMap((one, i) =>
    one.status === 'fulfilled' && one.value ? [{ service: services[i]!.name, state: one.value }] : [],
  )
  // The database is away; its own check says so.
  const unknown = asked.flatMap((one, i) =>
    one.status === 'rejected' ? [`how many jobs of ${services[i]!.name} wait is not known`] : [],
  )
  const stuck = known
    .filter(({ state }) => state.stuckMs > STUCK_MS)
    .map(({ service, state }) => `the next job of ${service} has been due for ${Math.round(state.stuckMs / 1_000)} s`)
  const messages = [...stuck, ...unknown]
  const isSound = stuck.length === 0
  return {
    status: isSound ? 'healthy' : 'degraded',
    checks: {
      jobs: {
        status: isSound ? 'up' : 'down',
        ...(messages.length > 0 && { message: messages.join('; ') }),
        // Of some services alone they would be too good.
        ...(unknown.length === 0 && figuresOf(known.map(({ state }) => state))),
      },
    },
  }
}

function figuresOf(states: readonly JobsState[]) {
  const jobs = states.flatMap((state) => state.jobs)
  const sum = (all: readonly number[]) => all.reduce((whole, one) => whole + one, 0)
  return {
    waiting: sum(jobs.map(({ waiting }) => waiting)),
    retrying: sum(jobs.map(({ retrying }) => retrying)),
    running: sum(jobs.map(({ running }) => running)),
    dead: sum(jobs.map(({ dead }) => dead)),
    oldestDueMs: Math.max(0, ...jobs.map(({ oldestDueMs }) => oldestDueMs)),
  }
}

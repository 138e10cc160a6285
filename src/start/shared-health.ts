import type { ServiceHealth } from '../call/health.ts'
import type { Carrier } from '../events/carrier.ts'
import { boundedCheck, CHECK_MS } from '../resilience/bounded-check.ts'
import { workHealth } from './jobs-health.ts'
import type { Shared } from './open-shared.ts'
import type { RunningService } from './run-service.ts'
import { worksBehind } from './system.ts'
import type { Worker } from './workers/worker.ts'

/** What processes share; undefined where a system has none. */
export interface SharedParts {
  readonly carrier: Carrier | undefined
  readonly services: readonly RunningService[]
  readonly shared: Shared | undefined
  /** This process among several of a machine. */
  readonly worker?: Worker | undefined
}

/** The checks of what belongs to no service alone (R-OPS-1): `queue`, `jobs`, `cache`, `limits` and `workers`. */
export function sharedHealth({ carrier, services, shared, worker }: SharedParts): () => Promise<ServiceHealth> {
  const work = workBehind({ carrier, services, worker })
  return async () => {
    const all = await Promise.all([work?.(), shared && redisHealth(shared), worker && workersHealth(worker)])
    const parts = all.filter((part) => part !== undefined)
    const sound = parts.every(({ status }) => status === 'healthy')
    return {
      status: sound ? 'healthy' : 'degraded',
      checks: Object.assign({}, ...parts.map(({ checks }) => checks)),
    }
  }
}

/** Without Redis requests go on, and limits are those of each process (R-RATE-3). */
async function redisHealth({ redis, buckets: { trouble } }: Shared): Promise<ServiceHealth> {
  const cache = await redis.health()
  // One look at the server is that of both.
  const limits =
    trouble === undefined
      ? ({ status: 'up', ...(cache.latency !== undefined && { latency: cache.latency }) } as const)
      : ({ status: 'down', message: `each process limits by itself: ${trouble}` } as const)
  const isSound = cache.status === 'up' && limits.status === 'up'
  return { status: isSound ? 'healthy' : 'degraded', checks: { cache: { ...cache }, limits } }
}

/** The first worker handles the events of all, and does their jobs. */
function workBehind({
  carrier,
  services,
  worker,
}: Omit<SharedParts, 'shared'>): (() => Promise<ServiceHealth>) | undefined {
  if (!services.some(({ service }) => worksBehind(service))) return undefined
  if (worker === undefined || worker.first) return () => workHealth(carrier, services)
  const ask = boundedCheck(CHECK_MS.worker, () => worker.ask('queue'))
  return async () => {
    try {
      return (await ask()) as ServiceHealth
    } catch {
      return { status: 'degraded', checks: { queue: { status: 'down', message: 'worker 1 does not answer' } } }
    }
  }
}

function workersHealth(worker: Worker): ServiceHealth {
  const { count } = worker
  const serving = worker.serving()
  if (serving >= count) return { status: 'healthy', checks: { workers: { status: 'up' } } }
  const message = `${serving} of ${count} workers serve; the others are being started again`
  return { status: 'degraded', checks: { workers: { status: 'down', message } } }
}

import type { FarService } from '../door/far-service.ts'
import type { Document } from '../gateway/built-ins.ts'
import type { Gateway } from '../gateway/gateway.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { RequestCounts } from '../observe/request-counts.ts'
import { BREAKER_METRICS, collectCalls } from './breaker-metrics.ts'
import { CACHE_METRICS, collectCaches } from './cache-metrics.ts'
import { collectDatabases, DATABASE_METRICS } from './database-metrics.ts'
import { collectEvents, EVENT_METRICS } from './event-metrics.ts'
import { collectJobs, JOB_METRICS } from './job-metrics.ts'
import { collectLoad, LOAD_METRICS } from './load-metrics.ts'
import type { Shared } from './open-shared.ts'
import type { RunningServices } from './run-services.ts'
import { collectShared, SHARED_METRICS } from './shared-metrics.ts'
import type { Worker } from './workers/worker.ts'

export interface MeasuredParts {
  readonly inFlight: Gateway['inFlightLimits']
  readonly shared: Shared | undefined
  readonly far: ReadonlyMap<string, FarService>
  /** What runs here, as the caller of what runs elsewhere: `gateway`, or the names of its services. */
  readonly caller: string
}

/** What `/metrics` shows of a process; made at the first look. */
export function metricsOf(
  { byName }: RunningServices,
  counts: RequestCounts,
  { inFlight, shared, far, caller }: MeasuredParts,
): () => Promise<Document> {
  let made: Promise<Metrics> | undefined
  const collect = async () => {
    const services = [...byName.values()]
    return new Map([
      ...(await collectEvents(services)),
      ...(await collectJobs(services)),
      ...collectCalls(services, far.values(), caller),
      ...collectDatabases(services),
      ...collectCaches(services),
      ...collectLoad(inFlight()),
      ...(shared ? collectShared(shared) : []),
    ])
  }
  const ofServices = [...EVENT_METRICS, ...JOB_METRICS, ...BREAKER_METRICS, ...DATABASE_METRICS, ...CACHE_METRICS]
  const all = [...ofServices, ...LOAD_METRICS, ...(shared ? SHARED_METRICS : [])]
  const make = async () => (await import('../observe/metrics.ts')).createMetrics(all, collect)
  return async () => {
    made ??= make()
    const metrics = await made
    return { contentType: metrics.contentType, body: (await metrics.text()) + counts.text() }
  }
}

/** Of all workers of the machine, whichever of them is asked. */
export function metricsOfAll(worker: Worker): () => Promise<Document> {
  return () => worker.ask('metrics') as Promise<Document>
}

import type { TokenVerifier } from '../auth/tokens.ts'
import { Problem } from '../base/errors.ts'
import type { Port, ServicePort } from '../call/call.ts'
import { guard } from '../call/guard.ts'
import { notTheCallers } from '../call/not-the-callers.ts'
import { tracedCalls } from '../call/traced.ts'
import { CallProblem } from '../client/call-problem.ts'
import { documentsOf } from '../contract/documents/served-documents.ts'
import type { FarService } from '../door/far-service.ts'
import type { Carrier } from '../events/carrier.ts'
import type { Document, Documents } from '../gateway/built-ins.ts'
import { createGateway, type Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import type { Buckets } from '../limits/buckets.ts'
import type { Log } from '../observe/log.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import type { Tracer } from '../observe/span.ts'
import { overviewPage, type Page, referencePages } from '../pages/index.ts'
import { latestEventsOf } from './latest-events.ts'
import type { Shared } from './open-shared.ts'
import type { RunningServices } from './run-services.ts'
import type { Settings } from './settings.ts'
import { sharedHealth } from './shared-health.ts'
import type { System } from './system.ts'
import type { Worker } from './workers/worker.ts'

export interface GatewayParts {
  readonly settings: Settings
  readonly far: ReadonlyMap<string, FarService>
  readonly verifier: TokenVerifier | undefined
  readonly prefix: string
  readonly mails: GatewayOptions['mails']
  readonly carrier: Carrier | undefined
  readonly shared: Shared | undefined
  readonly worker: Worker | undefined
  readonly metrics: () => Promise<Document>
  readonly tracer: Tracer | undefined
  readonly observe: GatewayOptions['observe']
  readonly buckets: Buckets
  readonly security: SecurityLog
  readonly log: Log
}

/** The gateway of a system, in front of services wherever they run. */
export function systemGateway(
  system: System,
  running: RunningServices,
  {
    settings,
    far,
    verifier,
    prefix,
    mails,
    carrier,
    shared,
    worker,
    metrics,
    tracer,
    observe,
    buckets,
    security,
    log,
  }: GatewayParts,
): Gateway {
  const { byName } = running
  const near = [...byName.values()]
  const events = settings.production ? undefined : latestEventsOf(running)
  return createGateway({
    services: system.services.map(({ contract }) => ({
      contract,
      upstream: byName.get(contract.name) ?? atTheGateway(far.get(contract.name)!, tracer),
    })),
    verifier,
    prefix,
    version: system.version,
    documents: shownBy(system, prefix),
    ...(mails && { mails }),
    ...(events && { events }),
    ...(!settings.production && { metrics, overview: overviewOf(system, mails !== undefined) }),
    health: sharedHealth({ carrier, services: near, shared, worker }),
    requestTimeoutMs: settings.requestTimeoutMs,
    limits: { ...settings.rateLimit, buckets },
    cors: settings.corsOrigins,
    corsHeaders: settings.corsHeaders,
    strictTransport: settings.production,
    tracer,
    observe,
    security,
    log,
  })
}

/** Made when it is first asked for. */
function overviewOf({ name, version, about, services }: System, catchesMails: boolean): () => Page {
  let made: Page | undefined
  return () => {
    made ??= overviewPage(
      services.map(({ contract }) => contract),
      { title: about?.title ?? name, systemVersion: version, catchesMails },
    )
    return made
  }
}

/** Its documents, and the reference that is made of them. */
function shownBy({ name, version, about = {}, services }: System, prefix: string): Documents {
  const contracts = services.map(({ contract }) => contract)
  const options = { title: name, about, systemVersion: version, baseUrl: prefix }
  const documents = documentsOf(contracts, options)
  const pages = referencePages(contracts, options)
  return (path) => documents(path) ?? pages(path)
}

/**
 * A service elsewhere as the gateway sees it. It watches the deadline of each request itself, and passes on what was answered as
 * it would in one process; what was lost is sent again where it may be. Breakers are the replicas' own.
 */
function atTheGateway({ name, contract, port, health }: FarService, tracer: Tracer | undefined): ServicePort {
  const traced = tracer === undefined ? port : tracedCalls(port, contract)
  const guarded = guard(traced, {
    timeoutMs: false,
    retryOn: 'loss',
    breaker: false,
    maxPending: Number.POSITIVE_INFINITY,
  })
  return { name, port: telling(guarded), health }
}

/** Where a service is, and why it could not be reached, is for the log: clients are told that it could not (R-P-8). */
function telling(port: Port): Port {
  return async (call) => {
    try {
      return await port(call)
    } catch (error) {
      if (!(error instanceof CallProblem) || error.stage === 'answered') throw error
      // An open breaker has been logged when it opened: not with each request that it keeps away.
      if (error.cause === undefined && error.code === 'SERVICE_UNAVAILABLE')
        throw new Problem(error.code, undefined, { retryAfterS: error.retryAfterS ?? 1 })
      throw notTheCallers(error)
    }
  }
}

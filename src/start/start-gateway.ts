import { Fault } from '../base/errors.ts'
import type { Document } from '../gateway/built-ins.ts'
import { createGateway } from '../gateway/gateway.ts'
import type { RemoteUpstream } from '../gateway/remote.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { memoryBuckets } from '../limits/buckets.ts'
import { createAccessLog } from '../observe/access-log.ts'
import { createLog } from '../observe/log.ts'
import { createMetrics } from '../observe/metrics.ts'
import { createRequestCounts, type RequestCounts } from '../observe/request-counts.ts'
import { createSecurityLog } from '../observe/security-log.ts'
import type { Description } from '../proxy/foreign/description.ts'
import { type TokenSource, trustForeignTokens } from '../proxy/foreign-trust.ts'
import { openRemoteUpstream } from '../proxy/forward/remote-upstream.ts'
import { type RouteFiles, readRoutes } from '../proxy/read-routes.ts'
import { openAdminServer } from './admin-server.ts'
import { BREAKER_METRICS, collectReplicas } from './breaker-metrics.ts'
import type { Env } from './given-settings.ts'
import { once, urlOf } from './listening.ts'
import { observer, refusalObserver } from './observer.ts'
import { openShared, type Shared } from './open-shared.ts'
import { openTracer } from './open-tracer.ts'
import { ownVersion } from './own-version.ts'
import { readSettings } from './settings.ts'
import { sharedHealth } from './shared-health.ts'
import { collectShared, SHARED_METRICS } from './shared-metrics.ts'
import type { Running, StartOptions, StopOptions } from './start.ts'
import { warnOfSettings } from './warn-of-settings.ts'
import { speaksForAll } from './workers/worker.ts'

export type { TokenSource }

/** A gateway in front of services that know nothing of Lintel. */
export interface GatewaySetup extends RouteFiles {
  /** By name, the addresses of its replicas. */
  readonly upstreams: ReadonlyMap<string, readonly URL[]>
  /** Without it every route is public, and credentials pass through. */
  readonly tokens: TokenSource | undefined
  /** Headers from outside, in lower case, that are passed on though they could be forged. */
  readonly passedHeaders?: readonly string[]
  readonly timeoutMs: number
  readonly maxBodyBytes: number
}

export type GatewayOptions = Pick<StartOptions, 'signal' | 'worker'>

/**
 * Runs a gateway in front of any HTTP services: routes, tokens, limits, and what browsers need, as a system's own gateway has
 * it. Faults name what is wrong and what to do.
 */
export async function startGateway(setup: GatewaySetup, env: Env, options: GatewayOptions = {}): Promise<Running> {
  const { signal, worker } = options
  const settings = readSettings(env, [])
  const log = await createLog(settings.logLevel, { worker: worker?.id })
  const says = speaksForAll(worker)
  if (worker === undefined) warnOfSettings(settings, log)
  const descriptions = await readRoutes(setup, [...setup.upstreams.keys()], (text) => says && log.warn(text))
  if (setup.tokens === undefined) checkPublic(descriptions)
  const verifier = setup.tokens && (await trustForeignTokens(setup.tokens, (error, text) => log.warn(error, text)))
  const tracer = await openTracer(settings, { name: 'gateway', version: ownVersion() }, log)
  const upstreams = new Map<string, RemoteUpstream>()
  for (const { contract, bounds } of descriptions) {
    const { timeoutMs, maxBodyBytes, passedHeaders } = setup
    const urls = setup.upstreams.get(contract.name)!
    const { trusted } = settings.rateLimit
    upstreams.set(
      contract.name,
      await openRemoteUpstream({ name: contract.name, urls, bounds, timeoutMs, maxBodyBytes, trusted, passedHeaders }),
    )
  }
  let shared: Shared | undefined
  let admin: HttpServer | undefined
  const close = () =>
    Promise.all([
      admin?.close({ timeoutMs: 0 }),
      ...[...upstreams.values()].map((one) => one.close()),
      shared?.redis.close(),
    ]).then(() => tracer?.close({ timeoutMs: settings.shutdownTimeoutMs / 10 }))
  try {
    shared = await openShared('gateway', settings, { log, signal })
    const counts = settings.adminPort === undefined ? undefined : createRequestCounts()
    const accessLog = createAccessLog(settings.accessLog, log)
    const gateway = createGateway({
      services: descriptions.map(({ contract }) => ({ contract, upstream: upstreams.get(contract.name)! })),
      versioned: false,
      verifier,
      version: ownVersion(),
      ...((shared || worker) && { health: sharedHealth({ carrier: undefined, services: [], shared, worker }) }),
      limits: { ...settings.rateLimit, buckets: shared?.buckets ?? worker?.buckets ?? memoryBuckets() },
      cors: settings.corsOrigins,
      corsHeaders: settings.corsHeaders,
      strictTransport: settings.production,
      tracer,
      observe: observer(accessLog, counts, tracer),
      security: createSecurityLog(log),
      log,
    })
    const metrics = counts && metricsOf({ counts, upstreams, shared })
    if (worker !== undefined)
      worker.serve({
        answers: { health: gateway.health, ...(metrics && { metrics: async () => (await metrics()).body }) },
        wake() {},
        revoked() {},
      })
    // On ADMIN_PORT alone: whoever uses what is behind the gateway need not know how it is doing.
    else if (metrics) admin = await openAdminServer(ownVersion(), settings, { metrics, health: gateway.health, log })
    const server = createHttpServer(gateway.handle, { log, refused: refusalObserver(accessLog, counts) })
    signal?.throwIfAborted()
    const url = urlOf(await server.listen({ host: settings.host, port: settings.port }))
    const routes = descriptions.reduce((sum, { contract }) => sum + contract.served.length, 0)
    if (says)
      log.info({ url }, `the gateway listens on ${url}, with ${routes} routes to ${[...upstreams.keys()].join(', ')}`)
    const { shutdownTimeoutMs } = settings
    const stop = once(async ({ lameDuckMs = 0 }: StopOptions = {}) => {
      gateway.drain()
      const cut = await server.close({ lameDuckMs, timeoutMs: shutdownTimeoutMs * 0.8 - lameDuckMs })
      if (cut > 0)
        log.warn(
          `closed ${cut} ${cut === 1 ? 'connection' : 'connections'} whose requests did not finish within SHUTDOWN_TIMEOUT`,
        )
      await close()
    })
    return { url, log, shutdownTimeoutMs, died: new Promise(() => {}), stop }
  } catch (error) {
    await close()
    throw error
  }
}

/** The address of an upstream; undefined where it is none. */
export function readUpstreamUrl(text: string): URL | undefined {
  if (typeof text !== 'string' || !URL.canParse(text.trim())) return undefined
  const url = new URL(text.trim())
  return !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash ? undefined : url
}

function metricsOf({ counts, upstreams, shared }: MetricsParts): () => Promise<Document> {
  const all = [...BREAKER_METRICS, ...(shared ? SHARED_METRICS : [])]
  const collect = async () =>
    new Map([...collectReplicas(upstreams.values()), ...(shared ? collectShared(shared) : [])])
  const metrics = createMetrics(all, collect)
  return async () => ({ contentType: metrics.contentType, body: (await metrics.text()) + counts.text() })
}

interface MetricsParts {
  readonly counts: RequestCounts
  readonly upstreams: ReadonlyMap<string, RemoteUpstream>
  readonly shared: Shared | undefined
}

/** A rule that nobody can meet is a mistake, and not a closed door. */
function checkPublic(descriptions: readonly Description[]): void {
  for (const { contract } of descriptions)
    for (const { name, access } of contract.served)
      if (!access.public && (access.authenticated || access.roles.some((role) => role !== '')))
        throw new Fault(
          'WRONG_ARGUMENT',
          `${name} asks for a token, and --jwks is not given: give the URL or the file of the issuer's keys. If the upstream verifies tokens, set "access": "public" on this route, or "x-lintel": {"access": "public"} on this operation`,
          { exitCode: 2 },
        )
}

import type { TokenVerifier } from '../auth/tokens.ts'
import { documentsOf } from '../contract/documents/openapi.ts'
import type { Carrier } from '../events/carrier.ts'
import type { Document } from '../gateway/built-ins.ts'
import { createGateway, type Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import { type Buckets, memoryBuckets } from '../limits/buckets.ts'
import { createAccessLog } from '../observe/access-log.ts'
import { createLog, type Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { createRequestCounts, type RequestCounts } from '../observe/request-counts.ts'
import { createSecurityLog, type SecurityLog } from '../observe/security-log.ts'
import { openAdminServer } from './admin-server.ts'
import { CALL_METRICS, collectCalls } from './call-metrics.ts'
import { checkSystem } from './check-system.ts'
import { collectDatabases, DATABASE_METRICS } from './database-metrics.ts'
import { collectEvents, EVENT_METRICS } from './event-metrics.ts'
import { eventsHealth } from './events-health.ts'
import { endInOrder, once, urlOf } from './listening.ts'
import { collectLoad, LOAD_METRICS } from './load-metrics.ts'
import { type MailSetup, setUpMail } from './mail.ts'
import { observer } from './observer.ts'
import { openCarrier } from './open-carrier.ts'
import { type RunningServices, runServices } from './run-services.ts'
import { type Env, readSettings, type Settings } from './settings.ts'
import { type System, serviceNames } from './system.ts'
import { type TokenTrust, trustTokens } from './token-trust.ts'
import { warnOfSettings } from './warn-of-settings.ts'

export interface Running {
  /** Where the gateway listens: `http://127.0.0.1:3000`. */
  readonly url: string
  readonly log: Log
  /** How long `stop` may take. */
  readonly shutdownTimeoutMs: number
  /** Resolves with a message when the system cannot go on, such as a database server that ended by itself. */
  readonly died: Promise<string>
  /** Drains and stops everything; requests under way have four fifths of SHUTDOWN_TIMEOUT to end. May be called again. */
  stop(options?: StopOptions): Promise<void>
}

export interface StartOptions {
  /** Gives the start up: what it has begun is stopped, and `start` rejects. */
  readonly signal?: AbortSignal
}

export interface StopOptions {
  /**
   * For so long connections are still taken while readiness is false already, and each answer asks its client to close: a load
   * balancer has yet to hear of it, and a client's next request may be on its way. 0.
   */
  readonly lameDuckMs?: number
}

/**
 * Runs a system in this process: databases, services, gateway. Faults name what is wrong and what to do. It is production,
 * unless `env` has NODE_ENV=development.
 *
 * ```ts
 * const running = await start(system({ services: [notes] }))
 * console.log(running.url)
 * ```
 */
export async function start(system: System, env: Env = process.env, { signal }: StartOptions = {}): Promise<Running> {
  checkSystem(system)
  const settings = readSettings(env, serviceNames(system))
  const log = await createLog(settings.logLevel)
  warnOfSettings(settings, log)
  const buckets = memoryBuckets()
  const security = createSecurityLog(log)
  const services = await runServices(system, settings, { log, signal, buckets, security })
  let trust: TokenTrust | undefined
  let mail: MailSetup | undefined
  let carrier: Carrier | undefined
  let admin: HttpServer | undefined
  let server: HttpServer | undefined
  /** Ends what has begun, each before what it uses: the relays before the carrier, connections before their server (FC-85). */
  const end = () =>
    endInOrder(log, [
      () => trust?.stop(),
      () => services.stop(),
      () => admin?.close({ timeoutMs: 0 }),
      () => carrier?.close(),
      () => mail?.carrier?.close(),
      () => services.databases.stop(),
    ])
  try {
    const notices: (string | undefined)[] = []
    for (const service of services.byName.values()) notices.push(await service.prepare())
    signal?.throwIfAborted()

    const { auth } = system
    const warn = (error: unknown, message: string) => log.warn(error, message)
    trust = auth && (await trustTokens(auth, services.byName.get(auth.service.name)!, warn))
    mail = await setUpMail(settings, log)
    carrier = await openCarrier(system, settings, services.databases, { log, signal })
    const counts = createRequestCounts()
    const metrics = metricsOf(services, counts, () => gateway.inFlightLimits())
    const observe = observer(createAccessLog(settings.accessLog, log), counts)
    const gateway = gatewayOf(system, services, {
      settings,
      verifier: trust?.verifier,
      mail,
      carrier,
      metrics,
      observe,
      buckets,
      security,
      log,
    })
    admin = await openAdminServer(system.version, settings, { metrics, health: gateway.health, log })
    server = createHttpServer(gateway.handle)
    const url = urlOf(await server.listen({ host: settings.host, port: settings.port }))
    log.info({ url }, `${system.name} ${system.version} listens on ${url}, its documents are at ${url}/openapi.json`)
    const { dataDir, died } = services.databases
    if (dataDir) log.info(`data is kept in ${dataDir}`)
    for (const notice of notices) if (notice) log.info(notice)
    warnOfMail(system, settings, url, log)
    const environment = { mail: mail.carrier, publicUrl: settings.publicUrl ?? url }
    for (const service of services.byName.values()) service.begin(environment, carrier)

    const { shutdownTimeoutMs } = settings
    const stop = once(async ({ lameDuckMs = 0 }: StopOptions = {}) => {
      gateway.drain()
      const cut = await server!.close({ lameDuckMs, timeoutMs: shutdownTimeoutMs * 0.8 - lameDuckMs })
      if (cut > 0)
        log.warn(
          `closed ${cut} ${cut === 1 ? 'connection' : 'connections'} whose requests did not finish within SHUTDOWN_TIMEOUT`,
        )
      await end()
    })
    return { url, log, shutdownTimeoutMs, died, stop }
  } catch (error) {
    await server?.close({ timeoutMs: 0 })
    await end()
    throw error
  }
}

interface GatewayParts {
  readonly settings: Settings
  readonly verifier: TokenVerifier | undefined
  readonly mail: MailSetup
  readonly carrier: Carrier | undefined
  readonly metrics: () => Promise<Document>
  readonly observe: GatewayOptions['observe']
  readonly buckets: Buckets
  readonly security: SecurityLog
  readonly log: Log
}

function gatewayOf(
  system: System,
  { byName }: RunningServices,
  { settings, verifier, mail, carrier, metrics, observe, buckets, security, log }: GatewayParts,
) {
  const { caught } = mail
  return createGateway({
    services: [...byName.values()].map((upstream) => ({ contract: upstream.service.contract, upstream })),
    verifier,
    version: system.version,
    documents: documentsOf(
      system.services.map(({ contract }) => contract),
      { title: system.name, systemVersion: system.version },
    ),
    // Whoever asked for a mail and then looks finds it: what is under way goes first.
    ...(caught && {
      mails: async () => {
        // What one service makes known, another may mail.
        for (let i = 0; i < 2; i++) await Promise.all([...byName.values()].map((one) => one.idle()))
        return caught()
      },
    }),
    ...(!settings.production && { metrics }),
    ...(carrier && { health: () => eventsHealth(carrier, [...byName.values()]) }),
    requestTimeoutMs: settings.requestTimeoutMs,
    limits: { ...settings.rateLimit, buckets },
    cors: settings.corsOrigins,
    corsHeaders: settings.corsHeaders,
    strictTransport: settings.production,
    observe,
    security,
    log,
  })
}

/** What `/metrics` shows; made at the first look. */
function metricsOf(
  { byName }: RunningServices,
  counts: RequestCounts,
  limits: Gateway['inFlightLimits'],
): () => Promise<Document> {
  let made: Promise<Metrics> | undefined
  const collect = async () => {
    const services = [...byName.values()]
    return new Map([
      ...(await collectEvents(services)),
      ...collectCalls(services),
      ...collectDatabases(services),
      ...collectLoad(limits()),
    ])
  }
  const all = [...EVENT_METRICS, ...CALL_METRICS, ...DATABASE_METRICS, ...LOAD_METRICS]
  const make = async () => (await import('../observe/metrics.ts')).createMetrics(all, collect)
  return async () => {
    made ??= make()
    const metrics = await made
    return { contentType: metrics.contentType, body: (await metrics.text()) + counts.text() }
  }
}

/** In development mail is caught, and links lead to this machine. */
function warnOfMail({ services }: System, { production, smtpUrl, publicUrl }: Settings, url: string, log: Log) {
  if (!production || !services.some(({ background }) => background)) return
  if (smtpUrl === undefined) log.warn('SMTP_URL is not set: mails are queued until it is')
  else if (publicUrl === undefined) log.warn(`PUBLIC_URL is not set: links in mails point to ${url}`)
}

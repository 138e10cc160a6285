import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '../base/errors.ts'
import { GATEWAY } from '../call/call-head.ts'
import { createProofs } from '../call/proof.ts'
import type { Carrier } from '../events/carrier.ts'
import { createHealth } from '../gateway/health.ts'
import { longestBodyMs } from '../gateway/long-bodies.ts'
import { createMount, type Mount } from '../http/mount.ts'
import { createHttpServer, type HttpServer, type HttpServerOptions, type RequestHandler } from '../http/server.ts'
import { memoryBuckets } from '../limits/buckets.ts'
import { createAccessLog } from '../observe/access-log.ts'
import { createLog, type Log } from '../observe/log.ts'
import { createRequestCounts } from '../observe/request-counts.ts'
import { createSecurityLog } from '../observe/security-log.ts'
import { openAdminServer } from './admin-server.ts'
import { checkSystem } from './check-system.ts'
import type { Embed } from './databases.ts'
import { renewIdentity } from './door-identity.ts'
import type { Env } from './given-settings.ts'
import { internalKeys } from './internal-keys.ts'
import { workHealth } from './jobs-health.ts'
import { endInOrder, once, openable, urlOf } from './listening.ts'
import { caughtElsewhere, caughtMails, type MailSetup, setUpMail } from './mail.ts'
import { metricsOf, metricsOfAll } from './metrics.ts'
import { observer, refusalObserver } from './observer.ts'
import { openCarrier } from './open-carrier.ts'
import { openSurroundings } from './open-surroundings.ts'
import { defaultPort, doorPort, type Parts, partsOf, requireUrls, uselessUrls } from './parts.ts'
import { runServices } from './run-services.ts'
import { behindDoor, serviceDoor } from './service-door.ts'
import { GATEWAY_PORT, readSettings, type Settings } from './settings.ts'
import { contractsOf, isTokenIssuer, readersOf, type System } from './system.ts'
import { systemGateway } from './system-gateway.ts'
import { type TokenTrust, trustProvider, trustTokens } from './token-trust.ts'
import { checkDoor, warnOfSettings } from './warn-of-settings.ts'
import { speaksForAll, type Worker, worksForAll } from './workers/worker.ts'

export interface Running {
  /**
   * Where the gateway listens: `http://127.0.0.1:3000`; of a process without one, its internal door. With `listen: false` where clients
   * are to come by PUBLIC_URL, else by HOST and PORT.
   */
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
  /** Names of services, and `gateway`: what of the system runs in this process. All of it by default. */
  readonly parts?: readonly string[]
  /** This process's place among several of one machine, which `lintel start` gives it. */
  readonly worker?: Worker
  /** How an embedded server is had; this process starts one by default. */
  readonly embed?: Embed | undefined
  /** False: nothing listens for the gateway, and its requests come by the `handler` of what `start` returns. */
  readonly listen?: boolean
  /** With `listen: false`: the path below which the handler stands, such as `/backend`. */
  readonly prefix?: string
}

/** A system whose requests another server accepts. */
export interface Mounted extends Running {
  /** For `createServer` of node:http and https, `app.use` of Express, `reply.hijack()` of Fastify: all of the system's gateway. */
  readonly handler: RequestHandler
}

export interface StopOptions {
  /**
   * For so long connections are still taken while readiness is false already, and each answer asks its client to close: a load
   * balancer has yet to hear of it, and a client's next request may be on its way. 0.
   */
  readonly lameDuckMs?: number
  /** How long requests under way have to end after that; what is left of four fifths of SHUTDOWN_TIMEOUT. */
  readonly timeoutMs?: number
}

/**
 * Runs a system in this process, or parts of it: databases, services, gateway. What runs elsewhere is called there
 * (`<SERVICE>_URL`). Faults name what is wrong and what to do. It is production, unless `env` has NODE_ENV=development.
 *
 * ```ts
 * const running = await start(system({ services: [notes] }))
 * console.log(running.url)
 * ```
 *
 * To be part of a server of yours, it need not listen: `createServer((await start(system, process.env, { listen: false })).handler)`.
 */
export function start(system: System, env: Env | undefined, options: StartOptions & { listen: false }): Promise<Mounted>
export function start(system: System, env?: Env, options?: StartOptions): Promise<Running>
export async function start(
  system: System,
  env: Env = process.env,
  options: StartOptions = {},
): Promise<Running | Mounted> {
  const { signal, worker, listen: listens = true, prefix = '' } = options
  checkSystem(system)
  checkPrefix(prefix, listens)
  const parts = partsOf(system, options.parts ?? [])
  const settings = readSettings(env, contractsOf(system), defaultPort(system, parts))
  requireUrls(system, parts, settings)
  const log = await createLog(settings.logLevel, { worker: worker?.id })
  const says = speaksForAll(worker)
  if (worker === undefined) {
    warnOfSettings(settings, log)
    for (const warning of uselessUrls(parts, settings)) log.warn(warning)
    if (settings.workers > 1)
      log.warn('LINTEL_WORKERS is set, but has no effect here: it is for `lintel start` and `lintel gateway`')
  }
  if (says && !parts.whole && parts.near.length > 0) checkDoor(settings, log)
  const proofs = parts.whole ? undefined : createProofs(await internalKeys(settings))
  const around = await openSurroundings(system, parts, settings, { proofs, log, signal })
  const { tracer, shared, far } = around
  const buckets = shared?.buckets ?? worker?.buckets ?? memoryBuckets()
  const security = createSecurityLog(log)
  const here: System = { ...system, services: parts.near }
  const services = await runServices(here, settings, {
    log,
    signal,
    buckets,
    redis: shared?.redis,
    worker,
    security,
    tracer,
    far,
    embeddable: parts.whole,
    embed: options.embed,
    readers: readersOf(system),
  }).catch(async (error) => {
    await around.close()
    throw error
  })
  let trust: TokenTrust | undefined
  let mail: MailSetup | undefined
  let carrier: Carrier | undefined
  const servers: HttpServer[] = []
  let mount: Mount | undefined
  let admin: HttpServer | undefined
  let renewal: { stop(): void } | undefined
  /** Ends what has begun, each before what it uses: the relays before the carrier, connections before their server (FC-85). */
  const end = () =>
    endInOrder(log, [
      () => renewal?.stop(),
      () => trust?.stop(),
      () => services.stop(),
      () => admin?.close({ timeoutMs: 0 }),
      () => carrier?.close(),
      () => mail?.carrier?.close(),
      () => around.close(),
      () => services.databases.stop(),
    ])
  try {
    const notices: (string | undefined)[] = []
    for (const service of services.byName.values()) notices.push(await service.prepare())
    signal?.throwIfAborted()

    const { auth } = system
    if (auth && parts.gateway) {
      if (isTokenIssuer(auth)) {
        const issuer = auth.service.name
        trust = await trustTokens(auth, services.peers.get(issuer)!, { log, revoked: worker?.revoked })
        services.byName.get(issuer)?.onCommitted(trust.committed)
      } else trust = await trustProvider(auth, log)
    }
    if (worksForAll(worker)) {
      if (parts.near.length > 0) mail = await setUpMail(settings, log)
      carrier = await openCarrier(here, settings, services.peers, { log, signal })
    }
    const counts = createRequestCounts()
    const accessLog = createAccessLog(settings.accessLog, log)
    const metrics = metricsOf(services, counts, {
      shared,
      far,
      caller: parts.gateway ? GATEWAY : [...services.byName.keys()].join('+'),
      inFlight: () => gateway?.inFlightLimits() ?? new Map(),
    })
    const mails = mail?.caught ? caughtMails(services, mail.caught) : caughtElsewhere(settings, worker)
    const gateway = parts.gateway
      ? systemGateway(system, services, {
          settings,
          far,
          verifier: trust?.verifier,
          prefix,
          mails,
          carrier,
          shared,
          worker,
          metrics: worker ? metricsOfAll(worker) : metrics,
          tracer,
          observe: observer(accessLog, counts, tracer),
          buckets,
          security,
          log,
        })
      : undefined
    const door =
      proofs && parts.near.length > 0
        ? serviceDoor(system, services, {
            production: settings.production,
            proofs,
            carrier,
            shared,
            worker,
            counts,
            security,
            log,
          })
        : undefined
    const health =
      gateway?.health ??
      createHealth({
        version: system.version,
        services: [...services.byName.values()].map((one) => behindDoor(one, { carrier, shared, worker })),
      })
    if (worker === undefined) admin = await openAdminServer(system.version, settings, { metrics, health, log })
    else
      worker.serve({
        answers: {
          health,
          metrics: async () => (await metrics()).body,
          ...(mails && worker.first && { mails }),
          ...(worker.first && { queue: () => workHealth(carrier, [...services.byName.values()]) }),
        },
        wake: (name) => services.byName.get(name)?.wake(),
        revoked: () => void trust?.refresh(),
      })
    let url: string | undefined
    if (gateway !== undefined && !listens) {
      mount = createMount(gateway.handle, { prefix, log })
      url = settings.publicUrl ?? `${openable(`http://${settings.host}:${settings.port}`)}${prefix}`
    } else if (gateway !== undefined) {
      url = await listen(servers, gateway.handle, settings, settings.port, {
        refused: refusalObserver(accessLog, counts),
        ...longBodies(system),
      })
      if (says)
        log.info(
          { url },
          `${system.name} ${system.version} listens on ${url}, its documents are at ${openable(url)}/openapi.json`,
        )
    }
    if (door !== undefined) {
      // Whoever sets it means it for all processes: what is wrong with it should stop this one too.
      if (settings.callTransport === 'grpc') await door.grpc.open()
      const { doorIdentity: tls, doorPlain } = settings
      const plainToo = doorPlain === 'both'
      const options = {
        ...DOOR,
        ...longBodies(system),
        http2: door.grpc.take,
        upgrade: door.http.upgrade,
        tls,
        plainToo,
      }
      const at = await listen(servers, door.http.handle, settings, portOfDoor(system, parts, settings), options)
      if (tls) renewal = renewIdentity(servers.at(-1)!, tls, log)
      const names = parts.near.map(({ contract }) => contract.name).join(' and ')
      if (says)
        log.info({ url: at }, `${names} of ${system.name} ${system.version}: the internal door listens on ${at}`)
      url ??= at
    }
    const { dataDir, died } = services.databases
    if (dataDir && says) log.info(`data is kept in ${dataDir}`)
    if (says) for (const notice of notices) if (notice) log.info(notice)
    const publicUrl = settings.publicUrl ?? openable(gateway ? url! : `http://${settings.host}:${GATEWAY_PORT}`)
    if (says) warnOfMail(here, settings, publicUrl, log)
    const surroundings = { mail: mail?.carrier, publicUrl }
    if (worksForAll(worker)) for (const service of services.byName.values()) service.begin(surroundings, carrier)

    const { shutdownTimeoutMs } = settings
    const stop = once(
      async ({ lameDuckMs = 0, timeoutMs = shutdownTimeoutMs * 0.8 - lameDuckMs }: StopOptions = {}) => {
        gateway?.drain()
        door?.http.drain()
        door?.grpc.drain()
        for (const service of services.byName.values()) service.drain()
        const closing = [...servers, ...(mount ? [mount] : [])].map((one) => one.close({ lameDuckMs, timeoutMs }))
        if (door !== undefined) closing.push(wait(lameDuckMs).then(() => door.grpc.close({ timeoutMs })))
        const cut = (await Promise.all(closing)).reduce((sum, one) => sum + one, 0)
        if (cut > 0)
          log.warn(
            `closed ${cut} ${cut === 1 ? 'connection' : 'connections'} whose requests did not finish within SHUTDOWN_TIMEOUT`,
          )
        await end()
      },
    )
    const running: Running = { url: url!, log, shutdownTimeoutMs, died, stop }
    return mount ? { ...running, handler: mount.handler } : running
  } catch (error) {
    await Promise.all(servers.map((one) => one.close({ timeoutMs: 0 })))
    await end()
    throw error
  }
}

function checkPrefix(prefix: string, listens: boolean): void {
  if (listens && prefix !== '')
    throw new Fault(
      'WRONG_ARGUMENT',
      `The prefix is "${prefix}", and a system that listens itself stands at the root: give \`listen: false\` too, or leave it out`,
      { exitCode: 2 },
    )
  if (prefix !== '' && !/^(?:\/[\w.~-]+)+$/.test(prefix))
    throw new Fault(
      'WRONG_ARGUMENT',
      `The prefix is "${prefix}": give a path without a slash at its end, such as /backend`,
      { exitCode: 2 },
    )
}

async function listen(
  servers: HttpServer[],
  handle: Parameters<typeof createHttpServer>[0],
  { host }: Settings,
  port: number,
  options: HttpServerOptions = {},
): Promise<string> {
  const server = createHttpServer(handle, options)
  servers.push(server)
  return urlOf(await server.listen({ host, port }), options.tls && 'https')
}

/** The head of a call is a header: what a client may send in 16 KiB, with what the gateway knows of it besides. */
const DOOR: HttpServerOptions = { maxHeaderBytes: 128 * 1024 }

/** A server has one bound for all bodies: that of the longest that a route may stream. The gateway has its own for the others. */
function longBodies({ services }: System): HttpServerOptions {
  const requestTimeoutMs = longestBodyMs(services.map(({ contract }) => contract))
  return requestTimeoutMs === undefined ? {} : { requestTimeoutMs }
}

/** PORT is the gateway's where there is one; 0 picks free ones for both. */
function portOfDoor(system: System, parts: Parts, { port }: Settings): number {
  return parts.gateway && port !== 0 ? doorPort(system, parts) : port
}

/** In development mail is caught, and links lead to this machine. */
function warnOfMail({ services }: System, { production, smtpUrl, publicUrl }: Settings, url: string, log: Log) {
  if (!production || !services.some(({ mailers }) => mailers.length > 0)) return
  if (smtpUrl === undefined) log.warn('SMTP_URL is not set: mails are queued until it is')
  else if (publicUrl === undefined) log.warn(`PUBLIC_URL is not set: links in mails point to ${url}`)
}

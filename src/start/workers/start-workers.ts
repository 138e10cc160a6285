import cluster from 'node:cluster'
import type { ServiceHealth } from '../../call/health.ts'
import { createHealth } from '../../gateway/health.ts'
import type { HttpServer } from '../../http/server.ts'
import { memoryBuckets } from '../../limits/buckets.ts'
import { tokenLender } from '../../limits/token-lender.ts'
import { joinMetrics } from '../../observe/join-metrics.ts'
import { createLog, type Log } from '../../observe/log.ts'
import { createMetrics, type Metric, type Sample } from '../../observe/metrics.ts'
import { CHECK_MS } from '../../resilience/bounded-check.ts'
import { openAdminServer } from '../admin-server.ts'
import { type Embed, type EmbeddedServer, openEmbeddedServer } from '../databases.ts'
import { once } from '../listening.ts'
import { ownVersion } from '../own-version.ts'
import { partsOf, uselessUrls } from '../parts.ts'
import { readSettings, type Settings } from '../settings.ts'
import type { Running, StopOptions } from '../start.ts'
import { contractsOf, type System } from '../system.ts'
import { warnOfSettings } from '../warn-of-settings.ts'
import { type Crew, createCrew } from './crew.ts'
import type { Answers, Question } from './questions.ts'
import { forkWorker } from './worker-process.ts'

interface ForkOptions {
  readonly signal?: AbortSignal
  /** The module that a worker runs, which joins this process; and its arguments. */
  readonly module: string
  readonly args: readonly string[]
}

export interface StartWorkersOptions extends ForkOptions {
  readonly parts?: readonly string[]
  readonly embed?: Embed | undefined
}

/**
 * Runs a system, or parts of it, in as many processes as LINTEL_WORKERS says. This one, their primary, has what is there once a
 * machine: the embedded database, the port of the operators, the buckets of the limits; it serves no request.
 */
export async function startWorkers(
  system: System,
  { parts: names = [], embed, ...options }: StartWorkersOptions,
): Promise<Running> {
  const parts = partsOf(system, names)
  const settings = readSettings(process.env, contractsOf(system))
  const log = await createLog(settings.logLevel)
  warnOfSettings(settings, log)
  for (const warning of uselessUrls(parts, settings)) log.warn(warning)
  const here: System = { ...system, services: parts.near }
  const server = await openEmbeddedServer(here, settings, {
    log,
    signal: options.signal,
    embeddable: parts.whole,
    embed,
  })
  return forkAll({ version: system.version, settings, log, server }, options)
}

/** The same for a gateway in front of any HTTP services, which the workers know of. */
export async function startGatewayWorkers(options: ForkOptions): Promise<Running> {
  const settings = readSettings(process.env, [])
  const log = await createLog(settings.logLevel)
  warnOfSettings(settings, log)
  return forkAll({ version: ownVersion(), settings, log, server: undefined }, options)
}

interface Primary {
  readonly version: string
  readonly settings: Settings
  readonly log: Log
  readonly server: EmbeddedServer | undefined
}

async function forkAll({ version, settings, log, server }: Primary, options: ForkOptions): Promise<Running> {
  const { signal, module, args } = options
  const { shutdownTimeoutMs, workers: count } = settings
  // Each worker accepts by itself: see docs/decisions on workers.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  cluster.setupPrimary({ exec: module, args: [...args] })
  const lender = tokenLender(memoryBuckets(), { workers: count })
  const metrics = async () => ({ contentType: own.contentType, body: await metricsOf(crew, await own.text()) })
  const answers: Answers = {
    metrics,
    mails: () => ask(crew, 1, 'mails'),
    queue: () => ask(crew, 1, 'queue'),
  }
  const place = { count, server: server && { url: server.url, dataDir: server.dataDir } }
  const crew = createCrew(
    count,
    (its) => forkWorker({ ...its, ...place }, { lender, answers, news: (news) => crew.spread(news, its.id) }),
    { log },
  )
  const own = createMetrics(WORKER_METRICS, async () => workerFigures(crew))
  const kill = () => crew.kill()
  process.once('exit', kill)
  const giveUp = () => void crew.stop(0)
  signal?.addEventListener('abort', giveUp)
  const lost = server && setInterval(() => tellWhenLost(server.lost(), crew), LOST_MS).unref()
  let admin: HttpServer | undefined
  const end = async (lameDuckMs: number) => {
    clearInterval(lost)
    await crew.stop(lameDuckMs)
    await admin?.close({ timeoutMs: 0 })
    await server?.stop()
    process.off('exit', kill)
  }
  try {
    signal?.throwIfAborted()
    const url = await crew.start()
    signal?.throwIfAborted()
    const health = createHealth({
      version,
      timeoutMs: CHECK_MS.system,
      services: idsOf(crew).map((id) => ({
        name: `worker-${id}`,
        health: () => ask(crew, id, 'health') as Promise<ServiceHealth>,
      })),
    })
    admin = await openAdminServer(version, settings, { metrics, health, log })
    log.info(`${count} workers serve`)
    const died = Promise.race([crew.died, ...(server ? [server.died] : [])])
    const stop = once(({ lameDuckMs = 0 }: StopOptions = {}) => end(lameDuckMs))
    return { url, log, shutdownTimeoutMs, died, stop }
  } catch (error) {
    await end(0)
    throw error
  } finally {
    signal?.removeEventListener('abort', giveUp)
  }
}

const WORKER_METRICS: readonly Metric[] = [
  { name: 'lintel_workers', help: 'Workers that serve', labels: [] },
  { name: 'lintel_worker_pid', help: 'Process id of each worker that serves', labels: ['id'] },
  { name: 'lintel_worker_restarts_total', help: 'Workers that ended and were started again', labels: [] },
]

function workerFigures(crew: Crew): Map<string, Sample[]> {
  const { serving, restarts } = crew
  const pids = idsOf(crew).flatMap((id) => {
    const value = crew.process(id)?.pid
    return value === undefined ? [] : [{ labels: { id: `${id}` }, value }]
  })
  return new Map<string, Sample[]>([
    ['lintel_worker_pid', pids],
    ['lintel_workers', [{ labels: {}, value: serving }]],
    ['lintel_worker_restarts_total', [{ labels: {}, value: restarts }]],
  ])
}

/** Of the primary and of each worker that answers; one that does not is left out, and the rest is shown. */
async function metricsOf(crew: Crew, own: string): Promise<string> {
  const texts = new Map([['primary', own]])
  const ids = idsOf(crew)
  const asked = await Promise.allSettled(ids.map((id) => ask(crew, id, 'metrics')))
  asked.forEach((one, i) => {
    if (one.status === 'fulfilled') texts.set(`${ids[i]}`, one.value as string)
  })
  return joinMetrics(texts)
}

function idsOf({ size }: Crew): number[] {
  return Array.from({ length: size }, (_, i) => i + 1)
}

async function ask(crew: Crew, id: number, question: Question): Promise<unknown> {
  const worker = crew.process(id)
  if (worker === undefined) throw new Error(`worker ${id} is being started again`)
  return worker.ask(question)
}

/** How long the folder of an embedded server may be gone before workers hear of it. */
const LOST_MS = 1_000

function tellWhenLost(reason: string | undefined, crew: Crew): void {
  if (reason !== undefined) crew.tellAll({ kind: 'lost', reason })
}

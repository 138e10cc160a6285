import { serviceCaller } from '../auth/caller.ts'
import { handled } from '../base/handled.ts'
import type { Cache } from '../cache/cache.ts'
import type { ServicePort } from '../call/call.ts'
import { SignalBound } from '../call/context.ts'
import type { ServiceHealth } from '../call/health.ts'
import { tracedService } from '../call/traced.ts'
import type { AnyResource } from '../contract/resource.ts'
import { readCascades } from '../data/cascades.ts'
import { type Listener, listen } from '../data/listen.ts'
import { observed } from '../data/observed.ts'
import { COMMITTED, notifyCommitted } from '../data/outbox.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import { RELAY } from '../data/readers.ts'
import type { HeldUp } from '../data/settling.ts'
import type { Carrier } from '../events/carrier.ts'
import { readsOf } from '../events/read-events.ts'
import { type EventsState, type RunningEvents, registerConsumers, runEvents } from '../events/run.ts'
import { type JobsState, type RunningJobs, runJobs } from '../events/run-jobs.ts'
import { serveEvents } from '../events/serve-events.ts'
import type { Log } from '../observe/log.ts'
import type { SecurityLog } from '../observe/security-log.ts'
import type { Span, Tracer } from '../observe/span.ts'
import { statementObserver } from '../observe/statement-spans.ts'
import { boundedCheck, CHECK_MS, NoAnswer } from '../resilience/bounded-check.ts'
import type { Bound } from '../resilience/watch.ts'
import type { BucketOptions } from '../service/buckets.ts'
import type { Surroundings } from '../service/environment.ts'
import { type BegunWork, eventHandling } from '../service/event-handling.ts'
import type { Unit } from '../service/handler.ts'
import type { Service } from '../service/implement.ts'
import { jobHandling, linesOf } from '../service/job-handling.ts'
import { createPipeline } from '../service/pipeline.ts'
import { type Runtime, unitRunner } from '../service/unit.ts'
import { WorkContext } from '../service/work-context.ts'
import { type Calls, callsOf } from './calls.ts'
import { EVENT_SIZES, READ_SIZES } from './connection-budget.ts'
import type { Peer } from './peers.ts'
import { SWEEPS, sweep } from './sweeps.ts'
import { hasEvents, hasJobs, worksBehind } from './system.ts'

export interface RunningService extends ServicePort {
  readonly service: Service<any>
  readonly database: Database
  readonly cache: Cache
  /**
   * Does work of the service's own in a transaction, with its events and its clients of other services. When `signal` aborts, it is
   * rolled back.
   */
  run<T>(work: (unit: Unit) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Makes ready what the service needs before its first request; answers what the operator should know. */
  prepare(): Promise<string | undefined>
  /** `listener` is told of the events of each change before the change is answered. */
  onCommitted(listener: CommitListener): void
  /** Begins what it does of its own accord; with a carrier it publishes and consumes events. */
  begin(surroundings: Surroundings, carrier: Carrier | undefined): void
  /** How its calls of other services are doing, by their names. */
  calls: Calls['state']
  /** How its events are doing; undefined where it has none. Rejects where its database does not say so in time (`CHECK_MS.dependency`). */
  events(): Promise<EventsState | undefined>
  /** How its jobs are doing, likewise. */
  jobs(): Promise<JobsState | undefined>
  /** Looks at once for events and jobs that another process has made for it. */
  wake(): void
  /** Resolves when it has nothing more to do of its own accord than to wait. */
  idle(): Promise<void>
  /** Readers of its events are answered at once from now on. */
  drain(): void
  /** Ends what it does of its own accord. Others may still call it, and read its events. */
  end(): Promise<void>
  /** The same, and closes its database. */
  stop(): Promise<void>
}

type CommitListener = NonNullable<Runtime['committed']>

/** Runs a service in this process, on a database that is its own from now on; `others` are the services that it may call, by name. */
export async function runService(
  service: Service<any>,
  database: Database,
  others: ReadonlyMap<string, Peer>,
  options: {
    settings: Readonly<Record<string, unknown>>
    url: string
    lost: () => string | undefined
    checkAnswers: boolean
    log: Log
    stopGraceMs: number
    outboxRetentionMs: number
    /** Consumers of its events, all over the system, which read them here; undefined where there is a broker. */
    readers: ReadonlySet<string> | undefined
    limits: BucketOptions
    security?: SecurityLog | undefined
    cache: Cache
    tracer?: Tracer | undefined
    /** Wakes the process that handles its events and does its jobs, where that is another worker. */
    wakeElsewhere?: (() => void) | undefined
  },
): Promise<RunningService> {
  const { contract } = service
  const [[secret], cascades] = await Promise.all([
    database.cells(`select value from lintel.secrets where name = 'cursor'`),
    readCascades(database, contract),
  ]).catch(async (error) => {
    await database.close()
    throw error
  })
  const calls = callsOf(contract.name, others, options.tracer)
  const listeners: CommitListener[] = []
  let events: RunningEvents | undefined
  let jobs: RunningJobs | undefined
  let listener: Listener | undefined
  let opened: Database | undefined
  /** Of its own: a mail server that is slow keeps handlers waiting, and must not keep requests waiting with them. */
  const eventsDatabase = () =>
    (opened ??= observed(
      openDatabase(contract.name, options.url, {
        ...(wakeElsewhere ? READ_SIZES : EVENT_SIZES),
        // Behind handlers that wait for a mail server it may take long, and is no failure.
        acquireTimeoutMs: 30_000,
        faults: database.faults,
        lost: options.lost,
      }),
      statementObserver(options.log.child({ service: contract.name }), tracer),
    ))
  const { cache, tracer, wakeElsewhere } = options
  const notifyOthers = () => notifyCommitted(database).catch(() => {})
  const tell = async (types: ReadonlySet<string>) => {
    for (const listener of listeners) await listener(types)
  }
  const runtime: Runtime = {
    database,
    cache,
    cursorSecret: secret![0]!,
    settings: options.settings,
    cascades: cascades.size > 0 ? cascades : undefined,
    checkAnswers: options.checkAnswers,
    limits: options.limits,
    security: options.security,
    committed(types) {
      if (events || wakeElsewhere) served?.wake()
      if (events) events.wake()
      else if (wakeElsewhere) wakeElsewhere()
      else return notifyOthers().then(() => tell(types))
      return listeners.length > 0 ? tell(types) : undefined
    },
    enqueued() {
      if (jobs) jobs.wake()
      else if (wakeElsewhere) wakeElsewhere()
      else return notifyOthers()
    },
    call: calls.client,
    contractOf: (resource) =>
      [...others.values()].find(({ contract: other }) => Object.values<AnyResource>(other.resources).includes(resource))
        ?.contract,
  }
  const inUnit = unitRunner(contract, runtime)
  const pipeline = createPipeline(service, runtime)
  const log = options.log.child({ service: contract.name })
  const heldUp = ({ pid, application, openMs }: HeldUp) =>
    log.warn(
      { pid, application, openMs },
      `events wait for a transaction of ${application} (process ${pid} of PostgreSQL) that has emitted and is still open`,
    )
  const served =
    options.readers && Object.keys(contract.events).length > 0
      ? serveEvents({ database: eventsDatabase, url: options.url, readers: options.readers, heldUp })
      : undefined
  const traced = tracer === undefined ? pipeline : tracedService(pipeline, contract, tracer)
  const reads = readsOf(contract.name)
  const own = (signal?: AbortSignal, { bound, span }: { bound?: Bound | undefined; span?: Span | undefined } = {}) =>
    new WorkContext({
      caller: serviceCaller(contract.name),
      log: (ids) => log.child(ids),
      signal,
      bound,
      span,
    })
  const run: RunningService['run'] = (work, signal) =>
    inUnit(work, own(signal, { bound: signal && new SignalBound(signal) }))
  const readers = [...(options.readers ?? [RELAY])]
  const beginJobs = (runOwn: typeof inUnit, database: Database, surroundings: Surroundings) => {
    const sweeping = { database, url: options.url, readers, retentionMs: options.outboxRetentionMs }
    const handle = jobHandling(service, {
      surroundings,
      log,
      tracer,
      run: (work, context) => handled(runOwn(work, context)),
    })
    return runJobs<BegunWork>({
      jobs: { ...contract.jobs, ...SWEEPS },
      waiting: new Set(surroundings.mail === undefined ? service.mailers : []),
      database,
      // Of the connections they leave some to handlers of events.
      run: (work) => runOwn((_, tx, unitFor) => work({ tx, unitFor }), own(), { share: 'jobs' }),
      async handle(job, begun, time) {
        await (sweep(job.name, sweeping, time.signal) ?? handle(job, begun, time))
      },
      // Soon after the start, but not in the middle of it.
      firstInMs: (name) => (Object.hasOwn(SWEEPS, name) ? 5_000 + 25_000 * Math.random() : 0),
      // Nobody enqueues a sweep.
      ...(hasJobs(service) ? {} : { pollMs: 60_000 }),
      busy: () => void notifyOthers(),
      graceMs: options.stopGraceMs,
      failed(error, job, last) {
        if (!job) return log.warn({ err: error }, 'could not look for jobs')
        const about = { ...linesOf(job, contract.name), attempts: job.attempt, err: error }
        if (last) log.error(about, 'job failed for the last time; see `lintel work list --failed`')
        else log.warn(about, 'job failed; will retry')
      },
    })
  }
  let ending: Promise<unknown> | undefined
  const end = async () => {
    ending ??= Promise.all([listener?.close(), events?.stop(), jobs?.stop()])
    await ending
  }
  return {
    name: contract.name,
    service,
    database,
    cache,
    port: served === undefined ? traced : (call) => (call.operation === reads ? served.port(call) : traced(call)),
    health: async () => calls.healthWith(await healthOf(database, opened)),
    calls: calls.state,
    run,
    async prepare() {
      const notice = service.prepare && (await run((unit) => service.prepare!(unit)))
      await registerConsumers(contract, database)
      return notice ?? undefined
    },
    begin(surroundings, carrier) {
      const runOwn = worksBehind(service) ? unitRunner(contract, { ...runtime, database: eventsDatabase() }) : undefined
      if (carrier && runOwn && hasEvents(service)) {
        events = runEvents(contract, {
          database: eventsDatabase(),
          carrier,
          readers,
          served,
          heldUp,
          run: (work, consumer) => runOwn((_, tx, unitFor) => work({ tx, unitFor }), own(), { share: consumer }),
          ...eventHandling(service, surroundings, tracer),
          log,
          retentionMs: options.outboxRetentionMs,
          graceMs: options.stopGraceMs,
        })
      }
      jobs = beginJobs(runOwn ?? inUnit, runOwn ? eventsDatabase() : database, surroundings)
      if (runOwn)
        listener = listen(options.url, COMMITTED, () => {
          events?.heard()
          jobs?.wake()
        })
    },
    async idle() {
      await events?.idle()
      await jobs?.idle()
    },
    events: boundedCheck(CHECK_MS.dependency, async () => events?.state()),
    jobs: boundedCheck(CHECK_MS.dependency, async () => jobs?.state()),
    wake() {
      served?.wake()
      events?.wake()
      jobs?.wake()
    },
    drain: () => served?.drain(),
    onCommitted: (listener) => listeners.push(listener),
    end,
    async stop() {
      await end()
      await Promise.all([cache.stop(), served?.close()])
      await Promise.all([database.close(), opened?.close()])
    },
  }
}

/** Of a service's database, which it may also reach over connections of its events. */
async function healthOf(database: Database, ofEvents: Database | undefined): Promise<ServiceHealth> {
  const down = (status: ServiceHealth['status'], message: string): ServiceHealth => ({
    status,
    checks: { database: { status: 'down', message } },
  })
  const { lost } = database.outage
  if (lost !== undefined) return down('unhealthy', lost)
  try {
    const latency = await database.ping()
    // It answers, and reads may well go on.
    const reason = database.outage.reason ?? ofEvents?.outage.reason
    if (reason !== undefined) return down('degraded', reason)
    return { status: 'healthy', checks: { database: { status: 'up', latency: Math.round(latency * 10) / 10 } } }
  } catch (error) {
    return down('unhealthy', error instanceof NoAnswer ? error.message : 'unreachable')
  }
}

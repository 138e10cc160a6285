import { serviceCaller } from '../auth/caller.ts'
import { Fault } from '../base/errors.ts'
import { type Client, client } from '../calls/client.ts'
import { inProcess } from '../calls/in-process.ts'
import type { Contract } from '../contract/service.ts'
import type { Database } from '../data/pool.ts'
import { sweepIdempotencyKeys } from '../data/purge.ts'
import type { Log } from '../observe/log.ts'
import { type BackgroundContext, type Loop, loop } from '../service/background.ts'
import type { Unit } from '../service/handler.ts'
import type { Service } from '../service/implement.ts'
import { createPipeline } from '../service/pipeline.ts'
import type { ServiceHealth, Upstream } from '../service/request.ts'
import { type Runtime, unitRunner } from '../service/unit.ts'
import type { Env } from './settings.ts'

export interface RunningService extends Upstream {
  readonly service: Service<any>
  readonly database: Database
  /** Does work of the service's own in a transaction, with its events and its clients of other services. */
  run<T>(work: (unit: Unit) => Promise<T>): Promise<T>
  /** Makes ready what the service needs before its first request; answers what the operator should know. */
  prepare(): Promise<string | undefined>
  /** `listener` is told of the events of each change before the change is answered. */
  onCommitted(listener: CommitListener): void
  /** Begins what it does of its own accord. */
  begin(outside: Outside): void
  /** Resolves when it has nothing more to do of its own accord than to wait. */
  idle(): Promise<void>
  /** Ends what it does of its own accord, and closes its database. */
  stop(): Promise<void>
}

/** What a service in the background sees of the world. */
export type Outside = Pick<BackgroundContext<any>, 'mail' | 'publicUrl'>

type CommitListener = NonNullable<Runtime['committed']>

const SWEEP_MS = 3_600_000

/** Runs a service in this process, on a database that is its own from now on; `upstreams` are the services that it may call, by name. */
export async function runService(
  service: Service<any>,
  database: Database,
  upstreams: ReadonlyMap<string, Upstream>,
  options: { env: Env; checkAnswers: boolean; log: Log; stopGraceMs: number },
): Promise<RunningService> {
  const { contract } = service
  const [secret] = await database
    .cells(`select value from lintel.secrets where name = 'cursor'`)
    .catch(async (error) => {
      await database.close()
      throw error
    })
  const clients = new Map<string, Client<any>>()
  const listeners: CommitListener[] = []
  let background: Loop | undefined
  const runtime: Runtime = {
    database,
    cursorSecret: secret![0]!,
    checkAnswers: options.checkAnswers,
    async committed(types) {
      for (const listener of listeners) await listener(types)
    },
    wake: () => background?.wake(),
    call<D extends Contract<any, any, any>>(other: D): Client<D> {
      let known = clients.get(other.name)
      if (!known) {
        const upstream = upstreams.get(other.name)
        if (!upstream)
          throw new Fault(
            'UNKNOWN_SERVICE',
            `${contract.name} calls "${other.name}", which is not in this system: add it to system({ services })`,
          )
        known = client(other, inProcess(upstream, other, { caller: serviceCaller(contract.name) }))
        clients.set(other.name, known)
      }
      return known as Client<D>
    },
  }
  const run = unitRunner(contract, runtime)
  const sweep = setInterval(() => {
    sweepIdempotencyKeys(database).catch((error) => options.log.warn(error, 'old idempotency keys were not swept'))
  }, SWEEP_MS)
  sweep.unref()
  return {
    name: contract.name,
    service,
    database,
    handle: createPipeline(service, runtime),
    health: () => healthOf(database),
    run,
    async prepare() {
      const notice = service.prepare && (await run((unit) => service.prepare!(unit, options.env)))
      return notice ?? undefined
    },
    begin(outside) {
      const { background: work } = service
      if (!work) return
      const log = options.log.child({ service: contract.name })
      background = loop((signal) => work({ ...outside, run, log, signal }), {
        graceMs: options.stopGraceMs,
        failed: (error) => log.warn(error, 'what it does in the background failed, and is tried again'),
      })
    },
    idle: async () => background?.idle(),
    onCommitted: (listener) => listeners.push(listener),
    async stop() {
      clearInterval(sweep)
      await background?.stop()
      await database.close()
    },
  }
}

async function healthOf(database: Database): Promise<ServiceHealth> {
  try {
    const latency = await database.ping()
    return { status: 'healthy', checks: { database: { status: 'up', latency: Math.round(latency * 10) / 10 } } }
  } catch {
    return { status: 'unhealthy', checks: { database: { status: 'down', message: 'out of reach' } } }
  }
}

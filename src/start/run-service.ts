import { serviceCaller } from '../auth/caller.ts'
import { Fault } from '../base/errors.ts'
import { type Client, client } from '../calls/client.ts'
import { inProcess } from '../calls/in-process.ts'
import type { Contract } from '../contract/service.ts'
import type { Database } from '../data/pool.ts'
import { sweepIdempotencyKeys } from '../data/purge.ts'
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
  /** Ends what it does of its own accord, and closes its database. */
  stop(): Promise<void>
}

type CommitListener = NonNullable<Runtime['committed']>

const SWEEP_MS = 3_600_000

/** Runs a service in this process, on a database that is its own from now on; `upstreams` are the services that it may call, by name. */
export async function runService(
  service: Service<any>,
  database: Database,
  upstreams: ReadonlyMap<string, Upstream>,
  options: { env: Env; checkAnswers: boolean; warn: (error: unknown, message: string) => void },
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
  const runtime: Runtime = {
    database,
    cursorSecret: secret![0]!,
    checkAnswers: options.checkAnswers,
    async committed(types) {
      for (const listener of listeners) await listener(types)
    },
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
    sweepIdempotencyKeys(database).catch((error) => options.warn(error, 'old idempotency keys were not swept'))
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
    onCommitted: (listener) => listeners.push(listener),
    async stop() {
      clearInterval(sweep)
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

import { addressOf } from '../data/connection.ts'
import type { Database, DatabaseOptions } from '../data/pool.ts'
import type { Log } from '../observe/log.ts'
import type { Service } from '../service/implement.ts'
import { worksBehind } from './system.ts'

type Sizes = Required<Pick<DatabaseOptions, 'poolSize' | 'readLanes' | 'listLanes'>>

/**
 * Ten transactions at once, one statement that runs alone, and four that reads share. Two replicas of two services have 96
 * connections then, and PostgreSQL admits 97.
 */
export const USUAL_POOL = 15
/** Below it, no connection would be left for transactions. */
export const SMALLEST_POOL = 4
export const LARGEST_POOL = 500

/** How the requests of a service share DATABASE_POOL_SIZE connections. */
export function shareOut(size: number): Sizes {
  const lanes = size < 8 ? 1 : 2
  return { readLanes: lanes, listLanes: lanes, poolSize: size - 2 * lanes }
}

/** Of the events and jobs of a service: four handlers at once, which may wait for a mail server, and whoever reads the outbox. Besides, two listen. */
export const EVENT_SIZES: Sizes = { readLanes: 1, listLanes: 0, poolSize: 5 }

const sum = ({ readLanes, listLanes, poolSize }: Sizes) => readLanes + listLanes + poolSize
/** Of a worker that handles no events: it reads them for consumers in other processes. */
export const READ_SIZES: Sizes = { readLanes: 1, listLanes: 0, poolSize: 2 }
/** Besides DATABASE_POOL_SIZE, for each service with events or jobs. */
export const EVENT_CONNECTIONS = sum(EVENT_SIZES) + 2
/** The same in each further worker. */
export const READ_CONNECTIONS = sum(READ_SIZES) + 1

export interface Opened extends Pick<Service<any>, 'contract'> {
  readonly database: Database
  readonly url: string
}

/** How `workers` processes of one machine share the work; events are in one of them. */
export interface PoolSetting {
  readonly poolSize: number
  readonly workers?: number
}

/** How many connections the processes of a machine with these services have at most. */
export function mostConnections(
  services: readonly Pick<Service<any>, 'contract'>[],
  { poolSize, workers = 1 }: PoolSetting,
): number {
  const ofEvents = EVENT_CONNECTIONS + (workers - 1) * READ_CONNECTIONS
  return services.reduce((all, one) => all + workers * poolSize + (worksBehind(one) ? ofEvents : 0), 0)
}

/** Says so where a server admits fewer connections than this process and its fellow workers may need (FC-83). */
export async function warnOfFewConnections(opened: readonly Opened[], setting: PoolSetting, log: Log): Promise<void> {
  const { workers = 1 } = setting
  const byServer = new Map<string, Opened[]>()
  for (const one of opened) {
    const { host, port } = addressOf(one.url)
    const server = `${host}:${port}`
    byServer.set(server, [...(byServer.get(server) ?? []), one])
  }
  for (const [server, services] of byServer) {
    const [row] = await services[0]!.database.cells(
      `select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer`,
    )
    const admitted = Number(row![0])
    const needed = mostConnections(services, setting)
    if (needed <= admitted) continue
    log.warn(
      { server, needed, admitted },
      `${workers === 1 ? 'this process' : `${workers} workers`} may need ${needed} connections to PostgreSQL at ${server}, which admits ${admitted}: ` +
        `lower DATABASE_POOL_SIZE${workers === 1 ? '' : ' or LINTEL_WORKERS'}, or raise max_connections of the server`,
    )
  }
}

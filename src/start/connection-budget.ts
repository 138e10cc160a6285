import { addressOf } from '../data/connection.ts'
import type { Database, DatabaseOptions } from '../data/pool.ts'
import type { Log } from '../observe/log.ts'
import type { Service } from '../service/implement.ts'
import { hasEvents } from './system.ts'

type Sizes = Required<Pick<DatabaseOptions, 'poolSize' | 'readLanes' | 'listLanes'>>

/** Below it, no connection would be left for transactions. */
export const SMALLEST_POOL = 4
export const LARGEST_POOL = 500

/** How the requests of a service share DATABASE_POOL_SIZE connections. */
export function shareOut(size: number): Sizes {
  const lanes = size < 8 ? 1 : 2
  return { readLanes: lanes, listLanes: lanes, poolSize: size - 2 * lanes }
}

/** Of the events of a service: handlers, which may wait for a mail server, and the relay. Besides, one listens. */
export const EVENT_SIZES: Sizes = { readLanes: 1, listLanes: 0, poolSize: 6 }
export const CARRIER_SIZES: Sizes = { readLanes: 1, listLanes: 0, poolSize: 4 }

const sum = ({ readLanes, listLanes, poolSize }: Sizes) => readLanes + listLanes + poolSize
/** Besides DATABASE_POOL_SIZE, for each service with events. */
export const EVENT_CONNECTIONS = sum(EVENT_SIZES) + 1
/** For each process, where PostgreSQL carries the events. */
export const CARRIER_CONNECTIONS = sum(CARRIER_SIZES) + 1

export interface Opened extends Pick<Service<any>, 'contract'> {
  readonly database: Database
  readonly url: string
}

/** Says so where a server admits fewer connections than this process may need (FC-83). */
export async function warnOfFewConnections(opened: readonly Opened[], poolSize: number, log: Log): Promise<void> {
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
    const needed = services.reduce(
      (all, one) => all + poolSize + (hasEvents(one) ? EVENT_CONNECTIONS : 0),
      services.some(hasEvents) ? CARRIER_CONNECTIONS : 0,
    )
    if (needed <= admitted) continue
    log.warn(
      { server, needed, admitted },
      `this process may need ${needed} connections to PostgreSQL at ${server}, which admits ${admitted}: ` +
        'lower DATABASE_POOL_SIZE, or raise max_connections of the server',
    )
  }
}

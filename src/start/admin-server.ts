import type { Document } from '../gateway/built-ins.ts'
import { createGateway, type Gateway } from '../gateway/gateway.ts'
import { createHttpServer, type HttpServer } from '../http/server.ts'
import type { Log } from '../observe/log.ts'
import type { Settings } from './settings.ts'

export interface AdminServerOptions {
  readonly metrics: () => Promise<Document>
  readonly health: Gateway['health']
  readonly log: Log
}

/** A port for operators: `/metrics` and `/health`, and nothing of the API. Undefined without ADMIN_PORT. */
export async function openAdminServer(
  version: string,
  { adminPort: port, host }: Settings,
  { metrics, health, log }: AdminServerOptions,
): Promise<HttpServer | undefined> {
  if (port === undefined) return undefined
  const gateway = createGateway({ services: [], verifier: undefined, version, metrics, health, log })
  const server = createHttpServer(gateway.handle, { log })
  const address = await server.listen({ host, port })
  log.info(`metrics are at port ${address.port} (ADMIN_PORT)`)
  return server
}

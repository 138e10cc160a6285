import { createKeySet } from '../auth/key-set.ts'
import { createTokenVerifier } from '../auth/tokens.ts'
import { ANONYMOUS } from '../auth/caller.ts'
import { client } from '../calls/client.ts'
import { inProcess } from '../calls/in-process.ts'
import { documentsOf } from '../contract/documents/openapi.ts'
import { createGateway } from '../gateway/gateway.ts'
import { createHttpServer } from '../http/server.ts'
import { createLog, type Log } from '../observe/log.ts'
import { findDatabases, migrateService, openServiceDatabase } from './databases.ts'
import { type RunningService, runService } from './run-service.ts'
import { type Env, readSettings } from './settings.ts'
import type { System } from './system.ts'

export interface Running {
  /** Where the gateway listens: `http://127.0.0.1:3000`. */
  readonly url: string
  readonly log: Log
  /** Resolves with a message when the system cannot go on, such as a database server that ended by itself. */
  readonly died: Promise<string>
  /** Drains and stops everything, within SHUTDOWN_TIMEOUT. May be called again. */
  stop(): Promise<void>
}

/**
 * Runs a system in this process: databases, services, gateway. Faults name what is wrong and what to do.
 *
 * ```ts
 * const running = await start(system({ services: [notes] }))
 * console.log(running.url)
 * ```
 */
export async function start(system: System, env: Env = process.env): Promise<Running> {
  const settings = readSettings(env)
  const log = await createLog(settings.logLevel)
  const undo: (() => Promise<unknown>)[] = []
  const stop = once(async () => {
    for (const step of undo.reverse()) await step().catch((error) => log.error(error, 'while stopping'))
  })
  try {
    const databases = await findDatabases(system, settings, log)
    undo.push(() => databases.stop())
    const upstreams = new Map<string, RunningService>()
    for (const service of system.services) {
      const url = databases.urls.get(service.contract.name)!
      // In production a deployment migrates first (`lintel migrate`), so that replicas start with nothing to wait for.
      if (!settings.databaseUrl || !settings.production) await migrateService(service, url, log)
      const database = await openServiceDatabase(service, url, log)
      undo.push(() => database.close())
      const running = await runService(service, database, upstreams, {
        env: settings.env,
        checkAnswers: !settings.production,
        warn: (error, message) => log.warn(error, message),
      })
      undo.push(async () => running.stop())
      upstreams.set(running.name, running)
    }
    for (const running of upstreams.values()) await running.prepare()

    const gateway = createGateway({
      services: [...upstreams.values()].map((upstream) => ({ contract: upstream.service.contract, upstream })),
      verifier: verifierOf(system, upstreams),
      version: system.version,
      documents: documentsOf(
        system.services.map(({ contract }) => contract),
        { title: system.name, systemVersion: system.version },
      ),
      log,
    })
    const server = createHttpServer(gateway.handle)
    const { address, family, port } = await server.listen({ host: settings.host, port: settings.port })
    const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
    undo.push(() => {
      gateway.drain()
      return server.close({ timeoutMs: settings.shutdownTimeoutMs })
    })
    log.info({ url }, `${system.name} ${system.version} listens on ${url}`)
    return { url, log, died: databases.died, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Verifies access tokens with the keys that the issuing service shows. */
function verifierOf(system: System, upstreams: ReadonlyMap<string, RunningService>) {
  if (!system.auth) return undefined
  const { service, issuer, audience } = system.auth
  const issuing = client(service, inProcess(upstreams.get(service.name)!, service, { caller: ANONYMOUS })) as unknown as {
    keys(): ReturnType<Parameters<typeof createKeySet>[0]>
  }
  return createTokenVerifier({ keys: createKeySet(() => issuing.keys()), issuer, audience })
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => (done ??= work())
}

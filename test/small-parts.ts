import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inject } from 'vitest'
import type { AnyContract } from '../src/contract/index.ts'
import type { CallTransport } from '../src/door/far-service.ts'
import type { Handlers } from '../src/service/handler.ts'
import { implement } from '../src/service/implement.ts'
import { system } from '../src/start/define-system.ts'
import { start } from '../src/start/start.ts'
import type { System } from '../src/start/system.ts'
import { clonesOf } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import type { SmallSystem } from './small-system.ts'

/** A small system of one service, in parts. */
export async function smallParts<C extends AnyContract>(
  contract: C,
  handlers: Handlers<C>,
  sql: string,
  transport: CallTransport,
): Promise<SmallSystem & { stopService(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'lintel-parts-'))
  await writeFile(join(folder, '0001-tables.sql'), sql)
  const made = system({ services: [implement(contract, handlers, { migrations: pathToFileURL(`${folder}/`) })] })
  const parts = await partsOf(made, transport)
  return {
    url: parts.url,
    database: parts.databases[contract.name]!,
    stopService: parts.stopServices,
    async stop() {
      await parts.stop()
      await rm(folder, { recursive: true })
    },
  }
}

/** A system whose gateway calls its services through their door, as if they were in two processes. */
export async function partsOf(made: System, transport: CallTransport, settings: Record<string, string> = {}) {
  const clones = await clonesOf(inject('databaseServer'), made.services)
  const env = {
    PORT: '0',
    LOG_LEVEL: 'fatal',
    NODE_ENV: 'development',
    LINTEL_INTERNAL_KEY: 'a key that only one test knows of',
    LINTEL_CALL_TRANSPORT: transport,
    RATE_LIMIT_MAX: '1000000',
    // So that requests may say that they come from several addresses.
    TRUSTED_PROXIES: '127.0.0.1',
    ...databaseSettings(clones.urls),
    ...settings,
  }
  const names = made.services.map(({ contract }) => contract.name)
  const services = await start(made, env, { parts: names })
  const urls = Object.fromEntries(names.map((name) => [`${name.toUpperCase()}_URL`, services.url]))
  const gateway = await start(made, { ...env, ...urls }, { parts: ['gateway'] })
  return {
    url: gateway.url,
    databases: clones.urls,
    stopServices: () => services.stop(),
    async stop() {
      await gateway.stop()
      await services.stop()
      await clones.drop()
    },
  }
}

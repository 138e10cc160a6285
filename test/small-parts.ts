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
import { clonesOf } from '../src/testing/database.ts'
import { databaseSettings } from '../src/testing/system.ts'
import type { SmallSystem } from './small-system.ts'

/** A small system of one service whose gateway calls it through its door, as if they were in two processes. */
export async function smallParts<C extends AnyContract>(
  contract: C,
  handlers: Handlers<C>,
  sql: string,
  transport: CallTransport,
): Promise<SmallSystem & { stopService(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'lintel-parts-'))
  await writeFile(join(folder, '0001-tables.sql'), sql)
  const made = system({ services: [implement(contract, handlers, { migrations: pathToFileURL(`${folder}/`) })] })
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
  }
  const service = await start(made, env, { parts: [contract.name] })
  const setting = `${contract.name.toUpperCase()}_URL`
  const gateway = await start(made, { ...env, [setting]: service.url }, { parts: ['gateway'] })
  return {
    url: gateway.url,
    database: clones.urls[contract.name]!,
    stopService: () => service.stop(),
    async stop() {
      await gateway.stop()
      await service.stop()
      await clones.drop()
      await rm(folder, { recursive: true })
    },
  }
}

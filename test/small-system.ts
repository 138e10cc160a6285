import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inject } from 'vitest'
import type { AnyContract } from '../src/contract/contract.ts'
import type { Handlers } from '../src/service/handler.ts'
import { implement, type ServiceOptions } from '../src/service/implement.ts'
import { system } from '../src/start/define-system.ts'
import { testSystem } from '../src/testing/system.ts'

export interface SmallSystem {
  readonly url: string
  /** URL of its service's database. */
  readonly database: string
  stop(): Promise<void>
}

/** Runs a system of one service that a test makes up, on the tables of `sql`. It knows no users: everybody is anonymous. */
export async function smallSystem<C extends AnyContract>(
  contract: C,
  handlers: Handlers<C>,
  sql: string,
  env: Record<string, string> = {},
  options: Omit<ServiceOptions<C>, 'migrations'> = {},
  server = inject('databaseServer'),
): Promise<SmallSystem> {
  const folder = await mkdtemp(join(tmpdir(), 'lintel-small-'))
  await writeFile(join(folder, '0001-tables.sql'), sql)
  const service = implement(contract, handlers, { ...options, migrations: pathToFileURL(`${folder}/`) })
  const running = await testSystem(system({ services: [service] }), server, env)
  return {
    url: running.url,
    database: running.databases[contract.name]!,
    async stop() {
      await running.stop()
      await rm(folder, { recursive: true })
    },
  }
}

import type { Env } from '../start/given-settings.ts'
import { DEVELOPMENT } from '../start/settings.ts'
import { start } from '../start/start.ts'
import type { System } from '../start/system.ts'
import { clonesOf } from './database.ts'

const UNLIMITED = { RATE_LIMIT_MAX: '1000000', RATE_LIMIT_AUTH_MAX: '1000000' }

/** The settings that name databases, by the name of the service: `{ USERS_DATABASE_URL, … }`. */
export function databaseSettings(urls: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(urls).map(([name, url]) => [`${name.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`, url]),
  )
}

export interface TestSystem {
  readonly url: string
  /** URL of each service's database, by the service's name. */
  readonly databases: Readonly<Record<string, string>>
  stop(): Promise<void>
}

/**
 * Starts a system for one test file: on databases of its own, cloned from migrated templates, on a free port.
 * `serverUrl` is a PostgreSQL server (`testServer()` starts one). It is in development, whatever NODE_ENV the tests run with.
 * Tests ask more than any user: no limit is met unless `env` sets one.
 */
export async function testSystem(system: System, serverUrl: string, env: Env = {}): Promise<TestSystem> {
  const clones = await clonesOf(serverUrl, system.services)
  try {
    const running = await start(system, {
      PORT: '0',
      LOG_LEVEL: 'fatal',
      NODE_ENV: DEVELOPMENT,
      ...UNLIMITED,
      ...databaseSettings(clones.urls),
      ...env,
    })
    return {
      url: running.url,
      databases: clones.urls,
      async stop() {
        await running.stop()
        await clones.drop()
      },
    }
  } catch (error) {
    await clones.drop()
    throw error
  }
}

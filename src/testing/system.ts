import { CARRIER_MIGRATIONS } from '../data/event-log.ts'
import { DEVELOPMENT, type Env } from '../start/settings.ts'
import { start } from '../start/start.ts'
import type { System } from '../start/system.ts'
import { EVENTS, hasEvents } from '../start/system.ts'
import { type Clone, cloneOf, templateFor } from './database.ts'

const UNLIMITED = { RATE_LIMIT_MAX: '1000000', RATE_LIMIT_AUTH_MAX: '1000000' }

/** The carrier on PostgreSQL, for `templateFor`: what runs on databases of its own needs one for its events too. */
export const CARRIER = { contract: { name: EVENTS }, migrations: CARRIER_MIGRATIONS }

/** The settings that name databases, by the name of the service (or `events`): `{ USERS_DATABASE_URL, … }`. */
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
  const clones: Clone[] = []
  const urls: Record<string, string> = {}
  const dropAll = () => Promise.all(clones.map((clone) => clone.drop()))
  try {
    const onPostgres = !env.NATS_URL && system.services.some(hasEvents)
    for (const service of [...system.services, ...(onPostgres ? [CARRIER] : [])]) {
      const clone = await cloneOf(serverUrl, await templateFor(serverUrl, service))
      clones.push(clone)
      urls[service.contract.name] = clone.url
    }
    const running = await start(system, {
      PORT: '0',
      LOG_LEVEL: 'fatal',
      NODE_ENV: DEVELOPMENT,
      ...UNLIMITED,
      ...databaseSettings(urls),
      ...env,
    })
    return {
      url: running.url,
      databases: urls,
      async stop() {
        await running.stop()
        await dropAll()
      },
    }
  } catch (error) {
    await dropAll()
    throw error
  }
}

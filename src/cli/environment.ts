import { existsSync } from 'node:fs'
import { Fault } from '../base/errors.ts'
import { DEVELOPMENT } from '../start/settings.ts'

/**
 * What a command is about to do: serve as NODE_ENV says, serve in development, or work beside a system on its databases.
 * Nothing can be reached through the last kind, so without NODE_ENV it does as `lintel dev` would: both find the same data.
 * Where the environment names a database, that is the one, and a `.env` that lies about has no say in it.
 */
export type Purpose = 'serve' | 'develop' | 'beside'

/**
 * Settles whether this process is in development, and reads `.env` if it is; that never overrides the environment, and so
 * never says itself whether this is development (R-OPS-4). Returns the names that were there before.
 */
export function prepareEnvironment(purpose: Purpose): ReadonlySet<string> {
  const { env } = process
  const given = env.NODE_ENV || undefined
  // Test runners set `test` for whatever they start.
  if (purpose === 'develop' && given !== undefined && given !== DEVELOPMENT && given !== 'test')
    throw new Fault(
      'WRONG_SETTING',
      `NODE_ENV is "${given}", and \`lintel dev\` is for development: run \`lintel start\`, or unset NODE_ENV`,
    )
  if (purpose === 'develop' || (purpose === 'beside' && given === undefined && !namesDatabase(env)))
    env.NODE_ENV = DEVELOPMENT
  const names = new Set(Object.keys(env))
  if (env.NODE_ENV === DEVELOPMENT && existsSync('.env')) process.loadEnvFile('.env')
  return names
}

/** `DATABASE_URL`, `ORDERS_DATABASE_URL`, or a file that has it. */
function namesDatabase(env: NodeJS.ProcessEnv): boolean {
  return Object.keys(env).some((name) => /^(.+_)?DATABASE_URL(_FILE)?$/.test(name) && env[name])
}

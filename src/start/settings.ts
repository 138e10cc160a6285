import { readFileSync } from 'node:fs'
import { Fault } from '../base/errors.ts'

/** The environment, with every `NAME_FILE` read into `NAME`. */
export type Env = Readonly<Record<string, string | undefined>>

export interface Settings {
  readonly port: number
  readonly host: string
  readonly dataDir: string
  readonly databaseUrl: string | undefined
  readonly logLevel: string
  readonly startTimeoutMs: number
  readonly shutdownTimeoutMs: number
  readonly production: boolean
  readonly env: Env
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

/** Reads and checks the settings; a wrong one is a Fault that names it, its value and what was expected (R-OPS-4). */
export function readSettings(from: Env): Settings {
  const env = withFiles(from)
  return {
    port: whole(env, 'PORT', 3000, 0, 65_535),
    host: env.HOST || '127.0.0.1',
    dataDir: env.LINTEL_DATA_DIR || '.lintel',
    databaseUrl: postgresUrl(env, 'DATABASE_URL'),
    logLevel: oneOf(env, 'LOG_LEVEL', 'info', LEVELS),
    startTimeoutMs: whole(env, 'START_TIMEOUT', 30, 1, 3600) * 1000,
    shutdownTimeoutMs: whole(env, 'SHUTDOWN_TIMEOUT', 25, 1, 3600) * 1000,
    production: env.NODE_ENV === 'production',
    env,
  }
}

/** `<SERVICE>_DATABASE_URL`, where the service's database is somewhere of its own. */
export function serviceDatabaseUrl(env: Env, service: string): string | undefined {
  return postgresUrl(env, `${service.toUpperCase().replace(/-/g, '_')}_DATABASE_URL`)
}

/** A secret may stand in a file whose path `NAME_FILE` gives; a value of `NAME` itself goes first. */
function withFiles(from: Env): Env {
  const env: Record<string, string | undefined> = { ...from }
  for (const [name, path] of Object.entries(from)) {
    const target = name.endsWith('_FILE') ? name.slice(0, -5) : ''
    if (!KNOWN_SECRETS.test(target) || !path || env[target]) continue
    try {
      env[target] = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    } catch (cause) {
      throw new Fault('WRONG_SETTING', `${name} is "${path}": give a file that can be read`, { cause })
    }
  }
  return env
}

/** Ours alone: NPM_CONFIG_…_FILE and the like are not read. */
const KNOWN_SECRETS =
  /^(PORT|HOST|LINTEL_.+|(.+_)?DATABASE_URL|REDIS_URL|NATS_URL|SMTP_URL|RATE_LIMIT_.+|TRUSTED_PROXIES|LOG_LEVEL|ADMIN_PORT|START_TIMEOUT|SHUTDOWN_TIMEOUT|OUTBOX_RETENTION)$/

function whole(env: Env, name: string, unset: number, min: number, max: number): number {
  const text = env[name]
  if (text === undefined || text === '') return unset
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new Fault('WRONG_SETTING', `${name} is "${text}": give a whole number from ${min} to ${max}`)
}

function oneOf(env: Env, name: string, unset: string, values: readonly string[]): string {
  const text = env[name]
  if (text === undefined || text === '') return unset
  if (values.includes(text)) return text
  throw new Fault('WRONG_SETTING', `${name} is "${text}": give one of ${values.join(', ')}`)
}

/** The value is masked in the message: a URL may hold a password. */
function postgresUrl(env: Env, name: string): string | undefined {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  if (/^postgres(ql)?:\/\/\S+$/.test(text)) return text
  throw new Fault('WRONG_SETTING', `${name} is "${text.slice(0, 8)}…" (masked): give a URL such as postgresql://user:password@host:5432/postgres`)
}

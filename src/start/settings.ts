import { readFileSync } from 'node:fs'
import { Fault } from '../base/errors.ts'
import { addressOf } from '../data/connection.ts'

/** The environment, with every `NAME_FILE` read into `NAME`. */
export type Env = Readonly<Record<string, string | undefined>>

export interface Settings {
  readonly port: number
  readonly host: string
  readonly dataDir: string
  /** The server where each service has a database of its own; without one, an embedded server. */
  readonly databaseUrl: string | undefined
  /** By the name of the service, where its database is somewhere else: `<SERVICE>_DATABASE_URL`. */
  readonly serviceDatabaseUrls: ReadonlyMap<string, string>
  readonly logLevel: string
  readonly startTimeoutMs: number
  readonly shutdownTimeoutMs: number
  readonly production: boolean
  readonly env: Env
}

/**
 * Reads and checks the settings of a system with these services. Whatever is wrong is one Fault, which names each wrong
 * setting, its value and what was expected (R-OPS-4).
 */
export function readSettings(from: Env, services: readonly string[]): Settings {
  const wrong: string[] = []
  const env = withFiles(from, wrong)

  function read<T, U>(name: string, unset: U, kind: Kind<T>): T | U {
    const text = env[name]
    if (text === undefined || text === '') return unset
    const value = kind.parse(text)
    if (value === undefined) wrong.push(`${name} is ${kind.mask?.(text) ?? `"${text}"`}: give ${kind.expected}`)
    return value ?? unset
  }

  const serviceDatabaseUrls = new Map<string, string>()
  for (const service of services) {
    const url = read(`${service.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`, undefined, postgresUrl)
    if (url !== undefined) serviceDatabaseUrls.set(service, url)
  }
  const settings: Settings = {
    port: read('PORT', 3000, whole(0, 65_535)),
    host: env.HOST || '127.0.0.1',
    dataDir: env.LINTEL_DATA_DIR || '.lintel',
    databaseUrl: read('DATABASE_URL', undefined, postgresUrl),
    serviceDatabaseUrls,
    logLevel: read('LOG_LEVEL', 'info', oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')),
    startTimeoutMs: read('START_TIMEOUT', 30, whole(1, 3600)) * 1000,
    shutdownTimeoutMs: read('SHUTDOWN_TIMEOUT', 25, whole(1, 3600)) * 1000,
    production: env.NODE_ENV === 'production',
    env,
  }
  if (wrong.length > 0) throw new Fault('WRONG_SETTING', wrong.join('\n'))
  return settings
}

/** A setting may stand in a file whose path `NAME_FILE` gives, as secrets do; a value of `NAME` itself goes first. */
function withFiles(from: Env, wrong: string[]): Env {
  const env: Record<string, string | undefined> = { ...from }
  for (const [name, path] of Object.entries(from)) {
    const target = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : ''
    if (!OURS.test(target) || !path || env[target]) continue
    try {
      env[target] = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
    } catch (error) {
      wrong.push(`${name} is "${path}": give a file that can be read (${(error as NodeJS.ErrnoException).code})`)
    }
  }
  return env
}

/** NPM_CONFIG_…_FILE, OTEL_CONFIG_FILE and the like mean something else. */
const OURS =
  /^(PORT|HOST|LINTEL_.+|(.+_)?DATABASE_URL|REDIS_URL|NATS_URL|SMTP_URL|RATE_LIMIT_.+|TRUSTED_PROXIES|LOG_LEVEL|ADMIN_PORT|START_TIMEOUT|SHUTDOWN_TIMEOUT|OUTBOX_RETENTION)$/

interface Kind<T> {
  parse(text: string): T | undefined
  readonly expected: string
  /** What may be shown of a wrong value that may hold a secret. */
  mask?(text: string): string
}

function whole(min: number, max: number): Kind<number> {
  return {
    parse(text) {
      const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
    expected: `a whole number from ${min} to ${max}`,
  }
}

function oneOf(...values: readonly string[]): Kind<string> {
  return { parse: (text) => values.find((value) => value === text), expected: `one of ${values.join(', ')}` }
}

const postgresUrl: Kind<string> = {
  parse(text) {
    try {
      // Without what the query may name, such as the file of a certificate: that has a Fault of its own.
      addressOf(text.split('?')[0]!)
      return text
    } catch {
      return undefined
    }
  },
  expected:
    'a URL such as postgresql://user:password@host:5432/postgres, with special characters of the password percent-encoded',
  mask: (text) => `"${/^[a-z]+:\/\//.exec(text)?.[0] ?? ''}…" (masked)`,
}

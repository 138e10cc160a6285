import { readFileSync } from 'node:fs'
import type { BlockList } from 'node:net'
import { readEmail } from '../base/email.ts'
import { Fault } from '../base/errors.ts'
import { addressOf } from '../data/connection.ts'
import type { CorsOrigins } from '../gateway/cors.ts'
import { isHeaderName } from '../http/header-name.ts'
import { trustedProxies } from '../limits/client-address.ts'
import { ACCESS_LOGS, type AccessLog } from '../observe/access-log.ts'
import { LARGEST_POOL, SMALLEST_POOL } from './connection-budget.ts'
import { misspeltSettings } from './misspelt-settings.ts'
import { EVENTS } from './system.ts'

/** The environment, with every `NAME_FILE` read into `NAME`. */
export type Env = Readonly<Record<string, string | undefined>>

export interface Settings {
  readonly port: number
  readonly host: string
  readonly dataDir: string
  /** The server where each service has a database of its own; without one, an embedded server. */
  readonly databaseUrl: string | undefined
  /** By the name of the service (or `events`), where its database is somewhere else: `<SERVICE>_DATABASE_URL`. */
  readonly serviceDatabaseUrls: ReadonlyMap<string, string>
  /** Connections of each service in each process, for requests. */
  readonly databasePoolSize: number
  /** Where events are carried; without one, on PostgreSQL. */
  readonly natsUrl: string | undefined
  /** How long published events stay in the outbox. */
  readonly outboxRetentionMs: number
  /** Without one mail is caught in development, and waits in production. */
  readonly smtpUrl: string | undefined
  readonly mailFrom: string
  /** Where the API is for those outside, without a slash at the end; where the gateway listens, unless given. */
  readonly publicUrl: string | undefined
  readonly rateLimit: RateLimitSettings
  /** From where browsers may use the API; undefined: from its own origin alone. */
  readonly corsOrigins: CorsOrigins | undefined
  /** What pages of those origins may send and read besides the usual headers. */
  readonly corsHeaders: readonly string[]
  /** Where `/metrics` is in production; besides, with it, in development. */
  readonly adminPort: number | undefined
  readonly logLevel: string
  /** Which requests have a line in the log. */
  readonly accessLog: AccessLog
  readonly startTimeoutMs: number
  /** Until the deadline of requests whose operation has none of its own. */
  readonly requestTimeoutMs: number
  readonly shutdownTimeoutMs: number
  /** Everywhere but where NODE_ENV is exactly `development` (R-OPS-4): what is misspelt opens nothing. */
  readonly production: boolean
  /** What the operator may have misspelt. */
  readonly warnings: readonly string[]
  readonly env: Env
}

export interface RateLimitSettings {
  readonly maxRequests: number
  readonly windowMs: number
  /** For each bucket for signing in, instead of what the contracts say. */
  readonly authMaxRequests: number | undefined
  /** Whose `X-Forwarded-For` is believed. */
  readonly trusted: BlockList | undefined
}

/**
 * Reads and checks the settings of a system with these services. Whatever is wrong is one Fault, which names each wrong
 * setting, its value and what was expected (R-OPS-4).
 */
export function readSettings(from: Env, services: readonly string[]): Settings {
  const wrong: string[] = []
  const asked = new Set<string>()
  const env = withFiles(from, wrong)

  function read<T, U>(name: string, unset: U, kind: Kind<T>): T | U {
    asked.add(name)
    const text = env[name]
    if (text === undefined || text === '') return unset
    const value = kind.parse(text)
    if (value === undefined) wrong.push(`${name} is ${kind.mask?.(text) ?? `"${text}"`}: give ${kind.expected}`)
    return value ?? unset
  }

  const serviceDatabaseUrls = new Map<string, string>()
  for (const service of [...services, EVENTS]) {
    const url = read(`${service.toUpperCase().replaceAll('-', '_')}_DATABASE_URL`, undefined, postgresUrl)
    if (url !== undefined) serviceDatabaseUrls.set(service, url)
  }
  const host = env.HOST || '127.0.0.1'
  const publicUrl = read('PUBLIC_URL', undefined, webUrl)
  const settings: Omit<Settings, 'warnings'> = {
    port: read('PORT', 3000, whole(0, 65_535)),
    host,
    dataDir: env.LINTEL_DATA_DIR || '.lintel',
    databaseUrl: read('DATABASE_URL', undefined, postgresUrl),
    serviceDatabaseUrls,
    databasePoolSize: read('DATABASE_POOL_SIZE', 10, {
      ...whole(SMALLEST_POOL, LARGEST_POOL),
      expected: `a whole number from ${SMALLEST_POOL} to ${LARGEST_POOL}: the connections of each service, of which single reads and lists have one or two each`,
    }),
    natsUrl: read('NATS_URL', undefined, natsUrl),
    outboxRetentionMs: read('OUTBOX_RETENTION', 7, whole(1, 3650)) * 86_400_000,
    smtpUrl: read('SMTP_URL', undefined, smtpUrl),
    mailFrom: read('MAIL_FROM', `no-reply@${domainOf(publicUrl, host)}`, sender),
    publicUrl,
    rateLimit: {
      maxRequests: read('RATE_LIMIT_MAX', 100, whole(1, 1_000_000_000)),
      windowMs: read('RATE_LIMIT_WINDOW_MS', 60_000, whole(1, 86_400_000)),
      authMaxRequests: read('RATE_LIMIT_AUTH_MAX', undefined, whole(1, 1_000_000_000)),
      trusted: read('TRUSTED_PROXIES', undefined, proxies),
    },
    corsOrigins: read('CORS_ORIGINS', undefined, origins),
    corsHeaders: read('CORS_HEADERS', [], headerNames),
    adminPort: read('ADMIN_PORT', undefined, whole(0, 65_535)),
    logLevel: read('LOG_LEVEL', 'info', oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent')),
    accessLog: read('ACCESS_LOG', 'all', oneOf(...ACCESS_LOGS)),
    requestTimeoutMs: read('REQUEST_TIMEOUT', 10, whole(1, 300)) * 1000,
    startTimeoutMs: read('START_TIMEOUT', 30, whole(1, 3600)) * 1000,
    shutdownTimeoutMs: read('SHUTDOWN_TIMEOUT', 25, whole(1, 3600)) * 1000,
    production: from.NODE_ENV !== DEVELOPMENT,
    env,
  }
  const { faults, warnings } = misspeltSettings(
    Object.keys(from).filter((name) => from[name]),
    asked,
    services,
  )
  wrong.push(...faults)
  if (wrong.length > 0) throw new Fault('WRONG_SETTING', wrong.join('\n'))
  return { ...settings, warnings }
}

/** The one value of NODE_ENV that asks for development. */
export const DEVELOPMENT = 'development'

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
  /^(PORT|HOST|LINTEL_.+|(.+_)?DATABASE_URL|DATABASE_POOL_SIZE|REDIS_URL|NATS_URL|SMTP_URL|MAIL_FROM|PUBLIC_URL|RATE_LIMIT_.+|TRUSTED_PROXIES|CORS_ORIGINS|CORS_HEADERS|LOG_LEVEL|ACCESS_LOG|ADMIN_PORT|REQUEST_TIMEOUT|START_TIMEOUT|SHUTDOWN_TIMEOUT|OUTBOX_RETENTION)$/

interface Kind<T> {
  parse(text: string): T | undefined
  readonly expected: string
  /** What may be shown of a wrong value that may hold a secret. */
  mask?(text: string): string
}

function whole(min: number, max: number): Kind<number> {
  return {
    parse(text) {
      const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
      return value >= min && value <= max ? value : undefined
    },
    expected: `a whole number from ${min} to ${max}`,
  }
}

function oneOf<T extends string>(...values: readonly T[]): Kind<T> {
  return { parse: (text) => values.find((value) => value === text), expected: `one of ${values.join(', ')}` }
}

const proxies: Kind<BlockList> = {
  parse(text) {
    try {
      return trustedProxies(text)
    } catch {
      return undefined
    }
  },
  expected: 'addresses or networks such as 10.0.0.0/8, joined by commas',
}

const origins: Kind<CorsOrigins> = {
  parse(text) {
    const all = text.split(',').map((one) => one.trim())
    if (all.length === 1 && all[0] === '*') return '*'
    return all.every(isOrigin) ? all : undefined
  },
  expected: 'origins such as https://app.example.com, without a path, joined by commas, or * for all',
}

const headerNames: Kind<readonly string[]> = {
  parse(text) {
    const all = text.split(',').map((one) => one.trim())
    // A `*` would not mean every header: Authorization is never part of it.
    const right = (name: string) => isHeaderName(name) && name.length <= 100 && !name.includes('*')
    return all.length <= 100 && all.every(right) ? all : undefined
  },
  expected: 'names of headers such as X-Total-Count, joined by commas',
}

/** As browsers write it: lower case, no default port, no slash at the end. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text
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
  mask: schemeOnly,
}

const smtpUrl: Kind<string> = {
  parse: (text) => (urlOf(text, ['smtp:', 'smtps:']) ? text : undefined),
  expected:
    'a URL such as smtp://user:password@mail.example.com:587 or smtps://…, with special characters of the password percent-encoded',
  mask: schemeOnly,
}

const natsUrl: Kind<string> = {
  parse: (text) => (text.split(',').every((one) => urlOf(one, ['nats:', 'tls:'])) ? text : undefined),
  expected: 'a URL such as nats://user:password@host:4222, or several of one cluster joined by commas',
  mask: schemeOnly,
}

const webUrl: Kind<string> = {
  parse(text) {
    const url = urlOf(text, ['http:', 'https:'])
    if (!url || url.search || url.hash || url.username) return undefined
    return url.href.replace(/\/+$/, '')
  },
  expected: 'a URL such as https://api.example.com',
}

const sender: Kind<string> = {
  parse(text) {
    const address = /^[^<>@\p{Cc}]+ <([^<>]+)>$/u.exec(text)?.[1] ?? text
    // The host of a private network may be one label.
    return readEmail(address.includes('.', address.indexOf('@')) ? address : `${address}.local`) ? text : undefined
  },
  expected: 'an address such as no-reply@example.com or Shop <no-reply@example.com>',
}

function urlOf(text: string, protocols: readonly string[]): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url && protocols.includes(url.protocol) && url.hostname !== '' ? url : undefined
}

/** For an address of our own: an IP makes none that mail servers take. */
function domainOf(publicUrl: string | undefined, host: string): string {
  const name = publicUrl === undefined ? host : new URL(publicUrl).hostname
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*$/i.test(name) ? name : 'localhost'
}

/** A password may begin anywhere behind it. */
function schemeOnly(text: string): string {
  return `"${/^[a-z]+:\/\//.exec(text)?.[0] ?? ''}…" (masked)`
}

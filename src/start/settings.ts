import type { BlockList } from 'node:net'
import { Fault } from '../base/errors.ts'
import type { CallTransport } from '../door/far-service.ts'
import type { CorsOrigins } from '../gateway/cors.ts'
import type { AccessLog } from '../observe/access-log.ts'
import { type DoorIdentity, identityFault } from './door-identity.ts'
import { type Env, type GivenSetting, givenSettings } from './given-settings.ts'
import { misspeltSettings } from './misspelt-settings.ts'
import {
  type NamedService,
  nameOf,
  type OtlpProtocol,
  type SettingValues,
  serviceSettingName,
} from './settings-schema.ts'

export interface Settings {
  readonly port: number
  readonly host: string
  readonly dataDir: string
  /** The server where each service has a database of its own; without one, an embedded server. */
  readonly databaseUrl: string | undefined
  /** By the name of the service, where its database is somewhere else: `<SERVICE>_DATABASE_URL`. */
  readonly serviceDatabaseUrls: ReadonlyMap<string, string>
  /** By the name of the service, where its replicas are that run in other processes: `<SERVICE>_URL`. */
  readonly serviceUrls: ReadonlyMap<string, readonly URL[]>
  /** What calls between processes are proven with: the first makes proofs, every one checks them. */
  readonly internalKeys: readonly string[]
  /** What the internal door serves TLS with; undefined: it serves without. */
  readonly doorIdentity: DoorIdentity | undefined
  /** Whether the network protects a door without TLS that other machines reach. */
  readonly doorPlain: 'true' | 'false' | 'both'
  /** How services in other processes are called. */
  readonly callTransport: CallTransport
  /** Connections of each service in each process, for requests. */
  readonly databasePoolSize: number
  /** How many processes serve on this machine. */
  readonly workers: number
  /** What carries events; without one, consumers read them from the service that publishes. */
  readonly natsUrl: string | undefined
  /** Where processes share their limits and their cache; without one, each has its own. */
  readonly redisUrl: string | undefined
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
  /** Where traces are exported; undefined: nowhere, and none are made. */
  readonly tracing: TracingSettings | undefined
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

export interface TracingSettings {
  readonly exporter: 'otlp' | 'console'
  readonly protocol: OtlpProtocol
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
export function readSettings(from: Env, named: readonly NamedService[], port = GATEWAY_PORT): Settings {
  const services = named.map(nameOf)
  const { given, env, unreadable } = givenSettings(from, named)
  const wrong = [...unreadable]
  const values = new Map(given.map((one) => [one.name, parsed(one, wrong)]))
  const own = Object.fromEntries(values) as SettingValues

  const serviceDatabaseUrls = new Map<string, string>()
  for (const service of services) {
    const url = values.get(serviceSettingName(service, 'DATABASE_URL'))
    if (url !== undefined) serviceDatabaseUrls.set(service, url as string)
  }
  const serviceUrls = new Map<string, readonly URL[]>()
  for (const service of services) {
    const urls = values.get(serviceSettingName(service, 'URL'))
    if (urls !== undefined) serviceUrls.set(service, urls as readonly URL[])
  }
  const settings: Omit<Settings, 'warnings'> = {
    // The default is the gateway's.
    port: given.some(({ name, text }) => name === 'PORT' && text !== undefined) ? own.PORT : port,
    host: own.HOST,
    dataDir: own.LINTEL_DATA_DIR,
    databaseUrl: own.DATABASE_URL,
    serviceDatabaseUrls,
    serviceUrls,
    internalKeys: own.LINTEL_INTERNAL_KEY ?? [],
    doorIdentity: doorIdentityOf(given, own, wrong),
    doorPlain: own.LINTEL_DOOR_PLAIN,
    callTransport: own.LINTEL_CALL_TRANSPORT,
    databasePoolSize: own.DATABASE_POOL_SIZE,
    workers: own.LINTEL_WORKERS,
    natsUrl: own.NATS_URL,
    redisUrl: own.REDIS_URL,
    outboxRetentionMs: own.OUTBOX_RETENTION * 86_400_000,
    smtpUrl: own.SMTP_URL,
    mailFrom: own.MAIL_FROM ?? `no-reply@${domainOf(own.PUBLIC_URL, own.HOST)}`,
    publicUrl: own.PUBLIC_URL,
    rateLimit: {
      maxRequests: own.RATE_LIMIT_MAX,
      windowMs: own.RATE_LIMIT_WINDOW_MS,
      authMaxRequests: own.RATE_LIMIT_AUTH_MAX,
      trusted: own.TRUSTED_PROXIES,
    },
    corsOrigins: own.CORS_ORIGINS,
    corsHeaders: own.CORS_HEADERS ?? [],
    adminPort: own.ADMIN_PORT,
    logLevel: own.LOG_LEVEL,
    accessLog: own.ACCESS_LOG,
    tracing: tracingOf(own),
    requestTimeoutMs: own.REQUEST_TIMEOUT * 1000,
    startTimeoutMs: own.START_TIMEOUT * 1000,
    shutdownTimeoutMs: own.SHUTDOWN_TIMEOUT * 1000,
    production: from.NODE_ENV !== DEVELOPMENT,
    env,
  }
  const set = Object.keys(from).filter((name) => from[name])
  const { faults, warnings } = misspeltSettings(set, new Set(values.keys()), services)
  wrong.push(...faults)
  if (wrong.length > 0) throw new Fault('WRONG_SETTING', wrong.join('\n'))
  return { ...settings, warnings }
}

/** Where the gateway listens unless PORT says otherwise. */
export const GATEWAY_PORT = 3000

/** The one value of NODE_ENV that asks for development. */
export const DEVELOPMENT = 'development'

/** The default where it is not set; so too where it is wrong, which is said in `wrong`. */
function parsed({ name, setting, text }: GivenSetting, wrong: string[]): unknown {
  const { kind } = setting
  const value = text === undefined ? undefined : kind.parse(text)
  if (text !== undefined && value === undefined)
    wrong.push(`${name} is ${kind.mask?.(text) ?? `"${text}"`}: give ${kind.expected}`)
  return value ?? (setting.default === undefined ? undefined : kind.parse(setting.default))
}

/** One without the other, or of another, is wrong; what is malformed has been said. */
function doorIdentityOf(
  given: readonly GivenSetting[],
  { LINTEL_DOOR_CERT: cert, LINTEL_DOOR_KEY: key, LINTEL_DOOR_PLAIN: plain }: SettingValues,
  wrong: string[],
): DoorIdentity | undefined {
  const [ofCert, ofKey] = ['LINTEL_DOOR_CERT', 'LINTEL_DOOR_KEY'].map((name) => given.find((one) => one.name === name)!)
  for (const [one, other] of [
    [ofCert!, ofKey!],
    [ofKey!, ofCert!],
  ] as const)
    if (one.text === undefined && other.text !== undefined)
      wrong.push(`${other.name} is set without ${one.name}: give both`)
  if (plain === 'both' && ofCert!.text === undefined)
    wrong.push('LINTEL_DOOR_PLAIN is "both", and there is no TLS: give LINTEL_DOOR_CERT and LINTEL_DOOR_KEY')
  if (cert === undefined || key === undefined) return undefined
  const fault = identityFault({ cert, key })
  if (fault !== undefined) wrong.push(fault)
  return { cert, key, certFile: ofCert!.file, keyFile: ofKey!.file }
}

/** OTEL_* ask for traces where they name an exporter of them, or where they go. */
function tracingOf(own: SettingValues): TracingSettings | undefined {
  const endpoint = own.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? own.OTEL_EXPORTER_OTLP_ENDPOINT
  const exporter = own.OTEL_TRACES_EXPORTER ?? (endpoint === undefined ? 'none' : 'otlp')
  if (own.OTEL_SDK_DISABLED === 'true' || exporter === 'none') return undefined
  return { exporter, protocol: own.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? own.OTEL_EXPORTER_OTLP_PROTOCOL }
}

/** For an address of our own: an IP makes none that mail servers take. */
function domainOf(publicUrl: string | undefined, host: string): string {
  const name = publicUrl === undefined ? host : new URL(publicUrl).hostname
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z][a-z0-9-]*$/i.test(name) ? name : 'localhost'
}

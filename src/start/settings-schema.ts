import type { AnyContract } from '../contract/contract.ts'
import { CALL_TRANSPORTS } from '../door/far-service.ts'
import { ACCESS_LOGS } from '../observe/access-log.ts'
import { LARGEST_POOL, SMALLEST_POOL, USUAL_POOL } from './connection-budget.ts'
import { declaredSettings } from './service-settings.ts'
import {
  certificate,
  collectorUrl,
  doorUrls,
  headerNames,
  internalKeys,
  type Kind,
  natsUrl,
  oneOf,
  origins,
  postgresUrl,
  privateKey,
  proxies,
  redisUrl,
  type Setting,
  sender,
  smtpUrl,
  text,
  webUrl,
  whole,
  workers,
} from './setting-kinds.ts'

const OTLP_PROTOCOLS = ['http/protobuf', 'http/json'] as const
export type OtlpProtocol = (typeof OTLP_PROTOCOLS)[number]

export const SETTINGS = {
  PORT: {
    kind: whole(0, 65_535),
    default: '3000',
    about:
      'Where the gateway listens; in a process without one, the internal door: 4001 and up by default, by the place of its service in the system. 0 is any free port.',
  },
  HOST: {
    kind: text('an address or the name of a host'),
    default: '127.0.0.1',
    about: 'The address on which the gateway listens, and the internal door.',
  },
  NODE_ENV: {
    kind: text('development, or anything else'),
    default: 'production',
    about:
      'Only `development`, or `lintel dev`, is development: `.env` is read, a database is made in `.lintel`, migrations are applied at the start, mail is caught, `/metrics` is public, and answers are checked against the contract.',
    byFile: false,
  },
  DATABASE_URL: {
    kind: postgresUrl,
    unset: 'an embedded PostgreSQL',
    about: 'A PostgreSQL 15+ server; each service gets its own database and role there.',
  },
  DATABASE_POOL_SIZE: {
    kind: whole(
      SMALLEST_POOL,
      LARGEST_POOL,
      ': the connections of each service, of which single reads and lists have one or two each',
    ),
    default: `${USUAL_POOL}`,
    about:
      "Connections of each service for requests; [the sum](#connections) has to fit PostgreSQL's `max_connections`.",
  },
  LINTEL_DATA_DIR: {
    kind: text('a folder'),
    default: '.lintel',
    about: 'Data of the embedded PostgreSQL; in production there is one only where this is set.',
  },
  LINTEL_WORKERS: {
    kind: workers,
    default: '1',
    about:
      'How many processes `lintel start` or `lintel gateway` serves with on this machine; see [Workers](workers.md).',
  },
  LINTEL_INTERNAL_KEY: {
    kind: internalKeys,
    unset: 'in development, one in LINTEL_DATA_DIR',
    about:
      'The secret that calls between processes are proven with, the same in all of them; two joined by a comma while one replaces the other: the first makes proofs, both are accepted.',
  },
  LINTEL_DOOR_CERT: {
    kind: certificate,
    unset: 'no TLS at the internal door',
    about:
      'The certificate that the [internal door](processes.md#the-internal-door) serves TLS with; with LINTEL_DOOR_KEY. Given as LINTEL_DOOR_CERT_FILE, it is read again when it is renewed.',
  },
  LINTEL_DOOR_KEY: {
    kind: privateKey,
    unset: 'no TLS at the internal door',
    about: 'The private key of LINTEL_DOOR_CERT.',
  },
  LINTEL_DOOR_PLAIN: {
    kind: oneOf('true', 'false', 'both'),
    default: 'false',
    about:
      'Whether the internal door may listen beyond this machine without TLS in production: where a mesh or a private network protects it. `both`: besides TLS, [while callers change to it](deploy.md#tls).',
  },
  LINTEL_CALL_TRANSPORT: {
    kind: oneOf(...CALL_TRANSPORTS),
    default: 'http',
    about: 'How this process calls services that run in others; their doors take [both](grpc.md).',
  },
  NATS_URL: {
    kind: natsUrl,
    unset: 'consumers read PostgreSQL',
    about: 'A NATS server with JetStream that carries events.',
  },
  REDIS_URL: {
    kind: redisUrl,
    unset: 'each process limits by itself',
    about: 'A Redis or Valkey server where processes share their [limits](limits.md).',
  },
  OUTBOX_RETENTION: {
    kind: whole(1, 3650),
    default: '7',
    unit: 'days',
    about: 'How long published events are kept, to be sent again.',
  },
  SMTP_URL: {
    kind: smtpUrl,
    unset: 'mail waits; in development it is caught',
    about:
      'Where mail is sent. Without it, mail is shown in development in the log and, to this machine alone, at `/dev/mails`.',
  },
  MAIL_FROM: {
    kind: sender,
    unset: 'no-reply@ the host of PUBLIC_URL',
    about: 'The sender of mail.',
  },
  PUBLIC_URL: {
    kind: webUrl,
    unset: 'where the gateway listens',
    about: 'The address of the API for clients: links in mail begin with it.',
  },
  RATE_LIMIT_MAX: {
    kind: whole(1, 1_000_000_000),
    default: '100',
    about: 'Burst size of the usual bucket, per user, else per address.',
  },
  RATE_LIMIT_WINDOW_MS: {
    kind: whole(1, 86_400_000),
    default: '60000',
    unit: 'milliseconds',
    about: 'The time in which that bucket refills when it is empty.',
  },
  RATE_LIMIT_AUTH_MAX: {
    kind: whole(1, 1_000_000_000),
    unset: '10, or what a contract says',
    about: 'Burst size of each bucket for signing in, by address, and for logins by account; it refills in a minute.',
  },
  TRUSTED_PROXIES: {
    kind: proxies,
    unset: 'none',
    about: 'Proxies whose `X-Forwarded-For` is believed.',
  },
  CORS_ORIGINS: {
    kind: origins,
    unset: 'none but its own',
    about: 'Origins of web pages that may use the API.',
  },
  CORS_HEADERS: {
    kind: headerNames,
    unset: 'none',
    about: 'Headers that such pages may send, and read in answers, besides the usual ones.',
  },
  LOG_LEVEL: {
    kind: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    default: 'info',
    about: 'JSON lines on stdout, pretty on a terminal; `debug` has a line per SQL statement.',
  },
  ACCESS_LOG: {
    kind: oneOf(...ACCESS_LOGS),
    default: 'all',
    about: 'Which requests have a line in the log, at the level info; `errors` are those from 400 on.',
  },
  ADMIN_PORT: {
    kind: whole(0, 65_535),
    unset: 'no such port',
    about: 'Where `/metrics` is in production, and for `lintel gateway`; in development it is on the public port too.',
  },
  OTEL_TRACES_EXPORTER: {
    kind: oneOf('otlp', 'console', 'none'),
    unset: 'otlp where an endpoint is set, else none',
    about: 'Where [traces](observability.md#traces) are exported; OpenTelemetry reads its other `OTEL_*` by itself.',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    kind: collectorUrl,
    unset: 'no traces, or http://localhost:4318',
    about: 'The collector that takes traces, at `/v1/traces` below it.',
  },
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: {
    kind: collectorUrl,
    unset: 'below OTEL_EXPORTER_OTLP_ENDPOINT',
    about: 'The whole address that takes traces.',
  },
  OTEL_EXPORTER_OTLP_PROTOCOL: {
    kind: oneOf(...OTLP_PROTOCOLS),
    default: 'http/protobuf',
    about: 'What is spoken there.',
  },
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: {
    kind: oneOf(...OTLP_PROTOCOLS),
    unset: 'OTEL_EXPORTER_OTLP_PROTOCOL',
    about: 'The same, of traces alone.',
  },
  OTEL_SDK_DISABLED: {
    kind: oneOf('true', 'false'),
    default: 'false',
    about: 'Turns traces off, whatever the others say.',
  },
  REQUEST_TIMEOUT: {
    kind: whole(1, 300),
    default: '10',
    unit: 'seconds',
    about: "Time until a request's [deadline](deadlines.md), where its operation has no `timeoutMs`.",
  },
  START_TIMEOUT: {
    kind: whole(1, 3600),
    default: '30',
    unit: 'seconds',
    about: 'How long the start waits for servers that cannot be reached.',
  },
  SHUTDOWN_TIMEOUT: {
    kind: whole(1, 3600),
    default: '25',
    unit: 'seconds',
    about: 'How long requests and events under way may take to end after SIGTERM.',
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>

/** Each service may have these of its own: `ORDERS_DATABASE_URL`. */
export const SERVICE_SETTINGS = {
  URL: {
    kind: doorUrls,
    unset: 'in this process',
    about: 'Where the internal door of one service is that runs in other processes; several replicas joined by commas.',
  },
  DATABASE_URL: {
    kind: postgresUrl,
    unset: 'on DATABASE_URL',
    about: 'The database of one service, wherever it is.',
  },
} as const satisfies Readonly<Record<string, Setting<unknown>>>

export type SettingName = keyof typeof SETTINGS

type ValueOf<S> = S extends { kind: Kind<infer T> } ? (S extends { default: string } ? T : T | undefined) : never
export type SettingValues = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> }

export function serviceSettingName(service: string, setting: keyof typeof SERVICE_SETTINGS): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_${setting}`
}

/** A service by its name, or with the settings that its contract declares. */
export type NamedService = string | Pick<AnyContract, 'name' | 'settings'>

export function nameOf(service: NamedService): string {
  return typeof service === 'string' ? service : service.name
}

/** Every setting of a system with these services, by its name. */
export function settingsOf(services: readonly NamedService[]): ReadonlyMap<string, Setting<unknown>> {
  const own = services.flatMap((service) => [
    ...Object.entries(SERVICE_SETTINGS).map(
      ([name, setting]) => [serviceSettingName(nameOf(service), name as never), setting] as const,
    ),
    ...(typeof service === 'string' ? [] : declaredSettings(service)),
  ])
  return new Map<string, Setting<unknown>>([...Object.entries(SETTINGS), ...own])
}

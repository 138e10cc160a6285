import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start } from '../src/start/start.ts'
import { freePort } from '../src/testing/free-port.ts'
import { databasesOf } from './system-parts.ts'
import { launcher } from './system-process.ts'
import traced from './traced/system.ts'

const { launch, folder } = launcher()
const SYSTEM = new URL('./traced/system.ts', import.meta.url).pathname

let databases: Awaited<ReturnType<typeof databasesOf>>
beforeAll(async () => {
  databases = await databasesOf(traced)
})
afterAll(() => databases.drop())

test('FC-82: a start that fails at its database closes its connections to services in other processes', {
  timeout: 60_000,
}, async () => {
  const env = { ...databases.env, NODE_ENV: 'development', LINTEL_DATA_DIR: await folder(), LOG_LEVEL: 'silent' }
  const listeners = launch('lintel', {
    args: ['--system', SYSTEM, 'start', 'listeners'],
    // Whose events it consumes; not up yet.
    env: { ...env, LOG_LEVEL: 'info', SPEAKERS_URL: `http://127.0.0.1:${await freePort()}` },
  })
  const between = await wire(new URL(await listeners.url()))
  const failing = start(
    traced,
    {
      ...env,
      PORT: '0',
      LISTENERS_URL: between.url,
      SPEAKERS_DATABASE_URL: databases.env.SPEAKERS_DATABASE_URL!.replace(/[^/]+$/, 'nowhere'),
    },
    { parts: ['speakers'] },
  )
  await expect(failing).rejects.toMatchObject({ code: 'DATABASE_MISSING' })
  expect(between.seen).toBeGreaterThan(0)
  // Long before a connection that nobody uses would be closed.
  const endedMs = performance.now()
  await between.allClosed()
  expect(performance.now() - endedMs).toBeLessThan(1_000)
  await between.close()
})

/** A port that leads to another, and knows who is connected. */
async function wire({ hostname, port }: URL) {
  const open = new Set<Promise<unknown>>()
  let seen = 0
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    near.pipe(far).pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    seen++
    open.add(once(near, 'close'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get seen() {
      return seen
    },
    allClosed: () => Promise.all(open),
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}

import { afterAll, beforeAll, expect, test } from 'vitest'
import system from '../system.ts'
import { DIED, dieAt } from './faults/points.ts'
import { type PartedSystem, startParts } from './system-parts.ts'
import { bodyOf, logIn, post, until } from './system-process.ts'
import { NOT_COMPARED } from './topology/compare.ts'
import { type SharedServers, sharedServers } from './topology/topologies.ts'

const ADMIN = { email: 'admin@example.com', password: 'correct horse battery staple' }
const DIES = ['source/register.mjs', 'faults/die.ts']
  .map((file) => `--import ${new URL(file, import.meta.url).href}`)
  .join(' ')
const ROUNDS = 4

let shared: SharedServers | undefined
let running: PartedSystem
beforeAll(async () => {
  shared = await sharedServers()
  if (shared === undefined) return console.warn(NOT_COMPARED)
  running = await startParts(system, {
    replicas: { orders: 2 },
    // In production, where hits are not compared with the database.
    env: {
      ...shared.env,
      NODE_ENV: 'production',
      LINTEL_ADMIN_EMAIL: ADMIN.email,
      LINTEL_ADMIN_PASSWORD: ADMIN.password,
    },
  })
}, 180_000)
afterAll(async () => {
  await running?.stop()
  await shared?.stop()
})

test('R-CACHE-2: what a writer that is killed between COMMIT and the cache has written is read by everyone 5 s later', {
  timeout: 400_000,
}, async ({ skip }) => {
  skip(shared === undefined)
  const url = running.parts.gateway![0]!.url
  const replicas = running.parts.orders!
  const admin = await logIn(url, ADMIN.email, ADMIN.password)
  const values = { sku: 'A-1', name: '0', category: 'tea', price: 3 }
  const { id } = await bodyOf(await post(`${url}/products`, values, admin))
  const name = async () => (await bodyOf(await fetch(`${url}/products/${id}`))).name as string
  // The first write of each is its last.
  for (const one of replicas) await one.restart({ NODE_OPTIONS: DIES, ...dieAt('after commit') })
  const staleMs: number[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    // Each has it in its memory, and so has Redis.
    for (let i = 0; i < 20; i++) expect(await name()).toBe(String(round - 1))
    const answer = await fetch(`${url}/products/${id}`, {
      method: 'PATCH',
      headers: { ...admin, 'content-type': 'application/json' },
      body: JSON.stringify({ name: String(round) }),
    })
    const diedMs = performance.now()
    expect(answer.status).toBe(503)
    const died = await Promise.race(replicas.map((one) => one.process!.ended.then(() => one)))
    expect(died.process!.stderr).toContain(`${DIED}after commit`)
    let lastStaleMs = 0
    await until(async () => {
      const sentMs = performance.now()
      if ((await name()) === String(round)) return performance.now() - diedMs > 1_000
      lastStaleMs = sentMs - diedMs
      return false
    })
    staleMs.push(lastStaleMs)
    await died.start()
    await until(() => died.isReady())
  }
  console.log(`stale for ${staleMs.map((ms) => ms.toFixed(0)).join(', ')} ms after the writer's death`)
  expect(Math.max(...staleMs)).toBeLessThan(5_000)
})

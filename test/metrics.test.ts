import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { freePort } from '../src/testing/free-port.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'

let running: TestSystem
let admin: string

beforeAll(async () => {
  const port = await freePort()
  admin = `http://127.0.0.1:${port}`
  running = await testSystem(system, inject('databaseServer'), { NODE_ENV: 'production', ADMIN_PORT: String(port) })
})
afterAll(() => running.stop())

test('R-OPS-3: in production metrics are on ADMIN_PORT, and not on the public port', async () => {
  expect((await fetch(`${running.url}/metrics`)).status).toBe(404)
  const answer = await fetch(`${admin}/metrics`)
  expect(answer.status).toBe(200)
  const text = await answer.text()
  expect(text).toMatch(/^lintel_outbox_unpublished\{service="orders"\} \d+$/m)
  for (const lane of ['reads', 'lists', 'alone', 'connections']) {
    expect(text).toMatch(new RegExp(`^lintel_database_running\\{service="orders",lane="${lane}"\\} \\d+$`, 'm'))
    expect(text).toMatch(new RegExp(`^lintel_database_waiting\\{service="users",lane="${lane}"\\} \\d+$`, 'm'))
  }
})

test('R-OPS-1: ADMIN_PORT shows the health of the whole system, and nothing of the API', async () => {
  const health = await (await fetch(`${admin}/health`)).json()
  expect(health).toMatchObject({ status: 'healthy', checks: { database: { status: 'up' }, queue: { status: 'up' } } })
  expect((await fetch(`${admin}/products`)).status).toBe(404)
})

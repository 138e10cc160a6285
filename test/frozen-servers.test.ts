import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TestNats, testNats } from '../src/testing/nats.ts'
import { type TestSystem, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'
import { type PostgresServer, postgresServer } from './faults/servers.ts'
import { until } from './system-process.ts'
import { send } from './wire.ts'

/** Servers that are stopped by SIGSTOP keep their connections, and answer nothing. The processes of parts: see topology/outages. */
let postgres: PostgresServer
let nats: TestNats | undefined
let running: TestSystem
beforeAll(async () => {
  postgres = await postgresServer()
  nats = await testNats()
  running = await testSystem(system, postgres.url, nats && { NATS_URL: nats.url })
})
afterAll(async () => {
  await running?.stop()
  await nats?.stop()
  await postgres?.stop()
})

const get = (path: string) => send(running.url, 'GET', path)
const health = () => get('/health')
const isHealthy = async () => (await health()).status === 200 && (await health()).body.status === 'healthy'

describe('R-OPS-1 R-OPS-5: what is frozen is down, by its own name', () => {
  test('NATS: the queue is down, and the system goes on', async () => {
    if (nats === undefined) return console.warn('NOT TESTED: there is no nats-server on PATH')
    await until(isHealthy)
    nats.freeze()
    try {
      await until(async () => (await health()).body.status === 'degraded')
      expect(await health()).toMatchObject({
        status: 200,
        body: {
          status: 'degraded',
          checks: {
            queue: { status: 'down', message: 'gateway: the carrier does not answer', unpublished: expect.any(Number) },
            database: { status: 'up' },
            users: { status: 'up' },
            orders: { status: 'up' },
          },
        },
      })
      expect(await get('/health/ready')).toMatchObject({ status: 200, body: { status: 'ready' } })
      expect((await get('/products')).status).toBe(200)
    } finally {
      nats.thaw()
    }
    await until(isHealthy)
  })

  test('PostgreSQL: the database is down, and the system is not ready', async () => {
    await until(isHealthy)
    await postgres.freeze()
    try {
      await until(async () => (await health()).status === 503)
      const { body } = await health()
      expect(body).toMatchObject({
        status: 'unhealthy',
        checks: {
          database: { status: 'down', message: expect.stringMatching(/^(users|orders): no answer in 800 ms$/) },
          queue: { message: expect.stringContaining('how many events of users wait is not known') },
          users: { status: 'down' },
          orders: { status: 'down' },
        },
      })
      // Not zeros, as if none were waiting.
      expect(body.checks.queue).not.toHaveProperty('unpublished')
      expect(await get('/health/ready')).toMatchObject({ status: 503, body: { status: 'unhealthy' } })
      expect(await get('/health/live')).toMatchObject({ status: 200 })
    } finally {
      await postgres.thaw()
    }
    await until(isHealthy)
  })
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { ServiceHealth } from '../call/health.ts'
import { createHealth, type HealthOptions } from './health.ts'

const up = (latency = 1): ServiceHealth => ({ status: 'healthy', checks: { database: { status: 'up', latency } } })
const down: ServiceHealth = { status: 'unhealthy', checks: { database: { status: 'down', message: 'unreachable' } } }

let nowMs: number
let looks: number

beforeEach(() => {
  nowMs = Date.UTC(2026, 10, 1)
  looks = 0
})

/** One service per health given; a function may hang or fail. */
function healthOf(
  given: Record<string, ServiceHealth | (() => Promise<ServiceHealth>)>,
  more: Partial<HealthOptions> = {},
) {
  const services = Object.entries(given).map(([name, health]) => ({
    name,
    health: () => {
      looks++
      return typeof health === 'function' ? health() : Promise.resolve(health)
    },
  }))
  return createHealth({ version: '1.2.3', services, now: () => nowMs, date: () => new Date(nowMs), ...more })
}

describe('R-OPS-1', () => {
  test('all is well: every check, and one entry per service', async () => {
    const health = healthOf({ users: up(), orders: { status: 'healthy', checks: { queue: { status: 'up' } } } })
    expect(await health()).toEqual({
      status: 'healthy',
      version: '1.2.3',
      timestamp: '2026-11-01T00:00:00.000Z',
      checks: {
        database: { status: 'up', latency: 1 },
        queue: { status: 'up' },
        users: { status: 'up', latency: 0 },
        orders: { status: 'up', latency: 0 },
      },
    })
  })

  test('one service of two is down: degraded, and its check says whose it is', async () => {
    const { status, checks } = await healthOf({ users: up(), orders: down })()
    expect(status).toBe('degraded')
    expect(checks).toMatchObject({
      database: { status: 'down', message: 'orders: unreachable' },
      users: { status: 'up' },
      orders: { status: 'down' },
    })
  })

  test('the worse of two checks of one name speaks, whatever the order', async () => {
    expect((await healthOf({ users: down, orders: up() })()).checks.database!.status).toBe('down')
    expect((await healthOf({ users: up(9), orders: up(3) })()).checks.database!.latency).toBe(9)
  })

  test('every service is down: unhealthy', async () => {
    expect((await healthOf({ users: down, orders: down })()).status).toBe('unhealthy')
    expect((await healthOf({ users: down })()).status).toBe('unhealthy')
  })

  test('a degraded service, or what belongs to no service, degrades the whole', async () => {
    const worn: ServiceHealth = { status: 'degraded', checks: { cache: { status: 'down' } } }
    expect(await healthOf({ users: worn })()).toMatchObject({
      status: 'degraded',
      checks: { users: { status: 'up', message: 'degraded' }, cache: { status: 'down', message: 'users: down' } },
    })
    const own = async () => ({ status: 'degraded' as const, checks: { limits: { status: 'down' as const } } })
    const seen = await healthOf({ users: up() }, { own })()
    expect(seen).toMatchObject({ status: 'degraded', checks: { limits: { status: 'down' } } })
    expect(seen.checks).not.toHaveProperty('gateway')
  })

  test('a check that fails is down, and keeps why to itself', async () => {
    const { checks } = await healthOf({ users: () => Promise.reject(new Error('postgres://secret')) })()
    expect(checks.users).toEqual({ status: 'down', latency: 0, message: 'the check failed' })
    const thrown = () => {
      throw new Error('at once')
    }
    expect((await healthOf({ users: thrown })()).status).toBe('unhealthy')
  })

  test('a check that hangs is down after its time, and is not begun again while it hangs', async () => {
    let finish = (_: ServiceHealth) => {}
    const hanging = () =>
      new Promise<ServiceHealth>((resolve) => {
        finish = resolve
      })
    const health = healthOf({ users: hanging, orders: up() }, { timeoutMs: 10 })
    expect(await health()).toMatchObject({
      status: 'degraded',
      checks: { users: { status: 'down', message: 'no answer in 10 ms' } },
    })
    nowMs += 1_000
    await health()
    expect(looks).toBe(3)
    finish(up())
    nowMs += 1_000
    expect((await health()).checks.users!.status).toBe('up')
  })

  test('an outcome is kept for a second: a storm of probes is one look', async () => {
    const health = healthOf({ users: up() })
    await Promise.all(Array.from({ length: 1_000 }, () => health()))
    nowMs += 999
    await health()
    expect(looks).toBe(1)
    nowMs += 1
    await health()
    expect(looks).toBe(2)
  })

  test('a system without services is healthy', async () => {
    expect((await healthOf({})()).status).toBe('healthy')
  })
})

describe('FC-113: the clock of the machine steps back an hour', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  test('and then a database dies: health does not stay as it was', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] })
    let users = up()
    const health = createHealth({ version: '1', services: [{ name: 'users', health: async () => users }] })
    expect((await health()).status).toBe('healthy')
    vi.setSystemTime(Date.now() - 3_600_000)
    users = down
    vi.advanceTimersByTime(1_000)
    expect(await health()).toMatchObject({ status: 'unhealthy', timestamp: new Date().toISOString() })
  })
})

test('R-OPS-1: a door without services is as healthy as what it is told', async () => {
  for (const status of ['healthy', 'degraded', 'unhealthy'] as const)
    expect((await healthOf({}, { own: async () => ({ status, checks: {} }) })()).status).toBe(status)
})

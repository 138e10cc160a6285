import { Agent, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { operation, service, t } from '../src/contract/index.ts'
import { smallSystem } from './small-system.ts'
import { send } from './wire.ts'

/** Ten at once, 100 ms each: 100 a second. */
const POOL = 10
const WORK_MS = 100
const CAPACITY = (POOL / WORK_MS) * 1000

const contract = service('works', {
  operations: {
    work: operation({ method: 'GET', path: '/works', access: 'public', answer: { done: t.boolean() } }),
    other: operation({ method: 'GET', path: '/others', access: 'public', answer: { done: t.boolean() } }),
  },
})

/** A pool elsewhere, as of a database, that works on while this process gets no CPU. First come, first served. */
function poolElsewhere() {
  const freeAtMs = Array<number>(POOL).fill(0)
  let inFlight = 0
  let most = 0
  return {
    async work(): Promise<void> {
      const first = freeAtMs.indexOf(Math.min(...freeAtMs))
      const endMs = Math.max(freeAtMs[first]!, performance.now()) + WORK_MS
      freeAtMs[first] = endMs
      most = Math.max(most, ++inFlight)
      await wait(endMs - performance.now())
      inFlight--
    },
    most: () => most,
  }
}

test('FC-112 R-OPS-5: at four times the capacity what can be served is served, the rest is rejected, and then all is well again', {
  timeout: 60_000,
}, async () => {
  const pool = poolElsewhere()
  let begun = 0
  const system = await smallSystem(
    contract,
    {
      async work() {
        begun++
        await pool.work()
        return { done: true }
      },
      other: async () => ({ done: true }),
    },
    'create table notes (number integer)',
    { ACCESS_LOG: 'off' },
  )
  const agent = new Agent({ keepAlive: true })
  try {
    const startMs = performance.now()
    const answers: Promise<Answer>[] = []
    // Open loop: clients that don't wait for each other's answers.
    for (let sent = 0; sent < CAPACITY * 4 * 3; ) {
      const due = ((performance.now() - startMs) / 1000) * CAPACITY * 4
      for (; sent < due; sent++) answers.push(ask(agent, `${system.url}/works`))
      await wait(5)
      if (sent === Math.ceil(due) && answers.length % 100 === 0) answers.push(ask(agent, `${system.url}/others`))
    }
    const during = await send(system.url, 'GET', '/health')
    expect(during).toMatchObject({ status: 200, body: { status: 'degraded', checks: { load: { status: 'up' } } } })
    const all = await Promise.all(answers)
    const seconds = (performance.now() - startMs) / 1000
    const served = all.filter(({ status }) => status === 200)
    const rejected = all.filter(({ status }) => status === 503)
    expect(served.length + rejected.length).toBe(all.length)
    expect(served.length).toBeGreaterThan(CAPACITY * seconds * 0.5)
    for (const { retryAfter } of rejected) expect(retryAfter).toMatch(/^[1-9]$/)
    // A rejected request costs the service nothing, and what is accepted does not queue for ever.
    expect(begun).toBe(all.filter(({ status, path }) => status === 200 && path === '/works').length)
    expect(pool.most()).toBeLessThanOrEqual(300)
    expect(pool.most()).toBeLessThan(all.length / 3)

    const metrics = await (await fetch(`${system.url}/metrics`)).text()
    expect(metrics).toMatch(/^lintel_requests_in_flight\{operation="works.work"\} 0$/m)
    expect(metrics).toMatch(/^lintel_requests_in_flight_limit\{operation="works.work"\} \d+$/m)
    expect(metrics).toContain(`lintel_requests_shed_total{operation="works.work"} ${rejected.length}\n`)

    // At half of the capacity nothing is rejected any more.
    for (let round = 0; round < 10; round++) {
      const few = await Promise.all(Array.from({ length: POOL / 2 }, () => ask(agent, `${system.url}/works`)))
      expect(few.map(({ status }) => status)).toEqual(Array(POOL / 2).fill(200))
    }
    await expect
      .poll(async () => (await send(system.url, 'GET', '/health')).body.status, { timeout: 10_000, interval: 500 })
      .toBe('healthy')
    const burst = await Promise.all(Array.from({ length: 200 }, () => ask(agent, `${system.url}/works`)))
    expect(burst.map(({ status }) => status)).toEqual(Array(200).fill(200))
  } finally {
    agent.destroy()
    await system.stop()
  }
})

interface Answer {
  readonly path: string
  readonly status: number
  readonly retryAfter: string | undefined
}

function ask(agent: Agent, url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request(url, { agent }, (res) => {
      res.resume()
      res.on('end', () =>
        resolve({ path: new URL(url).pathname, status: res.statusCode!, retryAfter: res.headers['retry-after'] }),
      )
    })
    req.on('error', reject)
    req.end()
  })
}

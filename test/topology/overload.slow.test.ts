import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { CALL_TRANSPORTS } from '../../src/door/far-service.ts'
import { startParts } from '../system-parts.ts'
import { bodyOf } from '../system-process.ts'
import works from './works/system.ts'

/** Five times what `works` can do, two processes together: 100 a second. */
const CLIENTS = 400
const EVERY_MS = 800
const LASTS_MS = 6_000

interface Answer {
  readonly path: string
  readonly status: number
  readonly retryAfter: string | undefined
  readonly ms: number
}

test.each(CALL_TRANSPORTS)(
  'R-OPS-5 R-P-4: gateway and service apart over %s, at five times the capacity: what can be served is served, the rest is rejected at once, health answers, and then all is as before',
  { timeout: 180_000 },
  async (transport) => {
    const file = fileURLToPath(new URL('./works/system.ts', import.meta.url))
    const env = { LINTEL_CALL_TRANSPORT: transport }
    const running = await startParts(works, { file, replicas: { works: 2 }, env })
    const agent = new Agent({ keepAlive: true })
    try {
      const gateway = running.parts.gateway![0]!.url
      const doors = running.parts.works!.map(({ url }) => url)
      const ask = (path: string) => answerOf(agent, gateway, path)
      const healthOf = async () => (await bodyOf(await fetch(`${gateway}/health`))).status

      /** Clients that wait for their answers, as many as are served at once: what is served in a second. */
      async function served(): Promise<number> {
        const startMs = performance.now()
        const clients = Array.from({ length: 16 }, async () => {
          const answers: Answer[] = []
          while (performance.now() - startMs < 3_000) answers.push(await ask('/works'))
          return answers
        })
        const answers = (await Promise.all(clients)).flat()
        expect(statusesOf(answers)).toEqual([200])
        return answers.length / ((performance.now() - startMs) / 1000)
      }
      await served()
      const before = await served()

      const health: number[] = []
      const startMs = performance.now()
      let refused = 0
      // On a machine that is short of CPU it takes longer until as many ask as are too many.
      const lasts = () => {
        const ms = performance.now() - startMs
        return ms < LASTS_MS || (refused < 50 && ms < 60_000)
      }
      const looking = (async () => {
        for (; lasts(); await delay(100))
          for (const url of [gateway, ...doors])
            for (const path of ['/health', '/health/ready', '/health/live'])
              health.push((await answerOf(agent, url, path)).status)
      })()
      // Each asks again whether it was served or rejected, but not before it was answered.
      const client = async (number: number) => {
        const answers: Answer[] = []
        await delay((number / CLIENTS) * EVERY_MS)
        while (lasts()) {
          const [answer] = await Promise.all([ask(number % 50 === 0 ? '/others' : '/works'), delay(EVERY_MS)])
          answers.push(answer)
          if (answer.status === 503) refused++
        }
        return answers
      }
      const asking = Array.from({ length: CLIENTS }, (_, number) => client(number))
      while (lasts()) await delay(50)
      const during = await healthOf()
      const answers = (await Promise.all(asking)).flat()
      const seconds = (performance.now() - startMs) / 1000
      await looking
      const done = answers.filter(({ status, path }) => status === 200 && path === '/works')
      const rejected = answers.filter(({ status }) => status === 503)
      const goodput = done.length / seconds
      console.log(
        `over ${transport}: ${goodput.toFixed(0)} a second were served, ${before.toFixed(0)} before; ` +
          `of ${answers.length} ${rejected.length} were rejected, p50 ${p50Of(rejected).toFixed(1)} ms, those served ${p50Of(done).toFixed(0)} ms`,
      )
      expect(statusesOf(answers)).toEqual([200, 503])
      expect(statusesOf(answers.filter(({ path }) => path === '/others'))).toEqual([200])
      for (const { retryAfter } of rejected) expect(retryAfter).toMatch(/^[1-9]$/)
      expect(goodput).toBeGreaterThan(before * 0.3)
      // Where the CPU is short, everything waits for that; but no rejection waits for its turn in a queue of work.
      expect(Math.min(...rejected.map(({ ms }) => ms))).toBeLessThan(p50Of(done))
      expect(during).toBe('degraded')
      expect([...new Set(health)]).toEqual([200])

      expect(await served()).toBeGreaterThan(before * 0.3)
      await expect.poll(healthOf, { timeout: 20_000, interval: 500 }).toBe('healthy')
      const burst = await Promise.all(Array.from({ length: 200 }, () => ask('/works')))
      expect(statusesOf(burst)).toEqual([200])
    } finally {
      agent.destroy()
      await running.stop()
    }
  },
)

async function answerOf(agent: Agent, url: string, path: string): Promise<Answer> {
  const sentMs = performance.now()
  const [answer] = (await once(request(url + path, { agent }).end(), 'response')) as [IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  return {
    path,
    status: answer.statusCode!,
    retryAfter: answer.headers['retry-after'],
    ms: performance.now() - sentMs,
  }
}

function statusesOf(answers: readonly Answer[]): number[] {
  return [...new Set(answers.map(({ status }) => status))].sort()
}

function p50Of(answers: readonly Answer[]): number {
  return answers.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(answers.length / 2)]!
}

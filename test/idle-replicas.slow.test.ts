import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { start } from '../src/start/start.ts'
import { testNats } from '../src/testing/nats.ts'
import { databaseSettings, testSystem } from '../src/testing/system.ts'
import system from '../system.ts'

const WINDOW_MS = 12_000
/** Sweeps of the start are over by then. */
const WINDOWS = 4

/** What every connection of this process has sent. */
let sent: string[] = []
const { query } = pg.Client.prototype
beforeAll(() => {
  Object.assign(pg.Client.prototype, {
    query(this: pg.Client, ...given: [{ text?: string }]) {
      sent.push(given[0].text ?? String(given[0]))
      return Reflect.apply(query, this, given)
    },
  })
})
afterAll(() => void Object.assign(pg.Client.prototype, { query }))

/** BEGIN and COMMIT are part of the statements between them. */
const counts = (text: string) => !/^(begin|commit)$/.test(text)

const nats = await testNats()
if (nats === undefined) console.warn('IDLE REPLICAS ON NATS ARE NOT TESTED: no nats-server on PATH')
afterAll(() => nats?.stop())
const carriers: [string, Record<string, string>][] = [['PostgreSQL', {}]]
if (nats) carriers.push(['NATS', { NATS_URL: nats.url }])

test.each(carriers)(
  'R-EVT-6: three replicas of the reference system with nothing to do make fewer than five statements a second, with events on %s',
  { timeout: 120_000 },
  async (_, carrier) => {
    const env = { LOG_LEVEL: 'fatal', NODE_ENV: 'development', PORT: '0', ...carrier }
    const first = await testSystem(system, inject('databaseServer'), env)
    const others = [1, 2].map(() => start(system, { ...env, ...databaseSettings(first.databases) }))
    try {
      await Promise.all(others)
      let least: string[] | undefined
      for (let i = 0; i < WINDOWS && (least === undefined || least.length >= (5 * WINDOW_MS) / 1000); i++) {
        sent = []
        await delay(WINDOW_MS)
        const some = sent.filter(counts)
        if (least === undefined || some.length < least.length) least = some
      }
      expect(least!.length, least!.join('\n')).toBeLessThan((5 * WINDOW_MS) / 1000)
      expect(least!.length).toBeGreaterThan(0)
    } finally {
      for (const one of others) await (await one).stop()
      await first.stop()
    }
  },
)

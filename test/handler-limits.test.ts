import { afterAll, beforeAll, expect, test } from 'vitest'
import { operation, service, t } from '../src/contract/index.ts'
import type { Handlers } from '../src/service/handler.ts'
import { type SmallSystem, smallSystem } from './small-system.ts'
import { send } from './wire.ts'

const contract = service('doors', {
  operations: {
    knock: operation({
      method: 'PUT',
      path: '/knocks',
      access: 'public',
      body: { door: t.text(), sqlstate: t.text() },
      answer: { times: t.integer() },
    }),
  },
  buckets: { door: { maxRequests: 10, windowMs: 600_000 }, house: { maxRequests: 3, windowMs: 600_000 } },
})

let times = 0
const handlers: Handlers<typeof contract> = {
  /** Meets another transaction twice. */
  async knock({ body }, { tx, limit }) {
    times++
    await limit('door', body.door)
    await Promise.all([limit('door', body.door), limit('house', body.door)])
    if (times <= 2) await tx.query(`do $$ begin raise sqlstate '${body.sqlstate}'; end $$`)
    // What the attempts before did not come to.
    await limit('door', `${body.door}, inside`)
    return { times }
  },
}

let running: SmallSystem
beforeAll(async () => {
  running = await smallSystem(contract, handlers, 'select 1')
})
afterAll(() => running?.stop())

test.each([
  ['40P01', 'a deadlock'],
  ['40001', 'a serialisation failure'],
])(
  'R-RATE-2: work that is done again after %s (%s) draws from its buckets once, and tells of each draw once',
  async (sqlstate) => {
    times = 0
    const headers = { 'content-type': 'application/json' }
    const knock = () =>
      send(running.url, 'PUT', '/knocks', { headers, body: JSON.stringify({ door: sqlstate, sqlstate }) })
    const { status, body, headers: told } = await knock()
    expect([status, body]).toEqual([200, { times: 3 }])
    const left =
      /^"default";r=\d+;t=\d+, "doors.door";r=9;t=\d+, "doors.door";r=8;t=\d+, "doors.house";r=2;t=\d+, "doors.door";r=9;t=\d+$/
    expect(told.ratelimit).toMatch(left)
    // Nor was more drawn than was told.
    for (let i = 0; i < 2; i++) expect((await knock()).status).toBe(200)
    expect((await knock()).status).toBe(429)
  },
)

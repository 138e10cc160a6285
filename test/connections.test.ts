import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { connect } from '../src/data/connection.ts'
import { mostConnections, USUAL_POOL } from '../src/start/connection-budget.ts'
import system from '../system.ts'
import { reference } from './reference.ts'

const api = reference()
let admin: pg.Client
beforeAll(async () => {
  admin = await connect(inject('databaseServer'))
})
afterAll(() => admin?.end())

async function connections(): Promise<number> {
  const names = Object.values(api.system.databases).map((url) => new URL(url).pathname.slice(1))
  const { rows } = await admin.query(`select count(*) from pg_stat_activity where datname = any($1)`, [names])
  return Number(rows[0].count)
}

test('FC-83: under load a replica of the reference system has no more connections than the README says', async () => {
  const product = await api.product({ stock: 1_000_000 })
  const buyer = await api.user()
  const { id } = (await api.ask('GET', '/users/me', { token: buyer.token })).body
  const order = () =>
    api.ask('POST', `/users/${id}/orders`, {
      token: buyer.token,
      body: { items: [{ productId: product.id, quantity: 1 }] },
    })
  const asks = [
    order,
    order,
    () => api.ask('GET', '/products?q=cha&count=exact'),
    () => api.ask('GET', '/products?sort=-price'),
    () => api.ask('GET', `/products/${product.id}`),
    () => api.ask('GET', `/users/${id}/orders`, { token: buyer.token }),
    () => api.ask('PATCH', '/users/me', { token: buyer.token, body: { name: 'Ann' } }),
  ]
  let most = 0
  for (let round = 0; round < 5; round++) {
    // Of no operation more than 20, which are served however busy the machine is.
    const answers = Promise.all(Array.from({ length: 70 }, (_, i) => asks[i % asks.length]!()))
    let done = false
    const over = answers.finally(() => {
      done = true
    })
    while (!done) most = Math.max(most, await connections())
    await over
    for (const { status } of await answers) expect(status).toBeLessThan(300)
  }
  // The load is one that needs many.
  expect(most).toBeGreaterThan(10)
  expect(most).toBeLessThanOrEqual(mostConnections(system.services, { poolSize: USUAL_POOL }))
})

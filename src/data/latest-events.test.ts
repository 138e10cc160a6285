import { afterAll, beforeAll, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import type { Clone } from '../testing/database.ts'
import { latestEvents } from './latest-events.ts'
import { type Database, openDatabase } from './pool.ts'

let clone: Clone
let database: Database
beforeAll(async () => {
  clone = await serviceClone('orders')
  database = openDatabase('orders', clone.url)
})
afterAll(async () => {
  await database?.close()
  await clone?.drop()
})

test('the last events come newest first, with their data, and no more than were asked for', async () => {
  expect(await latestEvents(database, 2)).toEqual([])
  await database.query(
    `insert into lintel.outbox (id, type, aggregate_id, data, created_at, headers)
     select gen_random_uuid(), 'thing.made', 'thing_' || n, json_build_object('n', n), '2026-01-31T12:00:00Z', json_build_object('actor', 'user:' || n)
     from generate_series(1, 3) n`,
  )
  expect(await latestEvents(database, 2)).toMatchObject([
    { type: 'thing.made', aggregateId: 'thing_3', occurredAt: '2026-01-31T12:00:00.000Z', data: '{"n" : 3}' },
    { aggregateId: 'thing_2', headers: '{"actor" : "user:2"}' },
  ])
})

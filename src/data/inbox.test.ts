import type pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serviceClone } from '../../test/service-clone.ts'
import type { Clone } from '../testing/database.ts'
import { connect } from './connection.ts'
import { inboxState, registerConsumer } from './inbox.ts'
import { COUNTED_TO, outboxState } from './outbox.ts'
import { type Database, openDatabase } from './pool.ts'

let clone: Clone
let database: Database
/** Without a bound on how long a statement takes. */
let client: pg.Client

beforeAll(async () => {
  clone = await serviceClone('orders')
  // What one connection has read is asked over the same.
  database = openDatabase('test', clone.url, { readLanes: 1, listLanes: 0 })
  client = await connect(clone.url)
})
afterAll(async () => {
  await database?.close()
  await client?.end()
  await clone?.drop()
})

/** Rows and index entries that were looked at so far. */
async function looked(): Promise<number> {
  await database.cells('select pg_stat_force_next_flush()')
  const [row] = await database.query<{ count: number }>(
    `select (select sum(seq_tup_read) from pg_stat_user_tables where schemaname = 'lintel')
       + (select sum(idx_tup_read) from pg_stat_user_indexes where schemaname = 'lintel') as count`,
  )
  return row!.count
}

test('FC-81: to say how much waits, as /health does every second, costs no more while hundreds of thousands of events wait', async () => {
  const [many, dead] = [200_000, 5]
  await registerConsumer(database, 'orders.buyers')
  await registerConsumer(database, 'orders.idle')
  await client.query(
    `insert into lintel.outbox (id, type, aggregate_id, data)
     select gen_random_uuid(), 'thing.made', 'a' || n % 1000, '{}' from generate_series(1, $1::int) n`,
    [many],
  )
  // Where the planner knows nothing yet of what has come, and where it does.
  for (const knows of [false, true]) {
    if (knows) await client.query('analyze lintel.inbox, lintel.outbox')
    else
      await client.query(
        `insert into lintel.inbox (consumer, event_id, type, aggregate_id, occurred_at, data, dead_at)
         select 'orders.buyers', gen_random_uuid(), 'thing.made', 'a' || n % 1000, now() - interval '1 hour', '{}',
           case when n > $1 then now() end from generate_series(1, $1::int + $2::int) n`,
        [many, dead],
      )
    const before = await looked()
    const [outbox, [buyers, idle]] = [await outboxState(database), (await inboxState(database)) as [any, any]]
    const after = await looked()
    expect([outbox.waiting, buyers.waiting, buyers.dead]).toEqual([COUNTED_TO, COUNTED_TO, dead])
    expect(buyers.lagMs).toBeGreaterThanOrEqual(3_600_000)
    expect(idle).toEqual({ consumer: 'orders.idle', waiting: 0, dead: 0, lagMs: 0 })
    expect(after - before).toBeGreaterThan(0)
    expect(after - before).toBeLessThan(3 * COUNTED_TO)
  }
})

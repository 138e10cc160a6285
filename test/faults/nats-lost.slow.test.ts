import { cp, rm } from 'node:fs/promises'
import { expect, inject } from 'vitest'
import { connect } from '../../src/data/connection.ts'
import { notifyCommitted } from '../../src/data/outbox.ts'
import { openDatabase } from '../../src/data/pool.ts'
import { setBack } from '../../src/data/readers.ts'
import { type TestNats, testNats } from '../../src/testing/nats.ts'
import { type TestSystem, testSystem } from '../../src/testing/system.ts'
import { CONSUMERS } from './effects.ts'
import { commitEvents, type MadeUp, madeUp } from './made-up.ts'
import system from './system.ts'
import { natsTest } from './with-nats.ts'

/** Counts the events of an outbox that NATS has not. */
const UNPUBLISHED = `select count(*)::int as count from lintel.outbox
  where position > (select position from lintel.readers where reader = 'relay')`

const AGGREGATES = 20

interface Lossy {
  readonly nats: TestNats
  /** Commits one event more of each aggregate; resolves when they are published, and with `handled` when they are handled. */
  commit(until: 'published' | 'handled'): Promise<void>
}

/** Does something to a NATS server under a running system, has everything sent again, and counts the effects. */
async function survives(lose: (lossy: Lossy) => Promise<void>): Promise<void> {
  const nats = (await testNats())!
  const committed: MadeUp[] = []
  let running: TestSystem | undefined
  try {
    running = await testSystem(system, inject('databaseServer'), { NATS_URL: nats.url })
    const { orders, effects } = running.databases as Record<string, string>
    const since = new Date().toISOString()
    const counted = (url: string, sql: string) => until(async () => Number((await rows(url, sql))[0]!.count) === 0)
    const published = () => counted(orders!, UNPUBLISHED)
    const handled = () =>
      counted(
        effects!,
        `select ${committed.length * CONSUMERS.length} - count(distinct (consumer, event_id)) as count from effects`,
      )
    await lose({
      nats,
      async commit(what) {
        const some = Array.from({ length: AGGREGATES }, (_, i) => madeUp(`${i}`))
        await commitEvents(orders!, some)
        committed.push(...some)
        await (what === 'published' ? published() : handled())
      },
    })
    const outbox = openDatabase('orders', orders!)
    expect(await setBack(outbox, 'relay', since)).toBeGreaterThanOrEqual(committed.length)
    await notifyCommitted(outbox)
    await outbox.close()
    await handled()
    await published()
    // Whatever would come twice comes before what is committed now.
    const last = madeUp('0')
    await commitEvents(orders!, [last])
    committed.push(last)
    await handled()
    const found = await rows(effects!, 'select consumer, lintel.uuid(event_id)::text as id from effects')
    for (const name of CONSUMERS) {
      const ids = found.filter(({ consumer }) => consumer === name).map(({ id }) => id)
      expect(ids.sort()).toEqual(committed.map(({ id }) => id).sort())
    }
  } finally {
    await running?.stop()
    await nats.stop()
  }
}

async function rows(url: string, sql: string): Promise<Record<string, any>[]> {
  const client = await connect(url)
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 50))
}

natsTest(
  'R-EVT-5: NATS restored to an older copy of its store under a running system: after resend every effect arrives, none twice',
  () =>
    survives(async ({ nats, commit }) => {
      const copy = `${nats.folder}-older`
      try {
        await commit('handled')
        await nats.kill()
        await cp(nats.folder, copy, { recursive: true })
        await nats.start()
        await commit('handled')
        await commit('published')
        await nats.kill()
        await rm(nats.folder, { recursive: true })
        await cp(copy, nats.folder, { recursive: true })
        await nats.start()
        await commit('published')
      } finally {
        await rm(copy, { recursive: true, force: true })
      }
    }),
  60_000,
)

natsTest(
  'R-EVT-5: NATS emptied under a running system: after resend every effect arrives, none twice',
  () =>
    survives(async ({ nats, commit }) => {
      await commit('handled')
      await commit('published')
      await nats.kill()
      await rm(nats.folder, { recursive: true })
      await nats.start()
      await commit('published')
    }),
  60_000,
)

import { expect, test } from 'vitest'
import { urlFor } from '../../src/data/connection.ts'
import { until } from '../system-process.ts'
import { CONSUMERS } from './effects.ts'
import { commitEvents, type MadeUp, madeUp } from './made-up.ts'
import { openWorld } from './storm.ts'
import { booksOf } from './tally.ts'
import { natsTest } from './with-nats.ts'

/** The replica that receives for all consumers is stopped in the midst of it, for longer than its leases, and goes on. */
async function survivesPause(carrier: 'postgres' | 'nats'): Promise<void> {
  const world = await openWorld({ carrier })
  const [first, second] = world.replicas as [(typeof world.replicas)[0], (typeof world.replicas)[0]]
  const books = booksOf(world.postgres.url)
  const orders = urlFor(world.postgres.url, 'lintel_orders')
  const commit = async (from: number, size: number) => {
    const events = Array.from({ length: size }, (_, i) => madeUp(`${from + i}`))
    await commitEvents(orders, events)
    return events
  }
  const effects = () =>
    books.rows<{ consumer: string; id: string }>(
      'effects',
      'select consumer, lintel.uuid(event_id)::text as id from effects order by position',
    )
  const handled = async (events: readonly MadeUp[]) => {
    await expect
      .poll(
        async () => {
          const done = new Set((await effects()).map(({ consumer, id }) => `${consumer} ${id}`))
          return CONSUMERS.flatMap((name) => events.filter(({ id }) => !done.has(`${name} ${id}`))).length
        },
        { timeout: 60_000, interval: 200 },
      )
      .toBe(0)
  }
  const holders = async () =>
    (
      await books.rows<{ holder: string | null }>('effects', 'select holder from lintel.receivers order by consumer')
    ).map(({ holder }) => holder)
  try {
    // Whoever is ready first has all leases.
    second.pause()
    await first.ready()
    await until(async () => (await holders()).filter((one) => one !== null).length === CONSUMERS.length)
    second.resume()
    await second.ready()
    const before = await holders()
    const early = await commit(0, 20)
    await handled(early)
    // In its hands, on their way, or not yet seen.
    const [, midst] = await Promise.all([first.pause(), commit(0, 200)])
    const meanwhile = await commit(1_000, 20)
    await handled(meanwhile)
    const after = await holders()
    expect(after.filter((one, i) => one === before[i])).toEqual([])
    first.resume()
    const late = await commit(0, 200)
    const all = [...early, ...midst, ...meanwhile, ...late]
    await handled(all)
    const found = await effects()
    for (const name of CONSUMERS) {
      const ids = found.flatMap(({ consumer, id }) => (consumer === name ? [id] : []))
      expect(ids.toSorted()).toEqual(all.map(({ id }) => id).sort())
      const places = new Map(ids.map((id, i) => [id, i]))
      for (let i = 0; i < 200; i++) {
        const own = all.filter(({ aggregate }) => aggregate === `made-up-${i}`).map(({ id }) => places.get(id)!)
        expect(own).toEqual(own.toSorted((a, b) => a - b))
      }
    }
  } finally {
    first.resume()
    await world.stop()
  }
}

const NAME = 'R-EVT-2: a reader that is paused for longer than its lease loses, doubles and overtakes nothing'

test(`${NAME}, on PostgreSQL`, () => survivesPause('postgres'), 180_000)
natsTest(`${NAME}, on NATS`, () => survivesPause('nats'), 180_000)

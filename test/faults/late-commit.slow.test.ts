import { expect, inject, test } from 'vitest'
import { connect } from '../../src/data/connection.ts'
import { testNats } from '../../src/testing/nats.ts'
import { type TestSystem, testSystem } from '../../src/testing/system.ts'
import { CONSUMERS } from './effects.ts'
import { columnsOf, commitEvents, INSERT, madeUp } from './made-up.ts'
import system from './system.ts'
import { natsTest } from './with-nats.ts'

interface Effect {
  readonly consumer: string
  readonly event: string
}

async function effectsOf({ databases }: TestSystem): Promise<Effect[]> {
  const client = await connect(databases.effects!)
  try {
    const sql = `select consumer, lintel.uuid(event_id)::text as event from effects order by position`
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** Resolves when there are as many. */
async function effects(running: TestSystem, count: number): Promise<Effect[]> {
  for (;;) {
    const found = await effectsOf(running)
    if (found.length >= count) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function loseNothing(env: Record<string, string>): Promise<void> {
  const running = await testSystem(system, inject('databaseServer'), env)
  const { orders } = running.databases
  const slow = await connect(orders!)
  try {
    const [first, second, other, third] = [madeUp('same'), madeUp('same'), madeUp('other'), madeUp('same')]
    await slow.query('begin')
    // Takes the lowest positions, and commits when what has higher ones is long gone.
    await slow.query(INSERT, columnsOf([first, other]))
    await commitEvents(orders!, [second])
    await effects(running, CONSUMERS.length)
    await slow.query('commit')
    await effects(running, 3 * CONSUMERS.length)
    await commitEvents(orders!, [third])
    const all = await effects(running, 4 * CONSUMERS.length)
    for (const name of CONSUMERS) {
      const events = all.filter(({ consumer }) => consumer === name).map(({ event }) => event)
      expect(events.filter((event) => event !== other.id)).toEqual([second.id, first.id, third.id])
      expect(events.filter((event) => event === other.id)).toHaveLength(1)
    }
  } finally {
    await slow.end()
    await running.stop()
  }
}

const NAME = 'R-EVT-2: a slow transaction that commits behind what has higher positions loses nothing'

test(`${NAME}, on PostgreSQL`, () => loseNothing({}), 60_000)

natsTest(
  `${NAME}, on NATS`,
  async () => {
    const nats = (await testNats())!
    try {
      await loseNothing({ NATS_URL: nats.url })
    } finally {
      await nats.stop()
    }
  },
  60_000,
)

import { expect, inject, test } from 'vitest'
import { connect } from '../../src/data/connection.ts'
import { testNats } from '../../src/testing/nats.ts'
import { type TestSystem, testSystem } from '../../src/testing/system.ts'
import { until } from '../system-process.ts'
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
    // Takes the lowest positions, and commits when what has higher ones was committed long ago.
    await slow.query(INSERT, columnsOf([first, other]))
    await commitEvents(orders!, [second])
    await until(async () => {
      const { checks } = (await (await fetch(`${running.url}/health`)).json()) as {
        checks: { queue?: { message?: string } }
      }
      return /^the events of orders wait for a transaction of lintel/.test(checks.queue?.message ?? '')
    })
    expect(await effectsOf(running)).toEqual([])
    await slow.query('commit')
    await effects(running, 3 * CONSUMERS.length)
    await commitEvents(orders!, [third])
    const all = await effects(running, 4 * CONSUMERS.length)
    for (const name of CONSUMERS) {
      const events = all.filter(({ consumer }) => consumer === name).map(({ event }) => event)
      expect(events.filter((event) => event !== other.id)).toEqual([first.id, second.id, third.id])
      expect(events.filter((event) => event === other.id)).toHaveLength(1)
    }
  } finally {
    await slow.end()
    await running.stop()
  }
}

const NAME = 'R-EVT-2: what has higher positions than a slow transaction comes after it, and /health names that'

test(`${NAME}, on PostgreSQL`, () => loseNothing({}), 180_000)

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

/** A transaction that has written, but no event, stays open. */
async function goOn(env: Record<string, string>): Promise<void> {
  const running = await testSystem(system, inject('databaseServer'), env)
  const { orders } = running.databases
  const slow = await connect(orders!)
  try {
    await slow.query('begin')
    await slow.query(`insert into lintel.secrets (name, value) values ('open', 'for long')`)
    const events = [madeUp('same'), madeUp('other'), madeUp('same')]
    for (const one of events) await commitEvents(orders!, [one])
    // It is open still.
    expect(await effects(running, events.length * CONSUMERS.length)).toHaveLength(events.length * CONSUMERS.length)
    await slow.query('rollback')
  } finally {
    await slow.end()
    await running.stop()
  }
}

const UNHELD = 'R-EVT-2: a transaction that stays open and has emitted nothing holds up no event'

test(`${UNHELD}, on PostgreSQL`, () => goOn({}), 60_000)

natsTest(
  `${UNHELD}, on NATS`,
  async () => {
    const nats = (await testNats())!
    try {
      await goOn({ NATS_URL: nats.url })
    } finally {
      await nats.stop()
    }
  },
  60_000,
)

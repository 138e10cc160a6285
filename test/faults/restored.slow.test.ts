import { expect, inject, test } from 'vitest'
import { connect } from '../../src/data/connection.ts'
import { notifyCommitted } from '../../src/data/outbox.ts'
import { readAgain } from '../../src/data/places.ts'
import { openDatabase } from '../../src/data/pool.ts'
import { RELAY, setBack } from '../../src/data/readers.ts'
import { testNats } from '../../src/testing/nats.ts'
import { testSystem } from '../../src/testing/system.ts'
import { holdBack } from '../delivery.ts'
import { until } from '../system-process.ts'
import { CONSUMERS } from './effects.ts'
import { commitEvents, type MadeUp, madeUp } from './made-up.ts'
import system from './system.ts'
import { natsTest } from './with-nats.ts'

async function rows<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = await connect(url)
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const nameOf = (url: string) => new URL(url).pathname.slice(1)

/** Copies databases as they are now; what is returned puts the copies in their place, under a running system. */
async function backup(server: string, urls: readonly string[]): Promise<() => Promise<void>> {
  const names = urls.map(nameOf)
  const admin = await connect(server)
  try {
    for (const name of names) {
      // A copy needs it alone.
      await admin.query(`alter database ${name} connection limit 0`)
      await admin.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1', [name])
      await admin.query(`create database ${name}_copy template ${name} connection limit -1`)
      await admin.query(`alter database ${name} connection limit -1`)
    }
  } finally {
    await admin.end()
  }
  return async () => {
    const again = await connect(server)
    try {
      for (const name of names) {
        await again.query(`drop database ${name} with (force)`)
        await again.query(`alter database ${name}_copy rename to ${name}`)
      }
    } finally {
      await again.end()
    }
  }
}

/** As `lintel events resend` does it with a broker. */
async function resend(databases: Readonly<Record<string, string>>, since: string): Promise<void> {
  for (const [name, url] of Object.entries(databases)) {
    const database = openDatabase(name, url)
    try {
      await readAgain(database, since)
      await setBack(database, RELAY, since)
      await notifyCommitted(database)
    } finally {
      await database.close()
    }
  }
}

async function restored(which: readonly string[], env: Record<string, string>): Promise<void> {
  const server = inject('databaseServer')
  const began = new Date().toISOString()
  const running = await testSystem(system, server, env)
  const { orders, effects } = running.databases as Record<string, string>
  const effectsOf = async (name: string) =>
    (
      await rows<{ id: string }>(
        effects!,
        `select lintel.uuid(event_id)::text as id from effects where consumer = '${name}' order by position`,
      )
    ).map(({ id }) => id)
  const handled = (events: readonly MadeUp[]) =>
    until(async () => {
      const all = await Promise.all(CONSUMERS.map(effectsOf)).catch(() => [[]])
      return all.every((ids) => events.every(({ id }) => ids.includes(id)))
    })
  const commit = async (size = 10) => {
    const events = Array.from({ length: size }, (_, i) => madeUp(`${i}`))
    await commitEvents(orders!, events)
    return events
  }
  try {
    const early = await commit()
    await handled(early)
    // Committed when the backup is made, and not yet handled by all.
    const release = await holdBack(running, 'effects.first')
    const late = await commit()
    const restore = await backup(
      server,
      which.map((name) => running.databases[name]!),
    )
    await release()
    await handled(late)
    const vanished = await commit(25)
    await handled(vanished)
    await restore()
    // NATS does not bring again what it was told is stored (docs/guide/deploy.md).
    const isAgain = env.NATS_URL !== undefined && which.includes('effects')
    if (isAgain) await resend(running.databases, began)
    // Of the lease that came back with the copy.
    await release()
    await handled(late)
    // NATS has them yet.
    if (isAgain) await handled(vanished)
    // They stand where those stood that have vanished; the place of a reader is beyond their end.
    const fresh = await commit(5)
    await handled(fresh)
    const more = await commit(30)
    await handled(more)
    const surviving = [...early, ...late, ...fresh, ...more]
    for (const name of CONSUMERS) {
      const found = await effectsOf(name)
      const gone = which.includes('effects') && !isAgain ? [] : vanished
      expect(found.toSorted()).toEqual([...surviving, ...gone].map(({ id }) => id).sort())
      for (let i = 0; i < 10; i++) {
        const own = surviving.filter(({ aggregate }) => aggregate === `made-up-${i}`).map(({ id }) => id)
        expect(found.filter((id) => own.includes(id))).toEqual(own)
      }
    }
  } finally {
    await running.stop()
  }
}

const PRODUCER =
  'R-EVT-2: with the database of the service that publishes restored, no new event is passed over, and none has two effects'
const ALL = 'R-EVT-2: with all databases restored, every event that survives has its effect once'

test(`${PRODUCER}, on PostgreSQL`, () => restored(['orders'], {}), 180_000)
test(`${ALL}, on PostgreSQL`, () => restored(['users', 'orders', 'effects'], {}), 180_000)

for (const [name, which] of [
  [PRODUCER, ['orders']],
  [`${ALL}, and so have those that vanished from it alone once NATS has sent again`, ['users', 'orders', 'effects']],
] as const)
  natsTest(
    `${name}, on NATS`,
    async () => {
      const nats = (await testNats())!
      try {
        await restored(which, { NATS_URL: nats.url })
      } finally {
        await nats.stop()
      }
    },
    180_000,
  )

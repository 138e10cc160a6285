import { createRest } from '../base/rest.ts'
import {
  APPENDED,
  acknowledgeInLog,
  appendToLog,
  positionInLog,
  readLog,
  subscribeToLog,
  sweepLog,
} from '../data/event-log.ts'
import { type Listener, listen } from '../data/listen.ts'
import { observed } from '../data/observed.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../data/pool.ts'
import type { EndedStatement } from '../observe/statement-log.ts'
import { BATCH, type Batch, type Carrier, type Source, type Subscription, WAIT_MS } from './carrier.ts'

export interface PostgresCarrierOptions {
  /** Of the carrier's own database, migrated. */
  readonly url: string
  readonly retentionMs: number
  /** How many connections it may have, besides the one that listens. */
  readonly sizes?: Pick<DatabaseOptions, 'poolSize' | 'readLanes' | 'listLanes'>
  log(message: string): void
  /** Told of every statement; nobody is by default. */
  readonly statements?: ((ended: EndedStatement) => void) | undefined
}

/** Events in a log of its own on PostgreSQL: what is used where there is no broker. */
export function createPostgresCarrier({ url, retentionMs, sizes, log, statements }: PostgresCarrierOptions): Carrier {
  const database = observed(openDatabase('carrier', url, { ...sizes, log }), statements)
  const sources = new Set<{ wake(): void }>()
  let listener: Listener | undefined
  return {
    name: 'postgres',
    async publish(from, events) {
      await appendToLog(database, from, events)
      return events
    },
    async subscribe(subscription) {
      listener ??= listen(url, APPENDED, () => {
        for (const source of sources) source.wake()
      })
      await subscribeToLog(database, subscription)
      const source = await openSource(database, subscription, () => sources.delete(source))
      sources.add(source)
      return source
    },
    ping: () => database.ping(),
    sweep: async () => {
      await sweepLog(database, retentionMs)
    },
    async close() {
      await listener?.close()
      await database.close()
    },
  }
}

async function openSource(
  database: Database,
  { name, from, types }: Subscription,
  closed: () => void,
): Promise<Source & { wake(): void }> {
  let position = '0'
  let woken = false
  const rest = createRest()

  return {
    async next(signal): Promise<Batch> {
      for (let again = false; ; again = true) {
        woken = false
        const page = await readLog(database, position, BATCH)
        const last = page.at(-1)?.position
        if (last !== undefined) {
          position = last
          const events = page.filter((event) => event.from === from && types.includes(event.type))
          return { events, acknowledge: () => acknowledgeInLog(database, name, last) }
        }
        if (again) return { events: [], acknowledge: async () => {} }
        if (!woken) await rest.take(WAIT_MS, signal)
      }
    },
    async rewind() {
      position = (await positionInLog(database, name)) ?? '0'
    },
    async close() {
      rest.end()
      closed()
    },
    wake() {
      woken = true
      rest.end()
    },
  }
}

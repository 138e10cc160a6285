import { once } from 'node:events'
import { Fault } from '../base/errors.ts'
import { encodeId } from '../base/ids.ts'
import { createRest } from '../base/rest.ts'
import { createFeed, type Feed, LogChanged } from '../data/feed.ts'
import { listen } from '../data/listen.ts'
import { type StoredEvent, TO_READ } from '../data/outbox.ts'
import { type Database, openDatabase } from '../data/pool.ts'
import type { Place } from '../data/readers.ts'
import { originOf } from '../events/headers.ts'
import { shownEvent } from '../events/shown-event.ts'
import { createLog, STDERR } from '../observe/log.ts'
import { findDatabases } from '../start/databases.ts'
import { readSettings } from '../start/settings.ts'
import { contractsOf, type System } from '../start/system.ts'
import { loadSystem } from './load-system.ts'
import { interruption } from './signals.ts'
import { timeOf } from './time-of.ts'

export interface TailOptions {
  readonly service?: string
  readonly type: readonly string[]
  readonly since?: string
  readonly json?: boolean
}

const BATCH = 500
/** To be woken is a hint. */
const POLL_MS = 1_000

/**
 * Follows what services publish, from now or from `since` on: a line for each event, until it is interrupted, which is how it ends and no
 * failure, or nobody reads on.
 */
export async function tailCommand(file: string, options: TailOptions): Promise<void> {
  const interrupted = interruption()
  const ending = new AbortController()
  const end = () => ending.abort()
  interrupted.signal.addEventListener('abort', end, { once: true })
  // Who reads, such as `head`, has enough.
  process.stdout.on('error', end)
  if (interrupted.signal.aborted) end()
  const since = options.since === undefined ? undefined : timeOf('--since', options.since)
  const system = await loadSystem(file)
  const names = chosen(system, options)
  const settings = readSettings(process.env, contractsOf(system))
  const log = await createLog(settings.logLevel, { fd: STDERR })
  const databases = await findDatabases(system, settings, { log, shared: true, signal: ending.signal })
  const write = writerOf(options.json === true || !process.stdout.isTTY, ending.signal)
  const failed = new AbortController()
  try {
    await Promise.all(
      names.map((name) =>
        follow(name, databases.urls.get(name)!, {
          since,
          types: options.type,
          signal: AbortSignal.any([ending.signal, failed.signal]),
          write: (event) => write(name, event),
        }).catch((error) => {
          failed.abort()
          throw error
        }),
      ),
    )
  } finally {
    await databases.stop()
  }
}

interface Following {
  /** RFC 3339. */
  readonly since: string | undefined
  /** All of them where it is empty. */
  readonly types: readonly string[]
  readonly signal: AbortSignal
  write(event: StoredEvent): Promise<void>
}

async function follow(name: string, url: string, { since, types, signal, write }: Following): Promise<void> {
  const database: Database = openDatabase(`${name}-tail`, url, { poolSize: 2, readLanes: 1, listLanes: 0 })
  const feed = createFeed(database)
  let rest = createRest()
  const listener = listen(url, TO_READ, () => rest.end())
  try {
    for (let place: Place | undefined; !signal.aborted; ) {
      const woken = createRest()
      rest = woken
      const read = await readOn(feed, place, since, types, signal).catch((error) => {
        if (signal.aborted) return undefined
        if (!(error instanceof LogChanged)) throw error
        console.error(`lintel: ${name}: ${error.message}; it goes on at the end of this one`)
        return { place: undefined, events: [], isLast: true }
      })
      if (read === undefined) continue
      place = read.place
      for (const event of read.events) if (!signal.aborted) await write(event)
      if (read.isLast) await woken.take(POLL_MS, signal)
    }
  } finally {
    await Promise.all([listener.close(), database.close()])
  }
}

/** Undefined where a writer is open for so long that nothing is settled. */
async function readOn(
  feed: Feed,
  place: Place | undefined,
  since: string | undefined,
  types: readonly string[],
  signal: AbortSignal,
) {
  const upTo = await feed.settle(signal)
  if (upTo === undefined) return undefined
  const from =
    place ??
    (since === undefined ? { position: `${upTo.position}`, eventId: undefined } : await feed.placeAt(since, upTo))
  return feed.page(from, upTo, { types: types.length > 0 ? types : undefined, limit: BATCH })
}

/** One line at a time, from several services; waits for whoever reads. */
function writerOf(asJson: boolean, signal: AbortSignal) {
  return async (service: string, event: StoredEvent): Promise<void> => {
    const line = asJson ? JSON.stringify(shownEvent(service, event)) : readable(service, event)
    if (process.stdout.write(`${line}\n`) || signal.aborted) return
    await once(process.stdout, 'drain', { signal }).catch(() => {})
  }
}

function readable(service: string, { id, type, aggregateId, occurredAt, data, headers }: StoredEvent): string {
  const { actor } = originOf(headers)
  const by = actor === undefined ? '' : ` by ${actor}`
  return `${occurredAt} ${service} ${type} of ${aggregateId}${by} ${encodeId('evt', id)} ${data}`
}

/** The services that publish what is asked for. */
function chosen({ services }: System, { service, type: types }: TailOptions): string[] {
  const publishing = services.filter(({ contract }) => Object.keys(contract.events).length > 0)
  const among = publishing.filter(({ contract }) => service === undefined || contract.name === service)
  if (among.length === 0)
    throw wrong(
      service === undefined
        ? 'No service of this system publishes events'
        : `--service is "${service}": give one that publishes events: ${publishing.map(({ contract }) => contract.name).join(', ')}`,
    )
  const known = among.flatMap(({ contract }) => Object.keys(contract.events))
  for (const type of types)
    if (!known.includes(type)) throw wrong(`--type is "${type}": give one that is published: ${known.join(', ')}`)
  const has = (contract: { events: object }) => types.length === 0 || types.some((type) => type in contract.events)
  return among.flatMap(({ contract }) => (has(contract) ? [contract.name] : []))
}

function wrong(message: string): Fault {
  return new Fault('WRONG_ARGUMENT', message, { exitCode: 2 })
}

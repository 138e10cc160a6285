import { decodeId, encodeId } from '../base/ids.ts'
import type { ConsumerSpec } from '../contract/consumer.ts'
import { type DeadLetter, type DeadLetterFilter, dropDead, listDead, resendDead } from '../data/dead-letters.ts'
import { inboxState } from '../data/inbox.ts'
import { NOTHING_WAITS, notifyCommitted, outboxState } from '../data/outbox.ts'
import { readAgain, skipTo } from '../data/places.ts'
import type { Database } from '../data/pool.ts'
import { lastPlace, notePlace, type Place, RELAY, setBack } from '../data/readers.ts'
import { countOf, seconds, wholeOf, wrong } from './arguments.ts'
import { eachDatabase } from './each-database.ts'
import { timeOf } from './time-of.ts'

export interface ListOptions {
  readonly consumer?: string
  readonly limit: string
  readonly json?: boolean
}

export interface FilterOptions {
  readonly consumer?: string
  readonly all?: boolean
}

/** What waits to be published to a broker, and to be handled, of each service. */
export async function statusCommand(file: string, json = false): Promise<void> {
  const all: Record<string, unknown> = {}
  await eachDatabase(file, async ({ contract: { name } }, database, { natsUrl }) => {
    const [outbox, inbox] = await Promise.all([natsUrl ? outboxState(database) : NOTHING_WAITS, inboxState(database)])
    all[name] = { outbox, inbox }
    if (json) return
    console.log(
      `${name}: ${countOf(outbox.waiting)} to be published${outbox.waiting > 0 ? `, the oldest for ${seconds(outbox.oldestMs)}` : ''}`,
    )
    for (const { consumer, waiting, lagMs, dead } of inbox)
      console.log(
        `  ${consumer}: ${countOf(waiting)} waiting${waiting > 0 ? ` (lag ${seconds(lagMs)})` : ''}, ${countOf(dead)} dead`,
      )
  })
  if (json) console.log(JSON.stringify(all))
}

/** Has what was published since then published again, or without a broker read again by its consumers (R-EVT-5). */
export async function resendCommand(file: string, text: string): Promise<void> {
  const since = timeOf('--since', text)
  await eachDatabase(file, async ({ contract: { name } }, database, { natsUrl }) => {
    // With a broker too: it may have what an inbox has lost, and would pass over what it knows.
    const again = await readAgain(database, since)
    console.log(`${name}: ${again} ${again === 1 ? 'consumer reads' : 'consumers read'} again`)
    if (natsUrl === undefined) return
    const count = await setBack(database, RELAY, since)
    await notifyCommitted(database)
    console.log(`${name}: ${count} ${count === 1 ? 'event' : 'events'} queued to be published again`)
  })
}

/** Has a consumer go on with what is published from now on. What it has received already stays in its inbox. */
export async function skipCommand(file: string, consumer: string): Promise<void> {
  let from: string | undefined
  let end: Place | undefined
  await eachDatabase(file, async ({ contract: { name, consumers } }) => {
    from ??= Object.entries<ConsumerSpec>(consumers).find(([key]) => `${name}.${key}` === consumer)?.[1].from
  })
  if (from === undefined) throw wrong(`"${consumer}" is no consumer of this system: see \`lintel events status\``)
  await eachDatabase(file, async ({ contract: { name } }, database, { natsUrl }) => {
    if (natsUrl !== undefined)
      throw wrong('With NATS_URL nothing is kept for a consumer: NATS keeps it for OUTBOX_RETENTION')
    if (name !== from) return
    end = await lastPlace(database)
    await notePlace(database, consumer, end)
  })
  await eachDatabase(file, async ({ contract: { name } }, database) => {
    if (name !== consumer.split('.')[0]) return
    await skipTo(database, consumer, end!)
    console.log(`${consumer} goes on with what ${from} publishes from now on`)
  })
}

export async function listCommand(file: string, { consumer, limit, json = false }: ListOptions): Promise<void> {
  const most = wholeOf(limit)
  const all: DeadLetter[] = []
  await eachDatabase(file, async (_, database) => {
    all.push(...(await listDead(database, { consumer }, most)))
  })
  if (json) console.log(JSON.stringify(all.map(shown)))
  else if (all.length === 0) console.log('no dead letters')
  else
    for (const { eventId, consumer, type, aggregateId, deadAt, attempts, waiting, error } of all)
      console.log(
        `${encodeId('evt', eventId)} ${consumer} ${type} of ${aggregateId}, ${deadAt}, after ${attempts} attempts, ` +
          `${waiting} waiting behind it: ${error.split('\n')[0]}`,
      )
}

export async function showCommand(file: string, event: string, options: FilterOptions): Promise<void> {
  const filter = filterOf(event, options)
  let found = 0
  await eachDatabase(file, async (_, database) => {
    for (const letter of await listDead(database, filter, 100)) {
      found++
      console.log(JSON.stringify(shown(letter), undefined, 2))
    }
  })
  if (found === 0) throw wrong('No such dead letter: see `lintel events dead list`')
}

/** Has dead letters tried again, from the first attempt. */
export function resendDeadCommand(file: string, event: string | undefined, options: FilterOptions): Promise<void> {
  return change(file, filterOrAll(event, options), resendDead, 'sent again')
}

/** Gives dead letters up: what waits behind them goes on. */
export function dropDeadCommand(file: string, event: string | undefined, options: FilterOptions): Promise<void> {
  return change(file, filterOrAll(event, options), dropDead, 'dropped')
}

async function change(
  file: string,
  filter: DeadLetterFilter,
  work: (database: Database, filter: DeadLetterFilter) => Promise<number>,
  done: string,
): Promise<void> {
  let count = 0
  await eachDatabase(file, async (_, database) => {
    count += await work(database, filter)
    await notifyCommitted(database)
  })
  if (count === 0 && filter.eventId) throw wrong('No such dead letter: see `lintel events dead list`')
  console.log(`${count} ${count === 1 ? 'event is' : 'events are'} ${done}`)
}

/** As the API shows events (R-EVT-1). */
function shown({ eventId, data, headers, ...letter }: DeadLetter) {
  const cause = headers === null ? {} : { headers: JSON.parse(headers) as unknown }
  return { id: encodeId('evt', eventId), ...letter, ...cause, data: JSON.parse(data) as unknown }
}

function filterOrAll(event: string | undefined, options: FilterOptions): DeadLetterFilter {
  if (event === undefined && !options.all) throw wrong('Give the id of an event, or --all')
  if (event !== undefined && options.all) throw wrong('Give either the id of an event or --all, not both')
  return filterOf(event, options)
}

function filterOf(event: string | undefined, { consumer }: FilterOptions): DeadLetterFilter {
  const eventId = event === undefined ? undefined : decodeId('evt', event)
  if (event !== undefined && eventId === undefined) throw wrong(`"${event}" is not an event id, such as evt_01h4…`)
  return { eventId, consumer }
}

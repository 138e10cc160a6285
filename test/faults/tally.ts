import { setTimeout as delay } from 'node:timers/promises'
import { connect, urlFor } from '../../src/data/connection.ts'
import type { Told } from './clients.ts'
import { CONSUMERS } from './effects.ts'

/** What is found when everything has come to rest. All but the first three are to be empty. */
export interface Tally {
  readonly acknowledged: number
  readonly events: number
  readonly effects: number
  /** Something that was acknowledged, or had happened, and has not led to what follows from it. */
  readonly lost: readonly string[]
  /** Something that is there more often than once. */
  readonly doubled: readonly string[]
  /** Effects of one aggregate in another order than its events. */
  readonly inversions: readonly string[]
  readonly wrong: readonly string[]
}

interface Noted {
  readonly consumer: string
  readonly event: string
  readonly aggregate: string
}

/** Rows of the databases of a system, by SQL. */
export interface Books {
  rows<T = Record<string, any>>(service: 'users' | 'orders' | 'effects', sql: string): Promise<T[]>
}

export function booksOf(serverUrl: string): Books {
  return {
    async rows(service, sql) {
      const client = await connect(urlFor(serverUrl, `lintel_${service}`))
      try {
        return (await client.query(sql)).rows
      } finally {
        await client.end()
      }
    },
  }
}

const EVENTS = `select lintel.typeid('evt', id) as event, type, aggregate_id as aggregate from lintel.outbox
  where type like 'order.%' order by position`

/**
 * Resolves when every event is done by each of its consumers; rejects with what is missing when nothing has
 * moved for a minute.
 */
export async function rest(books: Books, say: (line: string) => void = () => {}): Promise<void> {
  let last = ''
  for (let sameFor = 0; ; sameFor++) {
    const left = await remaining(books).catch((error) => `${error}`)
    if (left === '') break
    if (left !== last) sameFor = 0
    if (sameFor > 240) throw new Error(`it does not come to rest: ${left}`)
    last = left
    say(`coming to rest: ${left}`)
    await delay(250)
  }
  // What would come twice has had its time when the longest lease has ended.
  await delay(1_000)
}

async function remaining(books: Books): Promise<string> {
  const undone = `select consumer, count(*) filter (where done_at is null)::int as waiting,
    count(*) filter (where done_at is not null)::int as done, count(dead_at)::int as dead from lintel.inbox group by 1`
  const [[userEvents], [orderEvents], inOrders, inEffects] = await Promise.all([
    books.rows(
      'users',
      `select count(*)::int as count from lintel.outbox where type in ('user.created', 'user.updated', 'user.deleted')`,
    ),
    books.rows('orders', `select count(*)::int as count from lintel.outbox where type like 'order.%'`),
    books.rows('orders', undone),
    books.rows('effects', undone),
  ])
  const done = new Map([...inOrders, ...inEffects].map((row) => [row.consumer as string, row]))
  const expected: [string, number][] = [
    ['orders.buyers', userEvents!.count],
    ...CONSUMERS.map((name): [string, number] => [`effects.${name}`, orderEvents!.count]),
  ]
  const missing = expected.flatMap(([name, count]) => {
    const is = done.get(name)?.done ?? 0
    return is === count ? [] : [`${name} has done ${is} of ${count}`]
  })
  const waitingFor = [...done.values()].filter((row) => row.waiting > 0)
  return [
    ...missing,
    ...waitingFor.map((row) => `${row.waiting} wait for ${row.consumer}${row.dead > 0 ? `, ${row.dead} dead` : ''}`),
  ].join(', ')
}

/** Compares, one by one, what was acknowledged, what is stored, what was published and what came of it. */
export async function tally(books: Books, told: Told): Promise<Tally> {
  const [orders, events, noted, buyers, users] = await Promise.all([
    books.rows('orders', `select lintel.typeid('ord', id) as id, status from orders`),
    books.rows<{ event: string; type: string; aggregate: string }>('orders', EVENTS),
    books.rows<Noted>(
      'effects',
      'select consumer, event_id as event, aggregate_id as aggregate from effects order by position',
    ),
    books.rows('orders', 'select id, active from buyers'),
    books.rows('users', 'select id, deleted_at is null as active from users'),
  ])
  const lost: string[] = []
  const doubled: string[] = []
  const once = (what: string, wanted: Iterable<string>, found: Iterable<string>) => {
    const counts = new Map<string, number>()
    for (const id of found) counts.set(id, (counts.get(id) ?? 0) + 1)
    for (const id of wanted) {
      const count = counts.get(id) ?? 0
      if (count === 0) lost.push(`${what} of ${id}`)
      counts.delete(id)
      if (count > 1) doubled.push(`${what} of ${id}, ${count} times`)
    }
    // What nobody asked for is one too many.
    for (const id of counts.keys()) doubled.push(`${what} of ${id}, which nobody knows of`)
  }
  const acknowledged = [...told.orders.values()]
  once('acknowledgement', new Set(acknowledged), acknowledged)
  once('row', acknowledged, ids(orders))
  const created = events.filter(({ type }) => type === 'order.created')
  once(
    'order.created',
    acknowledged,
    created.map(({ aggregate }) => aggregate),
  )
  const cancelled = events.filter(({ type }) => type === 'order.cancelled').map(({ aggregate }) => aggregate)
  once('order.cancelled', told.cancelled, cancelled)
  const byStatus = orders.filter(({ status }) => status === 'cancelled')
  once('cancelled row', told.cancelled, ids(byStatus))
  for (const name of CONSUMERS)
    once(
      `effect by ${name}`,
      events.map(({ event }) => event),
      noted.filter(({ consumer }) => consumer === name).map(({ event }) => event),
    )
  const word = ({ id, active }: Record<string, any>) => `${id} ${active ? 'active' : 'gone'}`
  once('buyer', users.map(word), buyers.map(word))
  return {
    acknowledged: acknowledged.length,
    events: events.length,
    effects: noted.length,
    lost,
    doubled,
    inversions: inversionsOf(events, noted),
    wrong: told.wrong,
  }
}

const ids = (rows: readonly Record<string, any>[]) => rows.map(({ id }) => id as string)

/** Effects that come before one of an earlier event of their aggregate. */
export function inversionsOf(events: readonly { event: string }[], effects: readonly Noted[]): string[] {
  const placeOf = new Map(events.map(({ event }, place) => [event, place]))
  const last = new Map<string, number>()
  return effects.flatMap(({ consumer, event, aggregate }) => {
    const key = `${consumer} ${aggregate}`
    const place = placeOf.get(event) ?? -1
    const before = last.get(key) ?? -1
    last.set(key, Math.max(place, before))
    return place < before ? [`${key}: ${event}`] : []
  })
}

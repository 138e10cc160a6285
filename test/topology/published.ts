import type { ConsumerSpec } from '../../src/contract/consumer.ts'
import { connect } from '../../src/data/connection.ts'
import reference from '../../system.ts'
import { until } from '../system-process.ts'
import type { Recorded, Topology, Transcript } from './play.ts'

/** Resolves when every consumer of a system has received all that it wants, and has done with it. */
export async function atRest({ databases }: Pick<Topology, 'databases'>, { services } = reference): Promise<void> {
  const names = services.map(({ contract }) => contract.name)
  const opened = new Map<string, Awaited<ReturnType<typeof connect>>>()
  for (const name of names) opened.set(name, await connect(databases[name]!))
  const ids = async (name: string, sql: string, values: unknown[] = []) =>
    (await opened.get(name)!.query<{ id: string }>(sql, values)).rows.map(({ id }) => id)
  const published = async () =>
    (await Promise.all(names.map((name) => ids(name, 'select id from lintel.outbox')))).flat()
  const isReceived = async () => {
    for (const { contract } of services)
      for (const [key, { from, events, start }] of Object.entries<ConsumerSpec>(contract.consumers)) {
        const wanted = 'select id from lintel.outbox where type = any($1) and created_at >= $2'
        const known = `select coalesce(min(subscribed_at), 'infinity')::text as id from lintel.receivers where consumer = $1`
        const had = 'select event_id as id from lintel.inbox where consumer = $1'
        const name = `${contract.name}.${key}`
        const since = start === 'now' ? (await ids(contract.name, known, [name]))[0] : '-infinity'
        const received = new Set(await ids(contract.name, had, [name]))
        if ((await ids(from, wanted, [Object.keys(events), since])).some((id) => !received.has(id))) return false
      }
    return true
  }
  const isHandled = async () => {
    const waiting = 'select event_id as id from lintel.inbox where done_at is null and dead_at is null'
    for (const name of names) if ((await ids(name, waiting)).length > 0) return false
    return true
  }
  try {
    // Handlers publish too.
    await until(async () => {
      const before = await published()
      return (await isReceived()) && (await isHandled()) && (await published()).length === before.length
    })
  } finally {
    for (const client of opened.values()) await client.end()
  }
}

/** What was published, by aggregate and in its order, and what each consumer made of it; in the terms of the transcript. */
export async function publishedIn({ databases, mails }: Topology, { normalise }: Transcript): Promise<Recorded[]> {
  const found: Recorded[] = []
  for (const [service, url] of Object.entries(databases).sort()) {
    const database = await connect(url)
    try {
      const { rows } = await database.query<Record<string, unknown>>(
        'select aggregate_id as of, type, data, headers from lintel.outbox order by position',
      )
      const byAggregate = new Map<string, string>()
      for (const { of, ...event } of rows) {
        const aggregate = normalise(String(of))
        const text = normalise(JSON.stringify(event, undefined, 2))
        byAggregate.set(aggregate, `${byAggregate.get(aggregate) ?? ''}${text}\n`)
      }
      for (const aggregate of [...byAggregate.keys()].sort())
        found.push({ request: `events of ${aggregate} in ${service}`, answer: byAggregate.get(aggregate)! })
      const handled = await database.query<{ line: string }>(
        `select concat_ws(' ', consumer, type, count(*), case when dead_at is null then 'done' else 'dead' end) as line
           from lintel.inbox group by consumer, type, dead_at is null, dead_at order by 1`,
      )
      found.push({ request: `handled in ${service}`, answer: handled.rows.map(({ line }) => line).join('\n') })
    } finally {
      await database.end()
    }
  }
  const sent = mails.mails.map(({ to, subject }) => `${to}: ${subject}`).sort()
  return [...found, { request: 'mails', answer: sent.join('\n') }]
}

import { connect } from '../../src/data/connection.ts'
import { until } from '../system-process.ts'
import { UNPUBLISHED } from '../unpublished.ts'
import type { Recorded, Topology, Transcript } from './play.ts'

/** Resolves when every event has been relayed, and every consumer has done with what came. */
export async function atRest({ databases }: Pick<Topology, 'databases'>): Promise<void> {
  for (const [service, url] of Object.entries(databases)) {
    if (service === 'events') continue
    const database = await connect(url)
    try {
      await until(async () => {
        const { rows } = await database.query<{ left: boolean }>(
          `select (${UNPUBLISHED}) > 0
             or exists (select from lintel.inbox where done_at is null and dead_at is null) as left`,
        )
        return rows[0]!.left === false
      })
    } finally {
      await database.end()
    }
  }
}

/** What was published, by aggregate and in its order, and what each consumer made of it; in the terms of the transcript. */
export async function publishedIn({ databases, mails }: Topology, { normalise }: Transcript): Promise<Recorded[]> {
  const found: Recorded[] = []
  for (const [service, url] of Object.entries(databases).sort()) {
    if (service === 'events') continue
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

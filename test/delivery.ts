import pg from 'pg'
import { COMMITTED } from '../src/data/outbox.ts'
import type { TestSystem } from '../src/testing/system.ts'
import { until } from './system-process.ts'

async function on<T extends object>(url: string, sql: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client(url)
  await client.connect()
  return client
    .query<T>(sql, values)
    .then(({ rows }) => rows)
    .finally(() => client.end())
}

/** Resolves when a consumer has handled everything that its publisher has committed since the consumer is known. */
export async function handledAll({ databases }: TestSystem, consumer: string, from: string, types: string[]) {
  const own = databases[consumer.split('.')[0]!]!
  const [known] = await on<{ at: Date }>(own, 'select subscribed_at as at from lintel.receivers where consumer = $1', [
    consumer,
  ])
  const published = await on<{ id: string }>(
    databases[from]!,
    'select id from lintel.outbox where type = any($1) and created_at >= $2',
    [types, known!.at],
  )
  await until(async () => {
    const [{ done }] = (await on<{ done: string }>(
      own,
      'select count(*) as done from lintel.inbox where consumer = $1 and event_id = any($2) and done_at is not null',
      [consumer, published.map(({ id }) => id)],
    )) as [{ done: string }]
    return Number(done) === published.length
  })
}

/** Without a broker: has a consumer read everything again, and waits until it has. */
export async function deliverAgain({ databases, url }: TestSystem, consumer: string): Promise<void> {
  const redeliveries = async () => {
    const health = (await (await fetch(`${url}/health`)).json()) as { checks: { queue: { redeliveries: number } } }
    return health.checks.queue.redeliveries
  }
  const before = await redeliveries()
  await on(
    databases[consumer.split('.')[0]!]!,
    'update lintel.receivers set position = 0, event_id = null, term = term + 1 where consumer = $1',
    [consumer],
  )
  await until(async () => (await redeliveries()) > before)
}

/** Keeps a consumer's events from arriving, until the answer is called. */
export async function holdBack({ databases }: TestSystem, consumer: string): Promise<() => Promise<unknown>> {
  const url = databases[consumer.split('.')[0]!]!
  const held = `update lintel.receivers set holder = gen_random_uuid(), held_until = $2 where consumer = $1`
  await on(url, held, [consumer, 'infinity'])
  return async () => {
    await on(url, held, [consumer, '-infinity'])
    // As whoever leaves off says so.
    await on(url, `notify ${COMMITTED}`)
  }
}

/** Takes a service's database away, until the answer is called. */
export async function takeAway(server: string, databaseUrl: string): Promise<() => Promise<unknown>> {
  const name = new URL(databaseUrl).pathname.slice(1)
  await on(server, `alter database ${name} connection limit 0`)
  await on(server, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  return () => on(server, `alter database ${name} connection limit -1`)
}

import { randomUUID } from 'node:crypto'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectToNats } from '@nats-io/transport-node'
import { connect } from '../src/data/connection.ts'

/** Of an order with two lines. */
export const DATA = JSON.stringify({
  userId: 'usr_01h455vb4pex5vsknk084sn02q',
  status: 'pending',
  total: 54.5,
  currency: 'USD',
  items: ['Chai', 'Chang'].map((name) => ({
    id: 'lin_01h455vb4pex5vsknk084sn02q',
    productId: 'prd_01h455vb4pex5vsknk084sn02q',
    sku: name.toLowerCase(),
    name,
    quantity: 1,
    unitPrice: 18,
    discount: 0,
    lineTotal: 18,
  })),
})

/** As many as the relay has in flight, and in one batch. */
const IN_FLIGHT = 256
const BATCH = 500

/** Publishes a second that JetStream acknowledges, of the same payload with message ids, without anything of ours. */
export async function rawNats(url: string, count: number): Promise<number> {
  const connection = await connectToNats({ servers: url })
  try {
    const manager = await jetstreamManager(connection)
    await manager.streams.add({ name: 'raw', subjects: ['raw.>'] })
    const js = jetstream(connection)
    const started = performance.now()
    let next = 0
    const publish = async () => {
      while (next++ < count) await js.publish('raw.order.created', DATA, { msgID: randomUUID() })
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, publish))
    return perSecond(count, started)
  } finally {
    await connection.close()
  }
}

/** Rows a second, in batches one after another, each a transaction of one statement. */
export async function rawPostgres(url: string, count: number): Promise<number> {
  const client = await connect(url)
  try {
    await client.query('create table raw (like messages including all)')
    const started = performance.now()
    for (let from = 0; from < count; from += BATCH)
      await client.query(
        `insert into raw (service, id, type, aggregate_id, occurred_at, data)
         select 'bench', id, 'order.created', 'ord_1', now(), $2::json from unnest($1::uuid[]) id`,
        [Array.from({ length: Math.min(BATCH, count - from) }, () => randomUUID()), DATA],
      )
    return perSecond(count, started)
  } finally {
    await client.end()
  }
}

const perSecond = (count: number, started: number) => Math.round((count / (performance.now() - started)) * 1000)

import { randomUUID } from 'node:crypto'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect as connectToNats } from '@nats-io/transport-node'

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

const perSecond = (count: number, started: number) => Math.round((count / (performance.now() - started)) * 1000)

import { type ConnectionOptions, checkServerIdentity } from 'node:tls'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect, headers, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { boundedCheck, CHECK_MS } from '../resilience/bounded-check.ts'
import type { Broker, CarriedEvent } from './carrier.ts'
import { createChains } from './chains.ts'
import { natsAddress } from './nats-address.ts'
import { setHeaders } from './nats-headers.ts'
import { isNotFound, type NatsSource, NS_PER_MS, natsSource } from './nats-source.ts'

export interface NatsCarrierOptions {
  readonly url: string
  /** Name of the stream, and first word of its subjects: `lintel`. */
  readonly stream: string
  readonly retentionMs: number
  readonly connectTimeoutMs: number
}

/** Publishes at once; of one aggregate never more than one, or a lost one would be overtaken. */
const IN_FLIGHT = 256
const PUBLISH_TIMEOUT_MS = 5_000

/** Events over NATS JetStream (2.9 or newer), in one stream, deduplicated by their ids. */
export async function createNatsCarrier(options: NatsCarrierOptions): Promise<Broker> {
  const { servers, hosts, tls, login } = natsAddress(options.url)!
  const connection = await connect({
    servers: [...servers],
    ...login,
    // The driver leaves out the scheme of a URL: without this it would log in without TLS wherever a server offers none.
    ...(tls && { tls: identityOf(hosts) }),
    name: options.stream,
    // Each publish would keep a stack, for an error that it nearly never needs: a third of the relay's time.
    noAsyncTraces: true,
    timeout: options.connectTimeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
  })
  const js = jetstream(connection, { timeout: PUBLISH_TIMEOUT_MS })
  const jsm = await jetstreamManager(connection, { checkAPI: false, timeout: PUBLISH_TIMEOUT_MS })
  const stream = streamKeeper(jsm, options)
  const sources = new Set<NatsSource>()
  const chains = createChains(IN_FLIGHT)
  // What was on its way when a connection ended is lost, and the server may have come back with another store.
  void watch(connection, () => {
    stream.forget()
    for (const source of sources) source.lose(new Error('the connection to NATS was made anew'))
  })
  await stream.ensure().catch(async (error) => {
    await connection.close()
    throw error
  })

  return {
    name: 'nats',
    async publish<E extends CarriedEvent>(from: string, events: readonly E[], signal: AbortSignal) {
      // The chains have to know of these before the call before this one has ended, and perhaps failed.
      const ensured = stream.ensure()
      // Each that is sent hears of its failure.
      ensured.catch(() => {})
      let failure: unknown
      const done = await chains.run(events, async (event) => {
        if (signal.aborted) return false
        try {
          await ensured
          await js.publish(`${options.stream}.${from}.${event.type}`, event.data, {
            msgID: event.id,
            headers: setHeaders(headers(), from, event),
          })
          return true
        } catch (error) {
          failure ??= error
          stream.forget()
          return false
        }
      })
      if (done.length === 0 && failure !== undefined) throw failure
      return done
    },
    async subscribe(subscription) {
      // It may have been taken away, and perhaps nobody has published since.
      stream.forget()
      await stream.ensure()
      const source = natsSource(js, jsm, options.stream, subscription, () => sources.delete(source))
      sources.add(source)
      return source
    },
    // A server that is frozen keeps its connection: the driver would wait for its answer for minutes.
    ping: boundedCheck(CHECK_MS.dependency, async () => {
      if (connection.isClosed()) throw new Error('the connection to NATS is closed')
      return connection.rtt()
    }),
    async close() {
      // Nothing is under way any more; a server that is away would keep a drain waiting.
      await connection.close()
    },
  }
}

/**
 * A certificate has to be of one of the hosts of the URL. Left to itself, the driver compares it with `localhost` where a server is given
 * by its address, and members of the cluster that it hears of have addresses alone. Its type lacks what it passes on to Node.
 */
function identityOf(hosts: readonly string[]): NonNullable<NodeConnectionOptions['tls']> {
  const options: ConnectionOptions = {
    checkServerIdentity(_, certificate) {
      const faults = hosts.map((host) => checkServerIdentity(host, certificate))
      return faults.includes(undefined) ? undefined : faults[0]
    },
  }
  return options as NonNullable<NodeConnectionOptions['tls']>
}

async function watch(connection: NatsConnection, reconnected: () => void): Promise<void> {
  for await (const { type } of connection.status()) if (type === 'reconnect') reconnected()
}

/** Makes the stream where it is missing; one that the operator made is left as it is. */
function streamKeeper(jsm: JetStreamManager, { stream, retentionMs }: NatsCarrierOptions) {
  let ensured: Promise<unknown> | undefined
  async function make() {
    try {
      await jsm.streams.info(stream)
    } catch (error) {
      if (!isNotFound(error)) throw error
      await jsm.streams.add({ name: stream, subjects: [`${stream}.>`], max_age: retentionMs * NS_PER_MS })
    }
  }
  return {
    ensure(): Promise<unknown> {
      ensured ??= make().catch((error) => {
        ensured = undefined
        throw error
      })
      return ensured
    },
    forget() {
      ensured = undefined
    },
  }
}

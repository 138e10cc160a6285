import type { Socket } from 'node:net'
import pg from 'pg'

/** How clients of one database are made; the driver's pipelining on. */
export type ClientConfig = pg.ClientConfig & { pipeline: boolean }

interface Wire {
  readonly stream: Socket
  connect(portOrPath: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
  on(event: string, listener: () => void): void
}

function wireOf(client: pg.ClientBase): Wire {
  return (client as unknown as { connection: Wire }).connection
}

/** Lets what is asked wait for more: until the end of what one event has led to, or of a turn of the event loop, as it does unless told. */
export type Cork = (until?: 'event' | 'turn') => void

/** Everything that is asked until then goes out in one write; `last` may add to it. */
export function createCork(client: pg.ClientBase, last?: () => void): Cork {
  let corked = false
  return (until = 'turn') => {
    if (corked) return
    corked = true
    // After an upgrade to TLS it is another one than before.
    const { stream } = wireOf(client)
    stream.cork()
    const defer = until === 'event' ? process.nextTick : setImmediate
    defer(() => {
      last?.()
      corked = false
      stream.uncork()
    })
  }
}

/** For what may be silent, and would not hear a goodbye: what is under way on it fails. */
export function destroy(client: pg.Client): void {
  wireOf(client).stream.destroy()
}

/** Says goodbye and waits for the server to hang up; after `timeoutMs` it hangs up itself, whatever is under way. */
export async function endWithin(client: pg.Client, timeoutMs: number): Promise<void> {
  const timer = setTimeout(() => destroy(client), timeoutMs)
  await client.end()
  clearTimeout(timer)
}

/**
 * Asks the server to end what a client has under way. Resolves when the server has taken notice, so that what is sent over
 * the client from then on is not meant by it; false when that did not come in time.
 */
export function cancel(client: pg.Client, config: ClientConfig, timeoutMs: number): Promise<boolean> {
  const { processID, secretKey } = client as unknown as { processID: number | null; secretKey: number }
  if (processID === null) return Promise.resolve(false)
  const { port, host, ssl } = client as pg.Client & { ssl: unknown }
  const wire = wireOf(new pg.Client({ ...config, connectionString: config.connectionString! }))
  return new Promise((resolve) => {
    let sent = false
    const timer = setTimeout(() => {
      sent = false
      wire.stream.destroy()
    }, timeoutMs)
    wire.on('end', () => {
      clearTimeout(timer)
      resolve(sent)
    })
    wire.on('error', () => wire.stream.destroy())
    const send = () => {
      sent = true
      wire.cancel(processID, secretKey)
    }
    wire.on('connect', () => (ssl ? wire.requestSsl() : send()))
    wire.on('sslconnect', send)
    if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`)
    else wire.connect(port, host)
  })
}

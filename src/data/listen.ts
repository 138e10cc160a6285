import { createRest } from '../base/rest.ts'
import { connect } from './connection.ts'
import { endWithin } from './wire.ts'

export interface Listener {
  close(): Promise<void>
}

const AGAIN_MS = 1000
/** A server that is frozen answers no goodbye. */
const GOODBYE_MS = 1_000

/**
 * Calls `heard` for each NOTIFY on a channel, and once after each connection that was made: a notification is a hint that
 * may be lost, as when the server dies and this connection with it. Never rejects.
 */
export function listen(url: string, channel: string, heard: (payload?: string) => void): Listener {
  const ending = new AbortController()
  let leave: (() => void) | undefined

  async function keepListening(): Promise<void> {
    while (!ending.signal.aborted) {
      await once().catch(() => {})
      await createRest().take(AGAIN_MS, ending.signal)
    }
  }

  /** Resolves when the connection has ended. */
  async function once(): Promise<void> {
    const client = await connect(url, { signal: ending.signal })
    const ended = new Promise<void>((resolve) => client.once('end', resolve))
    try {
      client.on('notification', ({ payload }) => heard(payload))
      leave = () => void endWithin(client, GOODBYE_MS)
      await client.query(`listen ${channel}`)
      heard()
      await ended
    } finally {
      leave = undefined
      await endWithin(client, GOODBYE_MS)
    }
  }

  const done = keepListening()
  return {
    async close() {
      ending.abort()
      leave?.()
      await done
    },
  }
}

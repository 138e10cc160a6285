import { createRest } from '../base/rest.ts'
import { connect } from './connection.ts'

export interface Listener {
  close(): Promise<void>
}

const AGAIN_MS = 1000

/**
 * Calls `heard` for each NOTIFY on a channel, and once after each connection that was made: a notification is a hint that
 * may be lost, as when the server dies and this connection with it. Never rejects.
 */
export function listen(url: string, channel: string, heard: () => void): Listener {
  const ending = new AbortController()
  let hangUp: (() => void) | undefined

  async function keepListening(): Promise<void> {
    while (!ending.signal.aborted) {
      await once().catch(() => {})
      await createRest().take(AGAIN_MS, ending.signal)
    }
  }

  /** Resolves when the connection has ended. */
  async function once(): Promise<void> {
    const client = await connect(url, { signal: ending.signal })
    try {
      const ended = new Promise<void>((resolve) => {
        hangUp = resolve
        client.once('end', resolve)
        client.once('error', () => resolve())
      })
      client.on('notification', heard)
      await client.query(`listen ${channel}`)
      heard()
      if (!ending.signal.aborted) await ended
    } finally {
      hangUp = undefined
      await client.end().catch(() => {})
    }
  }

  const done = keepListening()
  return {
    async close() {
      ending.abort()
      hangUp?.()
      await done
    },
  }
}

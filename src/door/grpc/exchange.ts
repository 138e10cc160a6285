import { sensitiveHeaders } from 'node:http2'
import type { Pipe } from '../framed/frames.ts'
import { EXCHANGE, LINTEL_TYPE, STATUS_HEADER, TAKEN } from './answers.ts'
import { openSession } from './session.ts'

/**
 * Opens the rpc, on a connection of its own, as the next may lead to another process. It ends with the rpc, and the rpc with it.
 * Rejects where it is not taken, or the signal is aborted.
 */
export function openExchange(
  origin: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Pipe> {
  return new Promise((resolve, reject) => {
    const session = openSession(origin)
    const stream = session.request({
      ':method': 'POST',
      ':path': EXCHANGE,
      'content-type': LINTEL_TYPE,
      te: 'trailers',
      ...headers,
      [sensitiveHeaders]: Object.keys(headers),
    })
    const giveUp = () => session.destroy()
    signal.addEventListener('abort', giveUp, { once: true })
    stream.on('error', () => {})
    // The other side has cut it. With a write still under way, Node would leave it open for ever.
    stream.once('aborted', () => session.destroy())
    stream.once('close', () => {
      session.destroy()
      reject(new Error('the rpc has ended'))
    })
    stream.once('response', (answered) => {
      signal.removeEventListener('abort', giveUp)
      if (answered[STATUS_HEADER] === TAKEN) resolve(stream)
      else giveUp()
    })
  })
}
